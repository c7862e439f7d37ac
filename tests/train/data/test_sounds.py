"""Two files have one digest when they hold the same samples, whatever holds them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from testkit.voices import synthetic_voice
from train.data.sounds import N_BINS, content_digest, mean_spectrum

_VOICE = synthetic_voice(0.5)


def _write(path: Path, subtype: str = "PCM_16", *, rate_hz: int = 16_000, gain: int = 1) -> Path:
    soundfile.write(path, _VOICE * gain, rate_hz, subtype=subtype)
    return path


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24"])
def test_wav_and_flac_of_one_sound_are_alike(subtype: str, tmp_path: Path) -> None:
    """With 16 bits a sample and with 24."""
    paths = [_write(tmp_path / f"a.{suffix}", subtype) for suffix in ("wav", "flac")]
    first, second = map(content_digest, paths)
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
    assert len(set(map(content_digest, paths))) == len(paths)


def test_files_without_sound_are_like_no_other(tmp_path: Path) -> None:
    """Broken, empty and missing files pass for copies of nothing."""
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(b"no sound")
        soundfile.write(tmp_path / f"0{name}", np.empty(0, np.int16), 16_000)
    paths = [*sorted(tmp_path.iterdir()), tmp_path / "missing.wav"]
    assert len(set(map(content_digest, paths))) == len(paths) == 5


def test_a_mean_spectrum_has_norm_one_unless_there_is_no_sound(tmp_path: Path) -> None:
    """The sign of the samples does not change it; a broken file and silence have zeros."""
    spectra = [mean_spectrum(_write(tmp_path / f"{gain}.wav", gain=gain)) for gain in (1, -1)]
    assert np.linalg.norm(spectra[0]) == pytest.approx(1.0, abs=1e-4)
    assert spectra[0] == pytest.approx(spectra[1], abs=1e-6)
    (tmp_path / "broken.wav").write_bytes(b"no sound")
    soundfile.write(tmp_path / "silent.wav", np.zeros(3000, np.int16), 16_000)
    for name in ("broken.wav", "silent.wav"):
        assert np.array_equal(mean_spectrum(tmp_path / name), np.zeros(N_BINS))
