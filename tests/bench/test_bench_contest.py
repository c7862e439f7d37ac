"""Contestants run in turn in processes of their own; who lacks a package is left out, and said so."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench.contest import ROOT, Entry, run_contest
from bench.contestants import FLOORS, PEERS, SERD, STAGES, TINY, TITLES, make_contestant
from bench.floors import kept_samples
from bench.sound import talk
from bench.ways import windows_of
from serd.errors import OperationError

_SCENES = [talk(8.0, lead_s=0.5), talk(5.0, lead_s=0.2)]


def test_every_round_is_measured_for_everyone_and_counts_the_same_windows(tmp_path: Path) -> None:
    """A figure for each scene of each pass; the whole way costs more than the network alone."""
    entries = [Entry(label=name, name=name) for name in ("serd-file", "serd-live", "litert")]
    outcome = run_contest(entries, _SCENES, n_passes=2, core=0, folder=tmp_path)
    assert set(outcome.scores) == {"serd-file", "serd-live", "litert"}
    n_windows = [len(windows_of(scene, 48_000)) for scene in _SCENES]
    for score in outcome.scores.values():
        assert score.n_per_s == pytest.approx([n_windows[0] / 8.0, n_windows[1] / 5.0] * 2)
        assert all(0.0 < ms < 1000.0 for ms in score.cpu_ms)
    own, floor = outcome.scores["serd-file"], outcome.scores["litert"]
    assert sum(own.cpu_ms) > sum(floor.cpu_ms)


def test_who_lacks_a_package_is_left_out_and_the_others_go_on(tmp_path: Path) -> None:
    """The reason stands there in the words of the import."""
    broken = tmp_path / "opensmile.py"
    broken.write_text("raise ImportError('no opensmile here')\n")
    entries = [
        Entry(label="vad-alone", name="vad-alone"),
        Entry(label="opensmile", name="opensmile", checkout=tmp_path),
    ]
    outcome = run_contest(entries, _SCENES, n_passes=1, core=0, folder=tmp_path)
    assert set(outcome.scores) == {"vad-alone"}
    assert outcome.left_out == {"opensmile": "no opensmile here"}


def test_a_contestant_that_dies_is_named(tmp_path: Path) -> None:
    """With its exit code, and the contest is over."""
    with pytest.raises(OperationError, match="nobody ended with code 1"):
        run_contest([Entry(label="nobody", name="nobody")], _SCENES, n_passes=1, core=0, folder=tmp_path)


def test_each_stage_gives_what_the_whole_way_gives() -> None:
    """The stages work on what was recorded of the one before, and lose nothing."""
    windows = windows_of(_SCENES[0], 48_000)
    for name in ("features", "model"):
        assert make_contestant(name).prepare(_SCENES[0])() == len(windows)
    assert make_contestant("events").prepare(_SCENES[0])() > len(windows)
    assert make_contestant("voice").prepare(_SCENES[0])() == _SCENES[0].size // 480 + 1


def test_samples_in_several_windows_count_once() -> None:
    """So what is kept of 12 s of sound is less than 12 s, and less than all windows together."""
    windows = windows_of(talk(12.0, lead_s=0.5, turn_s=12.0), 48_000)
    assert kept_samples(windows) < 12 * 16_000 < sum(window.samples.size for window in windows)


def test_every_contestant_has_a_title_and_nobody_else_is_known() -> None:
    """An unknown name is refused, and the error lists those there are."""
    assert set(TITLES) == {*SERD, TINY, *PEERS, *STAGES, *FLOORS}
    assert all(TITLES.values())
    with pytest.raises(ValueError, match="no contestant 'nobody', expected one of: serd-live"):
        make_contestant("nobody")


def test_the_bench_imports_no_peer_before_it_is_asked_to() -> None:
    """A new process has neither TensorFlow nor Keras, librosa or openSMILE."""
    code = (
        "import sys, bench.__main__;"
        "print({'tensorflow', 'librosa', 'opensmile', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


def test_silence_brings_no_window() -> None:
    """Three seconds of zeros are worked through, and nothing comes of them."""
    assert make_contestant("serd-file").prepare(np.zeros(48_000, np.int16))() == 0
