"""Splits hold actors apart."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from made_corpora import made_clip, write_tiny

from train.data.clips import Clip, CorpusError, Split, numbered
from train.data.corpora import ravdess
from train.data.leaks import LeakError, check_no_leak
from train.data.protocols import LEAKY, LEFT_OUT, PROTOCOLS, SPLIT_PROTOCOLS, TEXT
from train.data.splits import clip_split, protocol_splits

_RELEASE = [made_clip(stem) for stem in ravdess.official_stems()]
_OTHERS = [
    replace(made_clip("03-01-03-01-01-01-01"), path=Path(f"nowhere/{actor}"), corpus=corpus, actor=actor)
    for corpus, names in (
        ("crema-d", range(1001, 1071)),
        ("nemo", ("EB0", "KS0", "IC0", "SM0", "KD0", "TP0")),
    )
    for actor in (f"{corpus}:{name}" for name in names)
]
"""A clip of each speaker whom a protocol of CREMA-D or nEMO tests."""
_NO_SOUND = {index: str(index) for index in range(len(_RELEASE))}
"""Digests of files that are not there, each its own."""


def _actors(clips: Sequence[Clip], indices: Sequence[int]) -> set[str]:
    return {clips[index].actor for index in indices}


@pytest.mark.parametrize("name", SPLIT_PROTOCOLS)
@pytest.mark.parametrize("with_song", [True, False])
def test_no_fold_of_a_protocol_leaks(name: str, *, with_song: bool) -> None:
    """Every fold passes the check, and song is trained on only where it is asked for."""
    clips = [*_RELEASE, *_OTHERS]
    channels = set()
    for split in protocol_splits(name, clips, seed=0, with_song=with_song):
        check_no_leak(clips, split, digests={index: str(index) for index in range(len(clips))})
        assert not split.is_leaky
        channels |= {clips[index].channel for index in split.train}
    assert channels == ({"speech", "song"} if with_song else {"speech"})


@pytest.mark.parametrize("name", ["dev5", "mmer5", "emobox6"])
def test_folds_validate_on_one_man_and_one_woman_and_score_speech(name: str) -> None:
    """Those tested are the protocol's own actors, with all 60 spoken clips of each."""
    splits = protocol_splits(name, _RELEASE, seed=0)
    for split, test in zip(splits, PROTOCOLS[name], strict=True):
        assert _actors(_RELEASE, split.test) == test
        genders = sorted(int(actor) % 2 for actor in _actors(_RELEASE, split.validation))
        assert genders == [0, 1]
        assert {_RELEASE[i].channel for i in (*split.test, *split.validation)} == {"speech"}
        assert len(split.test) == 60 * len(test)


def test_dev5_leaves_the_articles_test_actors_alone() -> None:
    """Actors 21 to 24 are in no part of any of its folds."""
    for split in protocol_splits("dev5", _RELEASE, seed=0):
        used = _actors(_RELEASE, (*split.train, *split.validation, *split.test))
        assert used == numbered(*range(1, 21))


def test_the_article_validates_on_clips_of_its_training_actors() -> None:
    """A fifth of their clips validate; actors 21 to 24 are tested in speech and song."""
    (split,) = protocol_splits("article", _RELEASE, seed=0)
    assert _actors(_RELEASE, split.train) == _actors(_RELEASE, split.validation)
    assert _actors(_RELEASE, split.test) == {"21", "22", "23", "24"}
    assert len(split.test) == 4 * (60 + 44)
    assert len(split.validation) == pytest.approx(0.2 * (len(_RELEASE) - len(split.test)), abs=1)


def test_other_actors_can_stand_in_for_the_articles() -> None:
    """The article's own are not trained on then; other protocols refuse test actors."""
    others = numbered(17, 18, 19, 20)
    (split,) = protocol_splits("article", _RELEASE, seed=0, test_actors=others)
    assert _actors(_RELEASE, split.test) == others
    assert _actors(_RELEASE, split.train) == numbered(*range(1, 17))
    for name in ("dev5", "leaky"):
        with pytest.raises(CorpusError, match="test actors"):
            protocol_splits(name, _RELEASE, seed=0, test_actors=others)


