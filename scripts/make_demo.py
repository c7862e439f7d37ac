"""Writes serd/data/demo.flac, the bundled recording: a conversation spoken by espeak-ng.

The sound is synthetic, so it has no speaker and no licence but serd's own. It shows that the pipeline
from sound to events works; its emotions have no meaning.

    sudo apt-get install espeak-ng
    python scripts/make_demo.py
"""

import io
import subprocess
from pathlib import Path

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.audio.resample import Converter

OUT = Path(__file__).parent.parent / "serd" / "data" / "demo.flac"
PAUSE_S = 1.4
ROOM_NOISE_RMS = 4.0

_LAST_LINE = (
    "All right. I will close it, and then we can talk about the garden, about the fence that fell over,"
    " and about what we are going to plant in spring."
)
LINES = (
    # voice, pitch (0-99), words a minute, volume (0-200), text
    ("en-us+m3", 35, 150, 80, "Good morning. The kettle is on, and the paper is on the table."),
    ("en-us+f3", 70, 190, 130, "Oh, how lovely! They are all coming to dinner on Sunday!"),
    ("en-us+m1", 20, 110, 60, "I waited the whole day, and nobody called."),
    ("en-us+f2", 85, 210, 180, "Who left the door open again? I have told you a hundred times!"),
    ("en-us+m3", 45, 140, 80, _LAST_LINE),
)  # fmt: skip


def main() -> None:
    """Speak every line, each followed by a pause of room noise."""
    random = np.random.default_rng(0)
    parts = [_room(random, 0.5)]
    for voice, pitch, speed, volume, text in LINES:
        parts += [_speak(voice, pitch, speed, volume, text), _room(random, PAUSE_S)]
    sound = np.concatenate(parts)
    OUT.parent.mkdir(exist_ok=True)
    soundfile.write(OUT, sound, SAMPLE_RATE_HZ, subtype="PCM_16")
    print(f"{OUT.name}: {sound.size / SAMPLE_RATE_HZ:.1f} s, {OUT.stat().st_size} bytes")


def _speak(voice: str, pitch: int, speed: int, volume: int, text: str) -> Samples:
    command = ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "-a", str(volume)]
    wave = subprocess.run([*command, "--stdout", text], check=True, capture_output=True).stdout
    sound, rate_hz = soundfile.read(io.BytesIO(wave), dtype="float32", always_2d=True)
    return Converter(rate_hz=rate_hz).convert(sound, is_last=True)


def _room(random: np.random.Generator, duration_s: float) -> Samples:
    noise = random.normal(0.0, ROOM_NOISE_RMS, round(duration_s * SAMPLE_RATE_HZ))
    return np.rint(noise).astype(np.int16)


if __name__ == "__main__":
    main()
