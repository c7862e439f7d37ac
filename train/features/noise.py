"""Noise under speech, at a signal-to-noise ratio that means the same for every clip.

The ratio in dB is 10 log10(S / N). S is the mean square of those 30 ms frames of the clean clip that the
daemon's voice detector calls speech (of the whole clip, should it call none so): the pauses around a
sentence, which differ from corpus to corpus, have no part in it. N is the mean square of the noise over
the whole clip, pauses included.

A recording of noise is freed of the silence at its two ends, begun at a random place and repeated as
often as the clip is long. Which recording and which place is drawn from the seed and the clip's name
alone: a clip has the same noise at each ratio, whichever clips are beside it.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from zlib import crc32

import numpy as np

from serd.audio.files import read_samples
from serd.audio.format import FULL_SCALE, Samples, Sound, to_int16, to_sound, whole
from serd.audio.opening import SOUND_SUFFIXES
from serd.errors import SoundFileError
from serd.model.labels import NONE
from serd.speech.vad import VoiceActivity, VoiceSettings, webrtc_detector
from train.data.clips import Clip, CorpusError
from train.features.processes import map_in_order

_ESC = re.compile(r"([1-5])-\d+-[A-Z](-\d+)?")
CREDIT: Final = (
    "Recordings without speech from ESC-50: K. J. Piczak, 2015, ESC: Dataset for Environmental Sound"
    " Classification, ACM Multimedia, licensed CC BY 3.0."
)
"""What a model's card says where it has heard them."""
_N_OTHER = 3
"""Parts that recordings of other names fall into."""


def noise_fold(path: Path) -> str:
    """The part that a recording belongs to.

    Args:
        path: where it lies. The name of a recording of ESC-50, such as "1-26143-A-21" or, where a folder
            gives the class, "1-26143-A", begins with its fold, which all pieces of one original share:
            K. J. Piczak, "ESC: Dataset for Environmental Sound Classification", ACM Multimedia 2015.

    Returns:
        "1" to "5" in ESC-50; "a" to "c" by a checksum of any other name.
    """
    match = _ESC.fullmatch(path.stem)
    return match[1] if match else "abc"[crc32(path.stem.encode()) % _N_OTHER]


def is_esc(path: Path) -> bool:
    """Whether a recording is named as those of ESC-50 are."""
    return _ESC.fullmatch(path.stem) is not None


def noise_folds(paths: Iterable[Path]) -> tuple[str, ...]:
    """Every part that has a recording, in order."""
    return tuple(sorted({noise_fold(path) for path in paths}))