def test_song_is_scored_where_it_is_asked_for() -> None:
    """The article can be scored without it, and dev5 with it."""
    (article,) = protocol_splits("article", _RELEASE, seed=0, song_in_test=False)
    assert {_RELEASE[i].channel for i in (*article.test, *article.validation)} == {"speech"}
    assert {_RELEASE[i].channel for i in article.train} == {"speech", "song"}
    dev = protocol_splits("dev5", _RELEASE, seed=0, song_in_test=True)
    assert {_RELEASE[i].channel for i in dev[0].test} == {"speech", "song"}


def test_the_leaky_split_has_every_actor_everywhere_and_says_so() -> None:
    """A fifth of the files is validation and test at once, marked as leaky and let pass."""
    (split,) = protocol_splits("leaky", _RELEASE, seed=0)
    assert split.is_leaky
    assert split.validation == split.test
    assert sorted((*split.train, *split.test)) == list(range(len(_RELEASE)))
    assert _actors(_RELEASE, split.train) == _actors(_RELEASE, split.test)
    assert len(split.test) == pytest.approx(len(_RELEASE) / 5, abs=1)
    check_no_leak(_RELEASE, split, digests=_NO_SOUND)


@pytest.mark.parametrize("name", [*SPLIT_PROTOCOLS, "leaky"])
def test_the_seed_decides(name: str) -> None:
    """The same seed gives the same splits, another one others."""
    first, again, other = (protocol_splits(name, [*_RELEASE, *_OTHERS], seed=seed) for seed in (3, 3, 4))
    assert first == again != other


