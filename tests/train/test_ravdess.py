"""What file names say, and who may be held out."""

from pathlib import Path

import pytest

from serd.labels import EMOTIONS
from train.protocols import PROTOCOLS, protocol_folds
from train.ravdess import (
    CorpusError,
    clip_from_path,
    find_clips,
    fingerprint,
    format_actors,
    parse_actors,
    split_actors,
)


def _empty(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_name_says_everything_about_a_clip() -> None:
    clip = clip_from_path(Path("x/03-02-06-02-01-02-18.wav"))
    assert (clip.channel, clip.emotion, clip.is_strong) == ("song", "fearful", True)
    assert (clip.statement, clip.repetition, clip.actor) == (1, 2, 18)
    assert EMOTIONS[clip.label] == "fearful"


@pytest.mark.parametrize(
    "name",
    [
        "03-01-09-01-01-01-01",  # no ninth emotion
        "03-01-01-02-01-01-01",  # neutral is never strong
        "01-01-01-01-01-01-01",  # a video
        "03-01-01-01-01-01",
        "03-01-01-01-01-01-01-01",
        "speech",
    ],
)
def test_a_name_that_does_not_parse_is_refused_and_named(name: str) -> None:
    with pytest.raises(CorpusError, match=name):
        clip_from_path(Path(f"{name}.wav"))


def test_clips_are_found_however_deep_and_everything_else_is_named(tmp_path: Path) -> None:
    _empty(
        tmp_path,
        "a/b/c/03-01-03-01-01-01-02.flac",
        "03-02-03-01-01-01-01.WAV",
        "a/holiday.wav",
        "a/README.txt",
    )
    corpus = find_clips(tmp_path)
    assert [clip.actor for clip in corpus.clips] == [2, 1]
    assert corpus.actors == {1, 2}
    (line,) = corpus.left_out
    assert "holiday.wav" in line


def test_a_release_unpacked_into_itself_counts_once(tmp_path: Path) -> None:
    name = "Actor_01/03-01-03-01-01-01-01.wav"
    _empty(tmp_path, name, f"again/{name}")
    corpus = find_clips(tmp_path)
    assert len(corpus.clips) == 1
    assert "the same clip as" in corpus.left_out[0]


def test_song_can_be_left_alone(tmp_path: Path) -> None:
    _empty(tmp_path, "03-01-03-01-01-01-01.wav", "03-02-03-01-01-01-01.wav")
    assert [clip.channel for clip in find_clips(tmp_path, with_song=False).clips] == ["speech"]


def test_a_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no RAVDESS clip"):
        find_clips(tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        find_clips(tmp_path / "missing")


@pytest.mark.parametrize(
    ("text", "actors"),
    [("", set()), ("3", {3}), ("1-4,17", {1, 2, 3, 4, 17}), (" 2 , 5 - 6 ", {2, 5, 6})],
)
def test_actors_are_numbers_and_ranges(text: str, actors: set[int]) -> None:
    assert parse_actors(text) == actors
    assert parse_actors(format_actors(actors)) == actors


@pytest.mark.parametrize("text", ["4-1", "one", "1-", "-3", "1;2", "1-2-3"])
def test_bad_actors_are_refused(text: str) -> None:
    with pytest.raises(CorpusError, match="Bad actors"):
        parse_actors(text)


def test_groups_of_actors_never_overlap() -> None:
    present = frozenset(range(1, 7))
    split = split_actors(present, test=frozenset({1, 2}), validation=frozenset({3}))
    assert (split.train, split.validation, split.test) == ({4, 5, 6}, {3}, {1, 2})
    with pytest.raises(CorpusError, match="both"):
        split_actors(present, test=frozenset({1, 2}), validation=frozenset({2}))
    with pytest.raises(CorpusError, match="no clip of actor 9"):
        split_actors(present, test=frozenset({9}))
    with pytest.raises(CorpusError, match="no actor is left"):
        split_actors(present, test=present)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_no_actor_is_tested_twice_in_a_protocol(name: str) -> None:
    folds = protocol_folds(name, frozenset(range(1, 25)))
    tested = [actor for fold in folds for actor in fold]
    assert len(tested) == len(set(tested))
    n_expected = {"article": 4, "dev5": 20}.get(name, 24)
    assert len(tested) == n_expected


def test_a_protocol_needs_its_actors() -> None:
    with pytest.raises(CorpusError, match="no clip of actor 21-24"):
        protocol_folds("article", frozenset(range(1, 21)))
    with pytest.raises(CorpusError, match="expected one of"):
        protocol_folds("dev6", frozenset(range(1, 21)))


def test_the_fingerprint_knows_names_and_sizes_but_not_folders(tmp_path: Path) -> None:
    prints = []
    for folder, content in (("a", b"1"), ("b/c", b"2"), ("d", b"22")):
        path = tmp_path / folder / "03-01-03-01-01-01-01.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        prints.append(fingerprint([clip_from_path(path)]))
    assert prints[0] == prints[1] != prints[2]
