"""The article's sets come out as it counts them."""

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_corpora import made_clip

from train.article.data import ARTICLE_SETS, Data, article_labels, article_set, parts
from train.article.loading import load_experiment
from train.data.clips import Actors, Clip, CorpusError, numbered
from train.data.corpora import ReadSettings, find_clips, find_training_clips, ravdess
from train.data.duplicates import DuplicateRule
from train.data.leaks import check_no_leak
from train.data.splits import ClipSplit, protocol_splits


def article_split(
    clips: Sequence[Clip], name: str, *, seed: int, test_actors: Actors = frozenset()
) -> ClipSplit:
    """A set of the article, split by the protocol of the article."""
    members = article_set(clips, name).members.keys()
    (split,) = protocol_splits("article", clips, seed=seed, test_actors=test_actors, members=members)
    return split


@pytest.fixture(scope="module")
def release(release_root: Path) -> tuple[Clip, ...]:
    """All of RAVDESS, as the reader finds it in a folder."""
    return find_clips(release_root).clips


def test_the_release_is_as_large_as_it_should_be(release: tuple[Clip, ...]) -> None:
    """1,440 clips of speech and 1,012 of song, none of them sung by actor 18."""
    assert Counter(clip.channel for clip in release) == {"speech": 1440, "song": 1012}
    assert not any(clip.actor == "18" and clip.channel == "song" for clip in release)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    ("name", "counts"),
    [("ten", (1248, 312, 320)), ("men", (640, 160, 160)), ("women", (608, 152, 160))],
)
def test_the_sets_have_the_articles_sizes(
    release: tuple[Clip, ...], name: str, counts: tuple[int, int, int], seed: int
) -> None:
    """Whatever the seed: no test actor is trained on, and all are of 21 to 24."""
    split = article_split(release, name, seed=seed)
    assert (len(split.train), len(split.validation), len(split.test)) == counts
    check_no_leak(release, split)
    assert {release[i].actor for i in split.test} <= {"21", "22", "23", "24"}


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("keep-together", {(1248, 312, 320)}),
        ("drop", {(1247, 312, 320), (1248, 311, 320)}),
    ],
)
def test_the_pair_that_the_release_holds_twice(
    release_root: Path, tmp_path: Path, rule: DuplicateRule, counts: set[tuple[int, int, int]]
) -> None:
    """Kept together the counts are the article's; with one dropped, one part has a clip less."""
    root = tmp_path / "release"
    shutil.copytree(release_root, root, copy_function=os.link)
    first, second = (
        root / "Audio_Speech_Actors_01-24" / "Actor_07" / f"03-01-03-01-02-0{n}-07.wav" for n in (1, 2)
    )
    second.unlink()
    os.link(first, second)
    corpus = find_training_clips(root, settings=ReadSettings(duplicates=rule))
    (line,) = corpus.left_out
    assert "03-01-03-01-02-02-07.wav: sounds the same as" in line
    digests = {index: corpus.sounds[clip.path] for index, clip in enumerate(corpus.clips)}
    members = article_set(corpus.clips, "ten").members.keys()
    for seed in range(3):
        (split,) = protocol_splits("article", corpus.clips, seed=seed, members=members, digests=digests)
        assert (len(split.train), len(split.validation), len(split.test)) in counts
        check_no_leak(corpus.clips, split, digests=digests)


def test_the_ten_classes_are_split_evenly(release: tuple[Clip, ...]) -> None:
    """For validation there are 32 clips of each emotion of the men and 30 or 31 of the women."""
    chosen = article_set(release, "ten")
    split = article_split(release, "ten", seed=0)
    counts = Counter(chosen.labels[chosen.members[index]] for index in split.validation)
    assert {counts[f"male_{emotion}"] for emotion in article_labels("men")} == {32}
    assert {counts[f"female_{emotion}"] for emotion in article_labels("men")} == {30, 31}


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("men", ("angry", "calm", "fearful", "happy", "sad")),
        ("women3", ("negative", "neutral", "positive")),
        ("men2", ("negative", "positive")),
    ],
)
def test_classes_go_by_name(name: str, labels: tuple[str, ...]) -> None:
    """They are in alphabetical order."""
    assert article_labels(name) == labels


def test_there_are_ten_classes_of_ten() -> None:
    """The set is called after the number of its classes."""
    assert len(article_labels("ten")) == 10


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("men2", {"happy": "positive", "calm": "positive", "sad": "negative"}),
        ("men3", {"happy": "positive", "calm": "neutral", "neutral": "neutral", "angry": "negative"}),
    ],
)
def test_emotions_are_grouped_as_in_the_article(
    release: tuple[Clip, ...], name: str, groups: dict[str, str]
) -> None:
    """Of men alone, without disgust and surprise; neutral is in the three classes, not in the two."""
    chosen = article_set(release, name)
    assert {release[index].gender for index in chosen.members} == {"male"}
    found = {release[index].emotion: chosen.labels[label] for index, label in chosen.members.items()}
    assert groups.items() <= found.items()
    assert found.keys().isdisjoint({"disgust", "surprised"})
    assert ("neutral" in found) is (name == "men3")


def test_actors_at_hand_stand_in_for_the_missing_ones(release: tuple[Clip, ...]) -> None:
    """With the first twenty actors the last four are tested, of them the men in the men's set."""
    at_hand = [clip for clip in release if int(clip.actor) <= 20]
    split = article_split(at_hand, "men", seed=0, test_actors=numbered(17, 18, 19, 20))
    assert {at_hand[index].actor for index in split.test} == {"17", "19"}
    assert (len(split.train), len(split.validation), len(split.test)) == (512, 128, 160)


@pytest.mark.parametrize("name", ARTICLE_SETS)
def test_a_class_without_a_clip_is_named(name: str) -> None:
    """No set is made with a class that nothing can be learnt about."""
    stems = [stem for stem in ravdess.official_stems() if stem.split("-")[2] not in {"03", "04"}]
    clips = [made_clip(stem, Path("x")) for stem in stems]
    if name in {"men2", "men3", "women2", "women3"}:
        clips = [clip for clip in clips if clip.emotion not in {"angry", "fearful"}]
    with pytest.raises(CorpusError, match=r"no clip of .*(sad|negative)"):
        article_set(clips, name)


def test_a_set_of_another_name_is_refused() -> None:
    """The error lists those there are."""
    with pytest.raises(CorpusError, match="Bad set 'boys', expected one of: ten, men"):
        article_set([], "boys")


def test_a_corpus_without_calm_can_be_cross_validated() -> None:
    """CREMA-D has six of the eight emotions: its folds need no clip of the others, and score the six."""
    clip = made_clip("03-01-03-01-01-01-01")
    emotions = ("neutral", "happy", "sad", "angry", "fearful", "disgust")
    clips = [
        replace(
            clip,
            path=Path(f"nowhere/{actor}-{emotion}"),
            corpus="crema-d",
            actor=f"crema-d:{actor}",
            emotion=emotion,
        )
        for actor in range(1001, 1071)
        for emotion in emotions
    ]
    own = load_experiment("own")
    own = replace(own, data=replace(own.data, protocol="crema5"))
    folds = parts(
        own, Data(clips=tuple(clips), sounds={clip.path: clip.path.name for clip in clips}), seed=0
    )
    assert [len(fold.split.test) for fold in folds] == [14 * 6] * 5
    assert {fold.split.emotions for fold in folds} == {emotions}
    assert [fold.test_actors for fold in folds][:2] == ["crema-d:1001-1014", "crema-d:1015-1028"]
