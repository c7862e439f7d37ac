"""Corpora of tiny made-up files, named as the real ones are."""

import io
import zlib
from pathlib import Path

import numpy as np
import soundfile

from train.data.clips import Clip
from train.data.corpora import ravdess


def write_tiny(path: Path, *, rate_hz: int = 16_000, channels: int = 1) -> Path:
    """A sound of 64 samples that no other path shares; WAV or FLAC by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(zlib.crc32(str(path).encode()))
    samples = rng.integers(-999, 999, (64, channels), dtype=np.int16)
    sound = io.BytesIO()
    soundfile.write(sound, samples, rate_hz, format=path.suffix[1:])
    path.write_bytes(sound.getvalue())
    return path


def made_clip(stem: str, folder: Path = Path("nowhere")) -> Clip:
    """A clip of RAVDESS by its name; there is no such file."""
    return ravdess.clip_from_path(folder / f"{stem}.wav")


def write_release(root: Path) -> Path:
    """All of RAVDESS in the folders of its release."""
    for stem in ravdess.official_stems():
        _, channel, *_, actor = stem.split("-")
        kind = "Speech" if channel == "01" else "Song"
        write_tiny(root / f"Audio_{kind}_Actors_01-24" / f"Actor_{actor}" / f"{stem}.wav")
    return root
