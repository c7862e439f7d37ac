"""Made sounds: none is speech, all are sound, and they are the same each time."""

from pathlib import Path

import numpy as np
import pytest

from serd.audio.files import read_samples
from train.features.synthetic_noise import synthetic_noises, synthetic_sound

KINDS = ("steady", "surging", "taps", "hum", "tune", "chords", "siren", "calls")


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_is_heard_and_stays_within_full_scale(kind: str) -> None:
    """Four seconds of an RMS above -60 dBFS, no sample beyond 1, the same for the same seed."""
    for seed in range(5):
        sound = synthetic_sound(kind, np.random.default_rng(seed))
        assert (sound.dtype, sound.shape) == (np.float32, (64_000,))
        assert np.isfinite(sound).all()
        assert np.sqrt(np.mean(sound**2)) > 1e-3
        assert np.abs(sound).max() <= 1.0
        assert np.array_equal(sound, synthetic_sound(kind, np.random.default_rng(seed)))


def test_files_are_written_once(tmp_path: Path) -> None:
    """A second call leaves them untouched; every kind is among them, and no other file is left."""
    paths = synthetic_noises(tmp_path / "made", 16)
    assert len(set(paths)) == 16
    assert {path.stem.split("-")[1] for path in paths} == set(KINDS)
    written_ns = [path.stat().st_mtime_ns for path in paths]
    assert [path.stat().st_mtime_ns for path in synthetic_noises(tmp_path / "made", 16)] == written_ns
    assert read_samples(paths[0]).shape == (64_000,)
    assert sorted(paths) == sorted((tmp_path / "made").iterdir())
