"""Exploring draws what is asked for and measures what is there."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from made_corpora import made_clip, write_tiny

from serd.model.labels import EMOTIONS
from testkit.voices import silence, synthetic_voice
from train.__main__ import main
from train.data.clips import Clip, CorpusError, numbered
from train.data.corpora import ravdess
from train.report.exploration import (
    choose_actors,
    draw_actor,
    draw_measures,
    measure,
    spectrogram_db,
    typical_clips,
)

_RELEASE = [made_clip(stem) for stem in ravdess.official_stems()]


def test_a_woman_and_a_man_are_drawn_if_nobody_is_named() -> None:
    """The first of each; where there are women alone, one of them. Who is named comes in order."""
    assert choose_actors(_RELEASE, frozenset()) == ("1", "2")
    women = [clip for clip in _RELEASE if clip.gender == "female"]
    assert choose_actors(women, frozenset()) == ("2",)
    assert choose_actors(_RELEASE, numbered(12, 3)) == ("3", "12")


def test_an_actor_who_is_not_there_is_named() -> None:
    """With those who are; song alone is no speech."""
    with pytest.raises(CorpusError, match="no speech of actor 25; there are actors 1-24"):
        choose_actors(_RELEASE, numbered(1, 25))
    with pytest.raises(CorpusError, match="no speech of actor any"):
        choose_actors([clip for clip in _RELEASE if clip.channel == "song"], frozenset())


def test_a_typical_clip_is_spoken_normally_the_first_time() -> None:
    """One for each emotion, in their order; of strong speech alone there is none of neutral."""
    typical = typical_clips(_RELEASE, "7")
    assert [clip.path.stem for clip in typical] == [f"03-01-{n:02d}-01-01-01-07" for n in range(1, 9)]
    strong = [clip for clip in _RELEASE if clip.intensity == "strong"]
    assert len(typical_clips(strong, "7")) == len(EMOTIONS) - 1, "neutral is never strong"


def test_a_higher_and_louder_voice_measures_so(tmp_path: Path) -> None:
    """An octave and 15 dB come out as such."""
    clips = []
    for actor, f0_hz, level_dbfs in ((1, 110.0, -35.0), (2, 220.0, -20.0)):
        path = tmp_path / f"03-01-05-01-01-01-{actor:02d}.wav"
        soundfile.write(path, synthetic_voice(1.0, f0_hz=f0_hz, level_dbfs=level_dbfs), 16_000)
        clips.append(ravdess.clip_from_path(path))
    measures, left_out = measure(clips)
    assert not left_out
    assert [each.pitch_hz for each in measures] == pytest.approx([110.0, 220.0], rel=0.03)
    assert measures[1].level_dbfs - measures[0].level_dbfs == pytest.approx(15.0, abs=1.0)


def test_clips_without_a_voice_are_named(tmp_path: Path) -> None:
    """Silence and a broken file have no measure, and each is said why."""
    quiet, broken = (tmp_path / f"03-01-05-01-01-01-{actor:02d}.wav" for actor in (1, 2))
    soundfile.write(quiet, silence(1.0), 16_000)
    broken.write_bytes(b"no sound")
    measures, left_out = measure(map(ravdess.clip_from_path, (quiet, broken)))
    assert not measures
    assert "no pitch is found" in left_out[0]
    assert "is not a sound file" in left_out[1]


def test_a_spectrogram_shows_a_tone_where_it_is() -> None:
    """In dB below the loudest, down to -70; sound shorter than a frame has one column."""
    time_s = np.arange(16_000) / 16_000
    tone = np.rint(8000 * np.sin(2.0 * np.pi * 2000.0 * time_s)).astype(np.int16)
    decibels = spectrogram_db(tone)
    assert set(decibels.argmax(axis=0).tolist()) == {2000 * 512 // 16_000}
    assert decibels.max() == pytest.approx(0.0)
    assert decibels.min() >= -70.0
    assert (spectrogram_db(silence(0.5)) == -70.0).all()
    assert spectrogram_db(silence(0.001)).shape == (257, 1)


def test_figures_hold_a_row_for_each_emotion_and_a_box_for_each_group(clips: list[Clip]) -> None:
    """In the order of ``EMOTIONS``; for each of them the level has two boxes."""
    typical = typical_clips(clips, "2")
    figure = draw_actor("2", typical)
    assert [axes.get_ylabel() for axes in figure.axes[::3]] == list(EMOTIONS)
    levels, pitches = draw_measures(measure(clips)[0]).axes
    assert [label.get_text() for label in pitches.get_xticklabels()] == list(EMOTIONS)
    assert len(levels.patches) == 2 * len(EMOTIONS)


def test_the_command_draws_and_prints(
    corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One picture an actor and one of level and pitch, in a new folder; --everyone measures all."""
    out = tmp_path / "new" / "pictures"
    assert main(["explore", str(corpus_root), "--actor", "1,2", "--out", str(out)]) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "actor-1.png",
        "actor-2.png",
        "level-and-pitch.png",
    ]
    captured = capsys.readouterr()
    assert "women pitch" in captured.out
    assert captured.err == ""
    assert main(["explore", str(corpus_root), "--everyone", "--actor", "3", "--out", str(out)]) == 0
    (row,) = (line for line in capsys.readouterr().out.splitlines() if line.startswith("angry"))
    assert row.split()[1] == "1", "one woman among three actors"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["EMPTY"], "no clip of RAVDESS, SAVEE, nEMO or 10 other corpora in it"),
        (["nowhere"], "no such folder"),
        (["CORPUS", "--actor", "9"], "no speech of actor 9; there are actors 1-3"),
        (["CORPUS", "--actor", "x"], "Bad actors 'x'"),
        (["BROKEN"], "none of the clips of actor 1 can be read"),
        (["TINY"], "no pitch is found in any of 1 clips"),
    ],
)
def test_what_cannot_be_used_is_said(
    arguments: list[str],
    message: str,
    corpus_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, and the last line says what is the matter."""
    for name in ("empty", "broken"):
        (tmp_path / name).mkdir()
    (tmp_path / "broken" / "03-01-05-01-01-01-01.wav").write_bytes(b"no sound")
    write_tiny(tmp_path / "tiny" / "03-01-05-01-01-01-01.wav")
    places = {name.upper(): str(tmp_path / name) for name in ("empty", "broken", "tiny")}
    places["CORPUS"] = str(corpus_root)
    words = [places.get(each, each) for each in arguments]
    assert main(["explore", "--out", str(tmp_path / "out"), *words]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("train: ")
    assert message in last
