"""What tells the sound of a file from others: a digest of its samples, and its mean spectrum."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.errors import SoundFileError

_LOSSY: Final = frozenset({"OGG", "MP3"})
"""Formats of libsndfile whose decoding takes long."""
_BLOCK_FRAMES: Final = 1 << 16
_FLAC_MD5: Final = slice(26, 42)
"""Bytes of a FLAC file with the MD5 of its samples: the end of STREAMINFO, which follows "fLaC"
and the block header (RFC 9639, sections 8.1 and 8.2)."""
_FRAME: Final = 1024
"""Samples of a frame of the mean spectrum: 64 ms, which tells neighboring pitches apart."""
N_BINS: Final = _FRAME // 2 + 1
"""Values of a mean spectrum."""
_WINDOW: Final = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME).astype(np.float32)
"""Half a sine. In frames that overlap by half every sample counts the same, wherever frames begin."""
_MAX_COMPARED: Final = 1 << 20
"""Samples of a sound that are compared: the first 65 s."""


def content_digest(path: Path) -> str:
    """A digest that two files share if they decode to the same samples at the same rate.

    WAV and FLAC of the same sound have the same digest. Files of a lossy format share one only if they
    are the same byte for byte. A file without readable sound has a digest of its own.
    """
    try:
        with soundfile.SoundFile(path) as file:
            shape = f"{file.samplerate} Hz x {file.channels}"
            if file.frames == 0:
                return str(path)
            if file.format in _LOSSY:
                digest = hashlib.md5(path.read_bytes(), usedforsecurity=False)
                return f"{shape} {file.subtype} {digest.hexdigest()}"
            if file.subtype != "PCM_16":
                return f"{shape} {file.subtype} {_digest(file, 'int32')}"
            md5 = _flac_md5(path) if file.format == "FLAC" else ""
            return f"{shape} {md5 or _digest(file, 'int16')}"
    except (soundfile.LibsndfileError, OSError):
        return str(path)


def _digest(file: soundfile.SoundFile, dtype: str) -> str:
    """MD5 over little-endian samples, as FLAC computes it."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in file.blocks(_BLOCK_FRAMES, dtype=dtype):
        digest.update(block.tobytes())
    return digest.hexdigest()


def _flac_md5(path: Path) -> str:
    """MD5 from the FLAC header; empty if the encoder left it out or other data come first."""
    with path.open("rb") as file:
        head = file.read(_FLAC_MD5.stop)
    md5 = head[_FLAC_MD5]
    return md5.hex() if head.startswith(b"fLaC") and any(md5) else ""


def mean_spectrum(path: Path) -> NDArray[np.float32]:
    """Root of the mean power spectrum of the start of a sound.

    Returns:
        float32, shape (N_BINS,), of norm 1; zeros for silence or no sound.
    """
    sound = np.pad(start_of_sound(path), _FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[:: _FRAME // 2]
    power = np.square(np.abs(np.fft.rfft(frames * _WINDOW, axis=1))).sum(axis=0)
    total = power.sum()
    amplitudes: NDArray[np.float32] = np.sqrt(power / total if total else power).astype(np.float32)
    return amplitudes


def start_of_sound(path: Path) -> NDArray[np.float32]:
    """The first 65 s of a sound.

    Returns:
        float32, shape (n_samples,), 16 kHz mono, full scale being 32,768; empty if it cannot be read.
    """
    try:
        return read_samples(path)[:_MAX_COMPARED].astype(np.float32)
    except SoundFileError:
        return np.zeros(0, np.float32)
