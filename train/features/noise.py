"""Recordings of noise to draw from.

A recording is trimmed of silence at both ends, started at a random place and repeated to the length of
the clip that it is for. The recording and the place depend only on the seed and the clip's name, so a
clip has the same noise at each signal-to-noise ratio.

Recordings fall into folds, so that a network can be scored with noise that it was not trained on.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from serd.audio.files import read_samples
from serd.audio.format import Samples, Sound, to_sound
from serd.audio.paths import sound_files
from serd.daemon.worker_pool import map_in_order
from serd.errors import SoundFileError
from serd.model.labels import NONE
from train.data.clips import Clip, CorpusError

_ESC = re.compile(r"([1-5])-\d+-[A-Z](-\d+)?")
CREDIT: Final = (
    "Recordings without speech from ESC-50: K. J. Piczak, 2015, ESC: Dataset for Environmental Sound"
    " Classification, ACM Multimedia, licensed CC BY 3.0."
)
"""Credit in the card of a model trained with ESC-50."""
_PIECE = re.compile(r"(.+_\d+)_\d+")
"""Piece of a longer recording, such as "vacuuming_2_13": what comes before is the original."""
_N_OTHER = 3
"""Folds of recordings with other names."""


NOISE: Final = "noise"
"""Corpus of clips without speech."""
_SILENT_SHARE = 1e-3
"""Share of a recording's peak below which its two ends are silence: 60 dB."""


def noise_fold(path: Path) -> str:
    """The fold of a recording.

    Args:
        path: the file. The name of a recording of ESC-50, such as "1-26143-A-21", or "1-26143-A" in a
            folder for each class, begins with its fold, which all pieces of one original share:
            K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.

    Returns:
        "1" to "5" in ESC-50; "a" to "c" by a checksum of any other name, the same for all pieces of one
        original, whose names differ in a last number ("vacuuming_2_0", "vacuuming_2_1").
    """
    match = _ESC.fullmatch(path.stem)
    if match:
        return match[1]
    piece = _PIECE.fullmatch(path.stem)
    return "abc"[crc32((piece[1] if piece else path.stem).encode()) % _N_OTHER]


def is_esc(path: Path) -> bool:
    """Whether a recording is named like those of ESC-50."""
    return _ESC.fullmatch(path.stem) is not None


def noise_folds(paths: Iterable[Path]) -> tuple[str, ...]:
    """Every fold with a recording, in order."""
    return tuple(sorted({noise_fold(path) for path in paths}))


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseBank:
    """Recordings of noise to draw from."""

    folders: tuple[Path, ...]
    """Folders of the recordings."""
    paths: tuple[Path, ...]
    """Readable recordings with sound, by name."""
    left_out: tuple[str, ...]
    """One line for each other recording, with the reason."""

    def name(self, path: Path) -> str:
        """The name of one of the recordings within its folder."""
        folder = next(each for each in self.folders if path.is_relative_to(each))
        return path.relative_to(folder).as_posix()

    def draw(self, clip: Clip, n_samples: int, *, seed: int) -> tuple[Path, Sound]:
        """Noise for a clip.

        Args:
            clip: the clip; its name is part of the random seed.
            n_samples: length, in samples.
            seed: seed of the recording and of its start.

        Returns:
            The recording's path, and float32, shape (n_samples,), of any level above 0.
        """
        key = hashlib.sha256(f"{clip.corpus}/{clip.path.stem}".encode()).digest()[:8]
        rng = np.random.default_rng([seed, *key])
        path = self.paths[rng.integers(len(self.paths))]
        return path, _piece(path, n_samples, rng)


def recordings(folder: Path, *, of: str = "noise") -> list[Path]:
    """Every sound file below a folder, however nested, in the order of their names.

    Args:
        folder: the folder.
        of: what they are recordings of, for the error.

    Raises:
        CorpusError: no such folder, or no sound file in it.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder, expected one that holds recordings of {of}")
    files = list(sound_files(folder))
    if not files:
        raise CorpusError(f"{folder}: no sound file in it, expected recordings of {of}")
    return files


def noise_clips(paths: Sequence[Path]) -> tuple[Clip, ...]:
    """Recordings without speech, as clips of the class ``NONE``."""
    return tuple(
        Clip(
            path=path,
            corpus=NOISE,
            actor="",
            gender="unknown",
            emotion=NONE,
            channel="noise",
            intensity="unknown",
            statement="",
        )
        for path in paths
    )


def even_piece(path: Path, n_samples: int, rng: np.random.Generator) -> Sound:
    """Noise from a random place of a recording, repeated to the length, of RMS 1.

    Args:
        path: the recording.
        n_samples: length, in samples.
        rng: random generator.

    Returns:
        float32, shape (n_samples,); zeros for a silent recording.

    Raises:
        SoundFileError: it cannot be read.
    """
    piece = _piece(path, n_samples, rng)
    rms = float(np.sqrt(np.mean(np.square(piece, dtype=np.float64)))) if n_samples else 0.0
    return piece / np.float32(rms) if rms else piece


def _piece(path: Path, n_samples: int, rng: np.random.Generator) -> Sound:
    """A part of a recording from a random place; zeros for a silent recording."""
    noise = without_silent_ends(read_samples(path))
    if not noise.size:
        return np.zeros(n_samples, np.float32)
    start = int(rng.integers(noise.size))
    piece = noise[(start + np.arange(n_samples)) % noise.size]
    # A part in a gap is replaced by the start of the recording, which has sound.
    return piece if piece.any() else noise[np.arange(n_samples) % noise.size]


def open_bank(
    folder: Path, files: Sequence[Path], progress: Callable[[], None] = lambda: None
) -> NoiseBank:
    """The usable files of a folder of noise.

    Args:
        folder: the folder.
        files: its files, as ``recordings`` gives them.
        progress: called after each file.

    Raises:
        CorpusError: no file can be read and holds sound.
    """
    paths, left_out = [], []
    for path, reason in zip(files, map_in_order(_why_not, files), strict=True):
        if reason:
            left_out.append(reason)
        else:
            paths.append(path)
        progress()
    if not paths:
        raise CorpusError(f"{folder}: no recording of noise in it can be used ({left_out[0]})")
    return NoiseBank(folders=(folder,), paths=tuple(paths), left_out=tuple(left_out))


def open_banks(folders: Sequence[Path], progress: Callable[[], None] = lambda: None) -> NoiseBank:
    """The usable files of one or more folders of noise, as one bank.

    Args:
        folders: the folders.
        progress: called after each file.

    Raises:
        CorpusError: a folder has no file that can be read and holds sound.
    """
    banks = [open_bank(folder, recordings(folder), progress) for folder in folders]
    return NoiseBank(
        folders=tuple(folders),
        paths=tuple(path for bank in banks for path in bank.paths),
        left_out=tuple(line for bank in banks for line in bank.left_out),
    )


def _why_not(path: Path) -> str:
    """The reason that a file cannot be used; empty if it can."""
    try:
        return "" if without_silent_ends(read_samples(path)).size else f"{path}: holds silence alone"
    except SoundFileError as exc:
        return str(exc)


def without_silent_ends(samples: Samples) -> Sound:
    """A recording from its first to its last sound, full scale being 1.

    Args:
        samples: int16, shape (n_samples,).

    Returns:
        float32, shape (n,), n up to n_samples; 0 where there is no sound at all.
    """
    sound = to_sound(samples)
    size = np.abs(sound)
    (loud,) = np.nonzero(size > _SILENT_SHARE * size.max(initial=0.0))
    return sound[loud[0] : loud[-1] + 1] if loud.size else sound[:0]
