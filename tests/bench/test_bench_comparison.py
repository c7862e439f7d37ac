"""Candidates run in turn in processes of their own; one that lacks a package is left out."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.candidates import LOWER_BOUNDS, PEERS, SERD, STAGES, TINY, TITLES, make_candidate
from bench.comparison import Entry, compare
from bench.context import ROOT
from bench.lower_bounds import covered_samples
from bench.pipelines import windows_of
from bench.sound import talk
from serd.errors import OperationError

_SCENES = [talk(8.0, lead_s=0.5), talk(5.0, lead_s=0.2)]


def test_every_round_measures_every_candidate_on_the_same_windows(tmp_path: Path) -> None:
    """A value for each scene of each pass; the whole pipeline costs more than the network alone."""
    entries = [Entry(label=name, name=name) for name in ("serd-file", "serd-live", "litert")]
    comparison = compare(entries, _SCENES, n_passes=2, core=0, folder=tmp_path)
    assert set(comparison.rounds) == {"serd-file", "serd-live", "litert"}
    n_windows = [len(windows_of(scene, 48_000)) for scene in _SCENES]
    for rounds in comparison.rounds.values():
        assert rounds.n_per_s == pytest.approx([n_windows[0] / 8.0, n_windows[1] / 5.0] * 2)
        assert all(0.0 < ms < 1000.0 for ms in rounds.cpu_ms)
    own, bound = comparison.rounds["serd-file"], comparison.rounds["litert"]
    assert sum(own.cpu_ms) > sum(bound.cpu_ms)


def test_a_candidate_that_lacks_a_package_is_left_out(tmp_path: Path) -> None:
    """The others go on, and the reason is the message of the ImportError."""
    broken = tmp_path / "opensmile.py"
    broken.write_text("raise ImportError('no opensmile here')\n")
    entries = [
        Entry(label="vad-alone", name="vad-alone"),
        Entry(label="opensmile", name="opensmile", checkout=tmp_path),
    ]
    comparison = compare(entries, _SCENES, n_passes=1, core=0, folder=tmp_path)
    assert set(comparison.rounds) == {"vad-alone"}
    assert comparison.left_out == {"opensmile": "no opensmile here"}


def test_a_candidate_that_dies_is_named(tmp_path: Path) -> None:
    """The error has its exit code and ends the comparison."""
    with pytest.raises(OperationError, match="nobody ended with code 1"):
        compare([Entry(label="nobody", name="nobody")], _SCENES, n_passes=1, core=0, folder=tmp_path)


def test_each_stage_gives_the_output_of_the_whole_pipeline() -> None:
    """A stage on the recorded output of the one before it loses nothing."""
    windows = windows_of(_SCENES[0], 48_000)
    for name in ("features", "model"):
        assert make_candidate(name).prepare(_SCENES[0])() == len(windows)
    assert make_candidate("events").prepare(_SCENES[0])() > len(windows)
    assert make_candidate("voice").prepare(_SCENES[0])() == _SCENES[0].size // 480 + 1


def test_samples_in_several_windows_count_once() -> None:
    """The windows of 12 s of sound cover less than 12 s, and less than the sum of their lengths."""
    windows = windows_of(talk(12.0, lead_s=0.5, turn_s=12.0), 48_000)
    assert covered_samples(windows) < 12 * 16_000 < sum(window.samples.size for window in windows)


def test_every_candidate_has_a_title() -> None:
    """An unknown name is refused, and the error lists the known ones."""
    assert set(TITLES) == {*SERD, TINY, *PEERS, *STAGES, *LOWER_BOUNDS}
    assert all(TITLES.values())
    with pytest.raises(ValueError, match="no candidate 'nobody', expected one of: serd-live"):
        make_candidate("nobody")


def test_the_benchmarks_import_no_peer_at_the_start() -> None:
    """The program loads neither TensorFlow nor Keras, librosa or openSMILE."""
    code = (
        "import sys, bench.__main__;"
        "print({'tensorflow', 'librosa', 'opensmile', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_silence_brings_no_window() -> None:
    """Three seconds of zeros give no event."""
    assert make_candidate("serd-file").prepare(np.zeros(48_000, np.int16))() == 0
