"""The same sound under several names: found by its samples, and kept on one side of every split.

Two files sound the same if they decode to the same samples, or if the correlation of the two sounds,
aligned, exceeds 0.999: copies that differ in gain, in a few samples of silence at an end, in sampling
rate or in the last bits. Candidates are pairs of files with nearly the same mean spectrum, which
alignment does not change.
"""

import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from train.data.clips import Clip, Corpus
from train.data.sound_store import examine
from train.data.sounds import start_of_sound

DuplicateRule = Literal["keep-together", "drop"]
"""Keep clips of one speaker that sound the same on one side of each split, or use the first alone."""
DUPLICATE_RULES: Final[tuple[DuplicateRule, ...]] = ("keep-together", "drop")

_MIN_CORRELATION: Final = 0.999
_MIN_SPECTRAL: Final = 0.998
"""Least correlation of the mean amplitude spectra of a pair that is compared sample by sample."""
_ROWS: Final = 512
"""Spectra that are compared with all others at a time, which bounds the memory."""


def sound_keys(paths: Sequence[Path], store: Path | None = None) -> tuple[str, ...]:
    """A key of each file that files share if they sound the same; computed on all processors.

    Files without readable sound, or with digital silence alone, have keys of their own.

    Args:
        paths: the files.
        store: file that keeps what is computed of each of them (``train.data.sound_store``); None keeps
            nothing.

    Raises:
        OperationError: the store cannot be read or written.
    """
    sounds = examine(paths, store)
    keys = [sound.digest for sound in sounds]
    first_with = {key: index for index, key in reversed(list(enumerate(keys)))}
    distinct = sorted(first_with.values())
    alike = {index: index for index in distinct}
    spectra = np.array([sounds[index].spectrum for index in distinct], np.float32)
    for one, other in _near_identical([paths[index] for index in distinct], spectra):
        own, its = (_root(alike, distinct[index]) for index in (one, other))
        alike[max(own, its)] = min(own, its)
    return tuple(keys[_root(alike, first_with[key])] for key in keys)


def distinct(paths: Sequence[Path]) -> list[Path]:
    """The files without those that sound the same as an earlier one."""
    first: dict[str, Path] = {}
    for path, key in zip(paths, sound_keys(paths), strict=True):
        first.setdefault(key, path)
    return list(first.values())


def _root(alike: dict[int, int], index: int) -> int:
    while alike[index] != index:
        index = alike[index]
    return index


def _near_identical(paths: Sequence[Path], spectra: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Pairs of files whose sounds, aligned, correlate enough; spectra have a row for each file."""
    spectra = spectra.reshape(len(paths), -1)
    pairs: list[tuple[int, int]] = []
    for start in range(0, len(paths), _ROWS):
        cosines = spectra[start : start + _ROWS] @ spectra[start:].T
        rows, columns = np.nonzero(np.triu(cosines > _MIN_SPECTRAL, k=1))
        pairs += zip((start + rows).tolist(), (start + columns).tolist(), strict=True)
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        found = pool.map(lambda pair: _correlation(paths[pair[0]], paths[pair[1]]), pairs)
        return [pair for pair, value in zip(pairs, found, strict=True) if value > _MIN_CORRELATION]


def _correlation(one: Path, other: Path) -> float:
    """Largest correlation of two sounds over all shifts, from 0 to 1."""
    first, second = start_of_sound(one), start_of_sound(other)
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


def without_duplicates(corpus: Corpus, rule: DuplicateRule, store: Path | None = None) -> Corpus:
    """A corpus in which every split by speaker has clips with the same sound on one side.

    Of clips of several speakers that sound the same, those of the first clip's speaker are used. The
    other clips of one speaker are used as well with "keep-together", and not with "drop". A split by
    file keeps them together (``train.data.splits``). A line says what was found.

    Args:
        corpus: the clips.
        rule: what becomes of the clips of one speaker.
        store: as for ``sound_keys``.

    Returns:
        The corpus, with the key of each clip's sound.

    Raises:
        OperationError: the store cannot be read or written.
    """
    keys = sound_keys([clip.path for clip in corpus.clips], store)
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
    sounds = {clip.path: key for clip, key in zip(corpus.clips, keys, strict=True)}
    return replace(corpus, clips=kept, left_out=(*corpus.left_out, *lines), sounds=sounds)


def _verdict(clip: Clip, first: Clip, rule: DuplicateRule) -> str:
    if rule == "drop":
        return "left out"
    if clip.actor != first.actor:
        return f"left out, as actors {first.actor} and {clip.actor} may be on two sides of a split"
    return "kept on the same side of every split"
