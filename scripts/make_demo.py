"""Writes the bundled recording: acted sentences of ten people from CREMA-D, and what each of them means.

The clips were chosen before any model heard them: ten people, ten sentences, six emotions, and listeners
of the voice alone who agree with the actor, nearly all of them.

    python scripts/make_demo.py ../shared/data/crema-d
"""

import argparse
import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from serd.audio.demo import DEMO_PATH, TRUTH_PATH
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.audio.resample import Converter

PAUSE_S: Final = 1.4
ROOM_NOISE_RMS: Final = 4.0

_EMOTIONS: Final = {
    "ANG": "angry",
    "DIS": "disgust",
    "FEA": "fearful",
    "HAP": "happy",
    "NEU": "neutral",
    "SAD": "sad",
}


@dataclass(frozen=True, slots=True)
class Clip:
    """One clip of CREMA-D."""

    name: str
    """Name in the corpus: speaker, sentence, emotion, level."""
    text: str
    """The sentence."""
    n_agree: int
    """Listeners of the voice alone who chose the emotion of the actor."""
    n_listeners: int

    @property
    def speaker(self) -> str:
        """Number of the speaker."""
        return self.name.split("_")[0]

    @property
    def emotion(self) -> str:
        """What the actor means, as a label of serd."""
        return _EMOTIONS[self.name.split("_")[2]]


CLIPS: Final = (
    Clip("1068_IWL_NEU_XX", "I would like a new alarm clock.", 11, 11),
    Clip("1037_IOM_HAP_XX", "I'm on my way to the meeting.", 10, 10),
    Clip("1035_WSI_ANG_XX", "We'll stop in a couple of minutes.", 11, 11),
    Clip("1028_DFA_SAD_XX", "Don't forget a jacket.", 10, 10),
    Clip("1059_ITS_FEA_XX", "I think I've seen this before.", 10, 10),
    Clip("1004_TSI_DIS_XX", "The surface is slick.", 10, 10),
    Clip("1056_MTI_NEU_XX", "Maybe tomorrow it will be cold.", 10, 10),
    Clip("1013_IWW_ANG_XX", "I wonder what this is about.", 10, 10),
    Clip("1039_TIE_HAP_XX", "That is exactly what happened.", 9, 10),
    Clip("1053_ITH_FEA_XX", "I think I have a doctor's appointment.", 9, 9),
)


def main() -> None:
    """Join the clips, each followed by a pause of room noise, and write where each is."""
    parser = argparse.ArgumentParser(description="Writes serd/data/demo.flac and demo.csv.")
    parser.add_argument("folder", type=Path, help="folder of the clips of CREMA-D")
    folder = parser.parse_args().folder
    random = np.random.default_rng(0)
    parts, rows = [_room(random, 0.5)], []
    for clip in CLIPS:
        sound = _read(folder, clip.name)
        start = sum(part.size for part in parts)
        parts += [sound, _room(random, PAUSE_S)]
        rows.append(
            {
                "start_s": f"{start / SAMPLE_RATE_HZ:.2f}",
                "end_s": f"{(start + sound.size) / SAMPLE_RATE_HZ:.2f}",
                "speaker": clip.speaker,
                "emotion": clip.emotion,
                "n_agree": clip.n_agree,
                "n_listeners": clip.n_listeners,
                "text": clip.text,
                "clip": clip.name,
            }
        )
    soundfile.write(DEMO_PATH, np.concatenate(parts), SAMPLE_RATE_HZ, subtype="PCM_16")
    with TRUTH_PATH.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{DEMO_PATH.name}: {len(rows)} clips, {DEMO_PATH.stat().st_size} bytes")


def _read(folder: Path, name: str) -> Samples:
    """A clip, in any format that it comes in.

    Raises:
        FileNotFoundError: the folder does not have it.
    """
    path = next(folder.glob(f"{name}.*"), None)
    if path is None:
        raise FileNotFoundError(f"{folder} has no {name}, expected the clips of CREMA-D")
    sound, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return Converter(rate_hz=rate_hz).convert(sound, is_last=True)


def _room(random: np.random.Generator, duration_s: float) -> Samples:
    noise = random.normal(0.0, ROOM_NOISE_RMS, round(duration_s * SAMPLE_RATE_HZ))
    return np.rint(noise).astype(np.int16)


if __name__ == "__main__":
    main()