def test_text_holds_sentences_out_as_well_as_actors() -> None:
    """Each fold of dev5 is tested on one sentence by a network that learns the other, and each once."""
    splits = protocol_splits(TEXT, _RELEASE, seed=0)
    assert len(splits) == 10
    for number, split in enumerate(splits):
        assert _actors(_RELEASE, split.test) == PROTOCOLS["dev5"][number // 2]
        tested = {_RELEASE[i].statement for i in split.test}
        learnt = {_RELEASE[i].statement for i in (*split.train, *split.validation)}
        assert (len(tested), len(learnt)) == (1, 1)
        assert tested != learnt
    tested_clips = [i for split in splits for i in split.test]
    assert len(tested_clips) == len(set(tested_clips)) == 20 * 60
    twice = replace(splits[0], test=splits[1].test)
    with pytest.raises(LeakError, match=r"sentence \d is in both"):
        check_no_leak(_RELEASE, twice, digests=_NO_SOUND)


def test_a_left_out_corpus_is_tested_in_the_emotions_that_it_shows() -> None:
    """RAVDESS without calm and disgust; no clip of the tested corpus is learnt from."""
    clips = [*_RELEASE, *_OTHERS]
    splits = protocol_splits(LEFT_OUT, clips, seed=0)
    tested = [{clips[i].corpus for i in split.test} for split in splits]
    assert tested == [{"ravdess"}, {"crema-d"}, {"nemo"}]
    for split, corpora in zip(splits, tested, strict=True):
        assert corpora.isdisjoint({clips[i].corpus for i in (*split.train, *split.validation)})
        assert {clips[i].emotion for i in split.test} <= set(split.emotions)
    assert splits[0].emotions == ("neutral", "happy", "sad", "angry", "fearful", "surprised")
    assert splits[1].emotions == ("neutral", "happy", "sad", "angry", "fearful", "disgust")
    with pytest.raises(CorpusError, match=r"expected two corpora or more, .* got RAVDESS"):
        protocol_splits(LEFT_OUT, _RELEASE, seed=0)


@pytest.mark.parametrize("seed", range(5))
def test_clips_that_sound_the_same_are_on_one_side_of_a_split_by_file(seed: int) -> None:
    """As many clips validate as without them, whatever is drawn."""
    (plain,) = protocol_splits("article", _RELEASE, seed=seed)
    twins = [(plain.train[n], plain.validation[n]) for n in range(0, 200, 20)]
    digests = _NO_SOUND | {index: f"twin {pair[0]}" for pair in twins for index in pair}
    (split,) = protocol_splits("article", _RELEASE, seed=seed, digests=digests)
    check_no_leak(_RELEASE, split, digests=digests)
    assert [len(split.train), len(split.validation)] == [len(plain.train), len(plain.validation)]


def test_members_alone_are_split() -> None:
    """With the men alone no woman is in any part, and one man validates."""
    men = [index for index, clip in enumerate(_RELEASE) if clip.gender == "male"]
    for split in protocol_splits("dev5", _RELEASE, seed=0, members=men):
        assert {*split.train, *split.validation, *split.test} <= set(men)
        assert len(_actors(_RELEASE, split.validation)) == 1


@pytest.mark.parametrize("name", ["article", "dev5", "mmer5", "emobox6", TEXT, LEAKY])
def test_other_corpora_are_learnt_from_alone(name: str) -> None:
    """Neither validated on nor tested, whatever is drawn."""
    polish = replace(made_clip("03-01-03-01-01-01-01"), corpus="nemo", actor="nemo:EB0")
    clips = [*_RELEASE, *(replace(polish, path=Path(f"nowhere/{number}")) for number in range(20))]
    theirs = set(range(len(_RELEASE), len(clips)))
    for split in protocol_splits(name, clips, seed=0):
        assert theirs <= set(split.train)
        assert theirs.isdisjoint({*split.validation, *split.test})


def test_another_corpus_on_its_own_is_split_by_file() -> None:
    """Where there is no RAVDESS, its clips are all that there is to judge by."""
    polish = replace(made_clip("03-01-03-01-01-01-01"), corpus="nemo", actor="nemo:EB0")
    clips = [replace(polish, path=Path(f"nowhere/{number}")) for number in range(20)]
    (split,) = protocol_splits(LEAKY, clips, seed=0)
    assert len(split.test) == 4


def test_a_protocol_says_whom_it_misses_and_what_can_run() -> None:
    """The error names actors 21 to 24, and dev5, text and leaky as those that can run."""
    at_hand = [clip for clip in _RELEASE if int(clip.actor) <= 20]
    with pytest.raises(CorpusError, match=r"mmer5: no clip of actor 21-24.*: dev5, text, leaky$"):
        protocol_splits("mmer5", at_hand, seed=0)


def test_a_part_without_a_clip_is_refused() -> None:
    """The error names the protocol or its fold, and what there is no clip for."""
    few = [clip for clip in _RELEASE if clip.actor in {"1", "2", "3"}]
    with pytest.raises(CorpusError, match=r"article: no clip of actor 4"):
        protocol_splits("article", few, seed=0, test_actors=numbered(4))
    with pytest.raises(CorpusError, match="article: no clip is left to learn from"):
        protocol_splits("article", few, seed=0, test_actors=numbered(3), members=[2])
    men = [index for index, clip in enumerate(_RELEASE) if clip.gender == "male"]
    with pytest.raises(CorpusError, match="emobox6 2/6: no clip is left to test"):
        protocol_splits("emobox6", _RELEASE, seed=0, members=men)
    song = [clip for clip in _RELEASE if clip.channel == "song" or int(clip.actor) > 4]
    with pytest.raises(CorpusError, match="dev5 1/5: no clip is left to test"):
        protocol_splits("dev5", song, seed=0)


@pytest.fixture
def four(tmp_path: Path) -> list[Clip]:
    """Four actors, one clip each."""
    stems = [f"03-01-05-01-01-01-{actor:02d}" for actor in (1, 2, 3, 4)]
    return [ravdess.clip_from_path(write_tiny(tmp_path / f"{stem}.wav")) for stem in stems]


def test_groups_of_actors_become_clips(four: list[Clip]) -> None:
    """Each part holds the clips of its own actors, by index."""
    actors = Split(train=numbered(1, 2), validation=numbered(3), test=numbered(4))
    split = clip_split("final", four, actors)
    assert (split.train, split.validation, split.test) == ((0, 1), (2,), (3,))
