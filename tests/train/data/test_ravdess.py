"""What the names of RAVDESS say."""

from collections.abc import Callable
from pathlib import Path

import pytest
from made_corpora import made_clip

from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError, fingerprint, numbered
from train.data.corpora import find_clips, ravdess
from train.data.corpora.ravdess import Missing, clip_from_path, missing_from_release


def _empty(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_name_says_everything_about_a_clip() -> None:
    """Channel, emotion, intensity, statement, gender and actor."""
    clip = clip_from_path(Path("x/03-02-06-02-01-02-18.wav"))
    assert (clip.channel, clip.emotion, clip.intensity) == ("song", "fearful", "strong")
    assert (clip.statement, clip.gender, clip.actor) == ("1", "female", "18")
    assert EMOTIONS[clip.label] == "fearful"


@pytest.mark.parametrize(
    "name",
    [
        "03-01-09-01-01-01-01",  # no ninth emotion
        "03-01-01-02-01-01-01",  # neutral is never strong
        "03-01-01-01-01-01-25",  # no such actor
        "03-01-01-01-01-01-00",
        "01-01-01-01-01-01-01",  # a video
        "03-01-01-01-01-01",
        "03-01-01-01-01-01-01-01",
        "speech",
    ],
)
def test_a_name_that_does_not_parse_is_refused_and_named(name: str) -> None:
    """A ninth emotion, a strong neutral, a 25th actor or a video: the error has the file's name."""
    with pytest.raises(CorpusError, match=name):
        clip_from_path(Path(f"{name}.wav"))


def test_clips_are_found_however_deep_and_other_sound_is_named(tmp_path: Path) -> None:
    """WAV or FLAC, in capitals or not; a text file is none of its business."""
    _empty(
        tmp_path,
        "a/b/c/03-01-03-01-01-01-02.flac",
        "03-02-03-01-01-01-01.WAV",
        "a/holiday.wav",
        "a/README.txt",
    )
    corpus = find_clips(tmp_path)
    assert [clip.actor for clip in corpus.clips] == ["2", "1"]
    assert corpus.actors == {"1", "2"}
    (line,) = corpus.left_out
    assert "holiday.wav" in line


def test_a_release_unpacked_into_itself_counts_once(tmp_path: Path) -> None:
    """One copy is used; the other is left out and said to be the same clip."""
    name = "Actor_01/03-01-03-01-01-01-01.wav"
    _empty(tmp_path, name, f"again/{name}")
    corpus = find_clips(tmp_path)
    assert len(corpus.clips) == 1
    assert "the same clip as" in corpus.left_out[0]


def test_song_can_be_left_alone(tmp_path: Path) -> None:
    """Without song only the spoken clip is found."""
    _empty(tmp_path, "03-01-03-01-01-01-01.wav", "03-02-03-01-01-01-01.wav")
    assert [clip.channel for clip in find_clips(tmp_path, with_song=False).clips] == ["speech"]


def test_a_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    """An empty folder and one that is not there have errors of their own."""
    with pytest.raises(CorpusError, match="no clip of RAVDESS"):
        find_clips(tmp_path)
    with pytest.raises(CorpusError, match="no such folder"):
        find_clips(tmp_path / "missing")


def test_the_fingerprint_knows_names_and_sizes_but_not_folders(tmp_path: Path) -> None:
    """The same name and size elsewhere is the same print; another size is another."""
    prints = []
    for folder, content in (("a", b"1"), ("b/c", b"2"), ("d", b"22")):
        path = tmp_path / folder / "03-01-03-01-01-01-01.wav"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        prints.append(fingerprint([clip_from_path(path)]))
    assert prints[0] == prints[1] != prints[2]


def _missing(keeps: Callable[[str], bool]) -> Missing:
    missing = missing_from_release(made_clip(stem) for stem in filter(keeps, ravdess.official_stems()))
    assert missing is not None
    return missing


def test_the_official_list_is_that_of_the_release() -> None:
    """1,440 clips are spoken and 1,012 sung: 60 and 44 an actor, but no song of actor 18."""
    stems = ravdess.official_stems()
    assert len(set(stems)) == len(stems) == 1440 + 1012
    assert sum(stem.startswith("03-01") for stem in stems) == 1440
    of_actor = [stem for stem in stems if stem.endswith("-07")]
    assert sum(stem.startswith("03-01") for stem in of_actor) == 60
    assert sum(stem.startswith("03-02") for stem in of_actor) == 44
    assert not any(stem.startswith("03-02") for stem in stems if stem.endswith("-18"))


def test_nothing_is_missing_from_all_of_it() -> None:
    """With every clip there, no actor and no clip is listed."""
    assert _missing(lambda _: True) == Missing()


def test_no_ravdess_at_all_misses_nothing() -> None:
    """Without any clip the answer is None, not a list of all that the release has."""
    assert missing_from_release([]) is None


@pytest.mark.parametrize("actor", [18, 21])
def test_a_whole_actor_is_named_once(actor: int) -> None:
    """By number alone, with all clips that are due: 104, or 60 for actor 18, who does not sing."""
    n_due = 60 if actor == 18 else 104
    missing = _missing(lambda stem: not stem.endswith(f"-{actor}"))
    assert missing == Missing(actors=numbered(actor), n_clips=n_due)


def test_a_release_without_song_is_named_by_its_actors() -> None:
    """Actor 18 has no song to miss, and is missing altogether where there is song alone."""
    missing = _missing(lambda stem: stem.startswith("03-01"))
    everyone_who_sings = numbered(*range(1, 25)) - numbered(18)
    assert missing == Missing(without_song=everyone_who_sings, n_clips=1012)
    song_alone = _missing(lambda stem: stem.startswith("03-02"))
    assert song_alone.without_speech == everyone_who_sings
    assert song_alone.actors == numbered(18)


def test_single_clips_are_named_one_by_one() -> None:
    """Two clips gone from actors who are otherwise whole are listed by their names."""
    names = ("03-02-02-01-01-02-17", "03-01-08-02-02-02-24")
    missing = _missing(lambda stem: stem not in names)
    assert missing == Missing(stems=tuple(sorted(names)), n_clips=2)