NOISE: Final = "noise"
"""Corpus of clips in which nobody speaks."""
_SILENT_SHARE = 1e-3
"""Share of a recording's peak below which its two ends are silence: 60 dB."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NoiseBank:
    """Recordings of noise to draw from."""

    folder: Path
    """Where they lie."""
    paths: tuple[Path, ...]
    """Those that can be read and hold sound, in the order of their names."""
    left_out: tuple[str, ...]
    """One line for each that is not used, with the reason."""

    def draw(self, clip: Clip, n_samples: int, *, seed: int) -> tuple[Path, Sound]:
        """Noise for a clip.

        Args:
            clip: whose noise it is.
            n_samples: how much, in samples.
            seed: draws the recording and the place where it begins.

        Returns:
            The recording's path, and float32, shape (n_samples,), of any level above 0.
        """
        key = hashlib.sha256(f"{clip.corpus}/{clip.path.stem}".encode()).digest()[:8]
        rng = np.random.default_rng([seed, *key])
        path = self.paths[rng.integers(len(self.paths))]
        return path, _piece(path, n_samples, rng)


def noise_files(folder: Path) -> list[Path]:
    """Every sound file below a folder, however nested, in the order of their names.

    Raises:
        CorpusError: no such folder, or no sound file in it.
    """
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such folder, expected one that holds recordings of noise")
    files = sorted(
        path for path in folder.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES and path.is_file()
    )
    if not files:
        raise CorpusError(f"{folder}: no sound file in it, expected recordings of noise")
    return files


def noise_clips(paths: Sequence[Path]) -> tuple[Clip, ...]:
    """Recordings in which nobody speaks, as clips of the emotion ``NONE``."""
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
    """Noise from a random place of a recording, repeated as often as it takes, of RMS 1.

    Args:
        path: the recording.
        n_samples: how much, in samples.
        rng: draws the place.

    Returns:
        float32, shape (n_samples,); zeros where there is silence alone.

    Raises:
        SoundFileError: it cannot be read.
    """
    piece = _piece(path, n_samples, rng)
    rms = float(np.sqrt(np.mean(np.square(piece, dtype=np.float64)))) if n_samples else 0.0
    return piece / np.float32(rms) if rms else piece


def _piece(path: Path, n_samples: int, rng: np.random.Generator) -> Sound:
    """So much of a recording from a random place on; zeros where it holds silence alone."""
    noise = without_silent_ends(read_samples(path))
    if not noise.size:
        return np.zeros(n_samples, np.float32)
    start = int(rng.integers(noise.size))
    piece = noise[(start + np.arange(n_samples)) % noise.size]
    # Where it falls into a gap, it begins with the recording, which begins with sound.
    return piece if piece.any() else noise[np.arange(n_samples) % noise.size]


def open_bank(
    folder: Path, files: Sequence[Path], progress: Callable[[], None] = lambda: None
) -> NoiseBank:
    """Those of the files that can serve as noise.

    Args:
        folder: where they lie.
        files: what ``noise_files`` found there.
        progress: told of each file that is looked at.

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
    return NoiseBank(folder=folder, paths=tuple(paths), left_out=tuple(left_out))


def _why_not(path: Path) -> str:
    """Why a file cannot serve as noise; empty if it can."""
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


def speech_mean_square(samples: Samples, voice: VoiceSettings) -> float:
    """Power of the speech in a clip, full scale being 1.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
        voice: the daemon's voice detector.

    Returns:
        Mean square of the voiced frames, or of all samples where no frame is voiced; 0 for no sample.
    """
    if not samples.size:
        return 0.0
    frames = VoiceActivity(partial(webrtc_detector, voice), voice).process(whole(samples))
    voiced = [
        power for power, is_voiced in zip(frames.mean_square, frames.voiced, strict=True) if is_voiced
    ]
    mean_square = np.mean(voiced) if voiced else np.square(samples, dtype=np.float64).mean()
    return float(mean_square) / FULL_SCALE**2


def mix(speech: Samples, noise: Sound, snr_db: float, *, speech_power: float) -> Samples:
    """A clip with noise under it.

    Where the sum would pass full scale, all of it is made quieter, so that the ratio stays. Digital
    silence stays as it is.

    Args:
        speech: int16, shape (n_samples,).
        noise: float32, shape (n_samples,), of any level above 0.
        snr_db: level of the speech above the noise's, in dB.
        speech_power: mean square of the speech, as ``speech_mean_square`` gives it.

    Returns:
        int16, shape (n_samples,).
    """
    if speech_power == 0.0:
        return speech
    noise_power = float(np.square(noise, dtype=np.float64).mean())
    gain = np.sqrt(speech_power / noise_power * 10.0 ** (-snr_db / 10.0))
    total = speech / FULL_SCALE + gain * noise
    peak = np.abs(total).max()
    return to_int16(total / peak if peak > 1.0 else total)


def parse_snr_db(text: str) -> Sequence[float]:
    """Signal-to-noise ratios, such as "20,10,0", from the quietest noise to the loudest.

    Raises:
        CorpusError: anything else, or a ratio outside -30 to 60 dB.
    """
    try:
        ratios = {float(part) for part in text.split(",")}
    except ValueError:
        ratios = set()
    if not ratios or not all(-30.0 <= ratio <= 60.0 for ratio in ratios):
        raise CorpusError(f"Bad --snr {text!r}, expected ratios in dB from -30 to 60 such as 20,10,0")
    return sorted(ratios, reverse=True)
