"""Digests of the sound in a file, by which the same sound under two names is found."""

import hashlib
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import soundfile

_BLOCK_FRAMES: Final = 1 << 16
_FLAC_MD5: Final = slice(26, 42)
"""Bytes of a FLAC file with the MD5 of its samples: the end of STREAMINFO, which follows "fLaC"
and the block header (RFC 9639, sections 8.1 and 8.2)."""


def content_digest(path: Path) -> str:
    """A digest that two files share if they decode to the same samples at the same rate.

    WAV and FLAC of the same sound have the same digest. A file without readable sound has a digest of
    its own.
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
