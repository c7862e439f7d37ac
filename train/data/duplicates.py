"""The same sound under several names: found by its samples, and kept on one side of every split.

Two files sound the same if they decode to the same samples, or if the correlation of the two sounds,
aligned, exceeds 0.999: copies that differ in gain, in a few samples of silence at an end, in sampling
rate or in the last bits. Candidates are pairs of files with nearly the same mean spectrum, which
alignment does not change.
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import soundfile
from numpy.typing import NDArray

from serd.audio.files import read_samples
from serd.errors import SoundFileError
from train.data.clips import Clip, Corpus

DuplicateRule = Literal["keep-together", "drop"]
"""Keep clips of one speaker that sound the same on one side of each split, or use the first alone."""
DUPLICATE_RULES: Final[tuple[DuplicateRule, ...]] = ("keep-together", "drop")

_LOSSY: Final = frozenset({"OGG", "MP3"})
"""Formats of libsndfile whose decoding takes long."""
_BLOCK_FRAMES: Final = 1 << 16
_FLAC_MD5: Final = slice(26, 42)
"""Bytes of a FLAC file with the MD5 of its samples: the end of STREAMINFO, which follows "fLaC"
and the block header (RFC 9639, sections 8.1 and 8.2)."""
_MIN_CORRELATION: Final = 0.999
_MIN_SPECTRAL: Final = 0.998
"""Least correlation of the mean amplitude spectra of a pair that is compared sample by sample."""
_FRAME: Final = 1024
"""Samples of a frame of the mean spectrum: 64 ms, which tells neighboring pitches apart."""
_WINDOW: Final = np.sin(np.pi * (np.arange(_FRAME) + 0.5) / _FRAME).astype(np.float32)
"""Half a sine. In frames that overlap by half every sample counts the same, wherever frames begin."""
_MAX_COMPARED: Final = 1 << 20
"""Samples of a sound that are compared: the first 65 s."""
_ROWS: Final = 512
"""Spectra that are compared with all others at a time, which bounds the memory."""


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


def sound_keys(paths: Sequence[Path]) -> tuple[str, ...]:
    """A key of each file that files share if they sound the same; computed on all processors.

    Files without readable sound, or with digital silence alone, have keys of their own.
    """
    return _sound_keys(tuple((path, *_version(path)) for path in paths))


def _version(path: Path) -> tuple[int, int]:
    """Size and time of a file, by which a change is noticed."""
    try:
        state = path.stat()
    except OSError:
        return 0, 0
    return state.st_size, state.st_mtime_ns


@lru_cache(maxsize=2)
def _sound_keys(files: tuple[tuple[Path, int, int], ...]) -> tuple[str, ...]:
    """The keys, computed once for the same files: each split of a command is checked with them."""
    paths = [path for path, *_ in files]
    keys = list(content_digests(paths))
    first_with = {key: index for index, key in reversed(list(enumerate(keys)))}
    distinct = sorted(first_with.values())
    alike = {index: index for index in distinct}
    for one, other in _near_identical([paths[index] for index in distinct]):
        own, its = (_root(alike, distinct[index]) for index in (one, other))
        alike[max(own, its)] = min(own, its)
    return tuple(keys[_root(alike, first_with[key])] for key in keys)


def _root(alike: dict[int, int], index: int) -> int:
    while alike[index] != index:
        index = alike[index]
    return index


def _near_identical(paths: Sequence[Path]) -> list[tuple[int, int]]:
    """Pairs of files whose sounds, aligned, correlate enough."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        spectra = np.array(list(pool.map(_mean_spectrum, paths)), np.float32).reshape(len(paths), -1)
        pairs: list[tuple[int, int]] = []
        for start in range(0, len(paths), _ROWS):
            cosines = spectra[start : start + _ROWS] @ spectra[start:].T
            rows, columns = np.nonzero(np.triu(cosines > _MIN_SPECTRAL, k=1))
            pairs += zip((start + rows).tolist(), (start + columns).tolist(), strict=True)
        found = pool.map(lambda pair: _correlation(paths[pair[0]], paths[pair[1]]), pairs)
        return [pair for pair, value in zip(pairs, found, strict=True) if value > _MIN_CORRELATION]


def _mean_spectrum(path: Path) -> NDArray[np.float32]:
    """Root of the mean power spectrum of a sound, of norm 1; zeros for silence or no sound."""
    sound = np.pad(_sound(path), _FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(sound, _FRAME)[:: _FRAME // 2]
    power = np.square(np.abs(np.fft.rfft(frames * _WINDOW, axis=1))).sum(axis=0)
    total = power.sum()
    amplitudes: NDArray[np.float32] = np.sqrt(power / total if total else power).astype(np.float32)
    return amplitudes


def _sound(path: Path) -> NDArray[np.float32]:
    """The start of a sound at 16 kHz; empty if it cannot be read."""
    try:
        return read_samples(path)[:_MAX_COMPARED].astype(np.float32)
    except SoundFileError:
        return np.zeros(0, np.float32)


def _correlation(one: Path, other: Path) -> float:
    """Largest correlation of two sounds over all shifts, from 0 to 1."""
    first, second = _sound(one), _sound(other)
    norm = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    if not norm:
        return 0.0
    size = 1 << (first.size + second.size - 1).bit_length()
    product = np.fft.rfft(first, size) * np.conj(np.fft.rfft(second, size))
    return float(np.abs(np.fft.irfft(product, size)).max()) / norm


def groups_of(keys: Sequence[str]) -> list[list[int]]:
    """Indices that share a key, of each key that several do."""
    groups: dict[str, list[int]] = defaultdict(list)
    for index, key in enumerate(keys):
        groups[key].append(index)
    return [group for group in groups.values() if len(group) > 1]


def without_duplicates(corpus: Corpus, rule: DuplicateRule) -> Corpus:
    """A corpus in which every split by speaker has clips with the same sound on one side.

    Of clips of several speakers that sound the same, those of the first clip's speaker are used. The
    other clips of one speaker are used as well with "keep-together", and not with "drop". A split by
    file keeps them together (``train.data.splits``). A line says what was found.
    """
    keys = sound_keys([clip.path for clip in corpus.clips])
    unused: set[int] = set()
    lines = []
    for group in groups_of(keys):
        first = corpus.clips[group[0]]
        for index in group[1:]:
            clip = corpus.clips[index]
            is_used = rule == "keep-together" and clip.actor == first.actor
            verdict = _verdict(clip, first, rule)
            lines.append(f"{clip.path}: sounds the same as {first.path}; {verdict}")
            unused |= set() if is_used else {index}
    kept = tuple(clip for index, clip in enumerate(corpus.clips) if index not in unused)
    return replace(corpus, clips=kept, left_out=(*corpus.left_out, *lines))


def _verdict(clip: Clip, first: Clip, rule: DuplicateRule) -> str:
    if rule == "drop":
        return "left out"
    if clip.actor != first.actor:
        return f"left out, as actors {first.actor} and {clip.actor} may be on two sides of a split"
    return "kept on the same side of every split"
