"""Two files are alike when they sound alike, whatever holds the sound."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from testkit.voices import synthetic_voice
from train.data.duplicates import content_digest, content_digests

_VOICE = synthetic_voice(0.5)


def _write(path: Path, subtype: str = "PCM_16", *, rate_hz: int = 16_000, gain: int = 1) -> Path:
    soundfile.write(path, _VOICE * gain, rate_hz, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_wav_and_flac_of_one_sound_are_alike(subtype: str, tmp_path: Path) -> None:
    """With 16 bits a sample and with 24."""
    paths = [_write(tmp_path / f"a.{suffix}", subtype) for suffix in ("wav", "flac")]
    first, second = content_digests(paths)
    assert first == second


def test_a_flac_whose_encoder_left_the_sum_out_is_decoded(tmp_path: Path) -> None:
    """Its digest is the same with the checksum and without."""
    path = _write(tmp_path / "a.flac")
    before = content_digest(path)
    data = path.read_bytes()
    path.write_bytes(data[:26] + bytes(16) + data[42:])
    assert content_digest(path) == before


def test_another_sound_is_another(tmp_path: Path) -> None:
    """So is the same sound louder, at another rate, or in floats."""
    paths = [
        _write(tmp_path / "a.wav"),
        _write(tmp_path / "b.wav", gain=2),
        _write(tmp_path / "c.wav", rate_hz=8000),
        _write(tmp_path / "d.wav", "FLOAT"),
    ]
    assert len(set(content_digests(paths))) == len(paths)


def test_files_without_sound_are_like_no_other(tmp_path: Path) -> None:
    """Broken, empty and missing files pass for copies of nothing."""
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"no sound")
        soundfile.write(tmp_path / f"0{name}", np.empty(0, np.int16), 16_000)
    paths = [*sorted(tmp_path.iterdir()), tmp_path / "missing.wav"]
    assert len(set(content_digests(paths))) == len(paths) == 5
