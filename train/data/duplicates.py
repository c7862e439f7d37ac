"""What sound a file holds, so that the same sound under two names is found."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import soundfile

_BLOCK_FRAMES: Final = 1 << 16
_FLAC_MD5: Final = slice(26, 42)
"""Where a FLAC file keeps the MD5 of its decoded samples: after "fLaC" and the block header, at the end
of the 34 bytes of STREAMINFO (RFC 9639, sections 8.1 and 8.2)."""


def content_digest(path: Path) -> str:
    """A text that two files share when they decode to the same samples at the same rate.

    WAV and FLAC of the same sound are alike. A file that cannot be read, or that holds no sound, is like
    no other.
    """
    try:
        with soundfile.SoundFile(path) as file:
            shape = f"{file.samplerate} Hz x {file.channels}"
            if file.frames == 0:
                return str(path)
            if file.subtype != "PCM_16":
                return f"{shape} {file.subtype} {_digest(file, 'int32')}"
            md5 = _flac_md5(path) if file.format == "FLAC" else ""
            return f"{shape} {md5 or _digest(file, 'int16')}"
    except (soundfile.LibsndfileError, OSError):
        return str(path)


def content_digests(paths: Iterable[Path]) -> tuple[str, ...]:
    """The digest of each file, on all processors."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return tuple(pool.map(content_digest, paths))


def _digest(file: soundfile.SoundFile, dtype: str) -> str:
    """MD5 over the samples as they lie in a WAV file, which is how FLAC counts it, too."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in file.blocks(_BLOCK_FRAMES, dtype=dtype):
        digest.update(block.tobytes())
    return digest.hexdigest()


def _flac_md5(path: Path) -> str:
    """What the header says; empty where the encoder left it out, or where other data come first."""
    with path.open("rb") as file:
        head = file.read(_FLAC_MD5.stop)
    md5 = head[_FLAC_MD5]
    return md5.hex() if head.startswith(b"fLaC") and any(md5) else ""
