"""The sound of the benchmarks: speech, pauses and noise, generated from seeds.

Speech is the bundled recording, cut at its pauses, and synthetic voices. A scene resembles a room: turns
of some seconds, pauses between them, noise in the background of some scenes, and sometimes noise alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.demo import DEMO_PATH
from serd.audio.files import read_samples
from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, AudioBlock, CaptureTime, Samples
from serd.audio.paths import SOUND_SUFFIXES
from serd.errors import InputError
from testkit.voices import quiet_room, synthetic_voice

_FRAME: Final = 480
_GAP_S: Final = 0.7
_SPEECH_DBFS: Final = -50.0
_UNTIMED: Final = CaptureTime(epoch_s=0.0, arrived_s=0.0)  # an earlier serd lacks the constant


@dataclass(frozen=True, kw_only=True)
class Sound:
    """Scenes and their origin; a round of measurements runs over one scene."""

    scenes: tuple[Samples, ...]
    """int16, shape (n_samples,) each, 16 kHz mono."""
    origin: str
    """Text for the report."""

    @property
    def duration_s(self) -> float:
        """Length of all scenes."""
        return sum(scene.size for scene in self.scenes) / SAMPLE_RATE_HZ


def made_sound(n_scenes: int, scene_s: float, *, seed: int = 0) -> Sound:
    """Scenes from synthetic voices and the bundled recording; the same seed gives the same samples."""
    spoken = spoken_turns(read_samples(DEMO_PATH))
    return Sound(
        scenes=tuple(
            _scene(scene_s, spoken, np.random.default_rng([seed, each])) for each in range(n_scenes)
        ),
        origin="made from the bundled recording, synthetic voices, pauses and noise",
    )


def recorded_sound(folder: Path, n_scenes: int, scene_s: float) -> Sound:
    """Scenes of the recordings in a folder, joined in the order of their names.

    Raises:
        InputError: the folder holds too little sound.
    """
    wanted = round(scene_s * SAMPLE_RATE_HZ)
    parts: list[Samples] = []
    n_samples = 0
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in SOUND_SUFFIXES and n_samples < n_scenes * wanted:
            parts.append(read_samples(path))
            n_samples += parts[-1].size
    n_whole = min(n_scenes, n_samples // wanted)
    if n_whole == 0:
        raise InputError(
            f"{folder}: {n_samples / SAMPLE_RATE_HZ:.1f} s of sound, expected {scene_s:g} s or more"
        )
    whole = np.concatenate(parts)[: n_whole * wanted]
    scenes = tuple(np.split(whole, n_whole))
    return Sound(scenes=scenes, origin=f"recordings of the folder {folder.name}")


def talk(duration_s: float, *, lead_s: float, turn_s: float = 28.0, pause_s: float = 2.0) -> Samples:
    """Long turns of one voice with short pauses, the input of live sources.

    Args:
        duration_s: length of the sound, in seconds.
        lead_s: quiet before the first turn, in seconds.
        turn_s: length of a turn, in seconds.
        pause_s: quiet between two turns, in seconds; longer than the hangover that ends an utterance.

    Returns:
        int16, shape (n_samples,).
    """
    turn = synthetic_voice(turn_s, seed=1)
    parts = [quiet_room(lead_s, seed=2)]
    for _ in turn_starts(duration_s, lead_s=lead_s, turn_s=turn_s, pause_s=pause_s):
        parts += [turn, quiet_room(pause_s, seed=3)]
    talked: Samples = np.concatenate(parts)[: round(duration_s * SAMPLE_RATE_HZ)]
    return talked


def turn_starts(
    duration_s: float, *, lead_s: float, turn_s: float = 28.0, pause_s: float = 2.0
) -> list[float]:
    """The start of each turn of ``talk``, in seconds."""
    return list(np.arange(lead_s, duration_s, turn_s + pause_s).tolist())


def blocks_of(samples: Samples, block_s: float) -> Iterator[AudioBlock]:
    """Sound in blocks of equal length; the last may be shorter."""
    n_block = round(block_s * SAMPLE_RATE_HZ)
    for start in range(0, samples.size, n_block):
        yield AudioBlock(
            samples=samples[start : start + n_block], offset_samples=start, captured=_UNTIMED
        )


def spoken_turns(recording: Samples) -> list[Samples]:
    """The stretches of a recording between pauses of at least ``_GAP_S``."""
    n_frames = recording.size // _FRAME
    frames = recording[: n_frames * _FRAME].reshape(n_frames, _FRAME).astype(np.float64)
    floor = FULL_SCALE**2 * 10.0 ** (_SPEECH_DBFS / 10.0)
    (loud,) = np.nonzero(np.square(frames).mean(axis=1) > floor)
    apart = np.nonzero(np.diff(loud) > _GAP_S * SAMPLE_RATE_HZ / _FRAME)[0] + 1
    return [
        recording[stretch[0] * _FRAME : (stretch[-1] + 1) * _FRAME]
        for stretch in np.split(loud, apart)
        if stretch.size
    ]


def _scene(scene_s: float, spoken: list[Samples], rng: np.random.Generator) -> Samples:
    """Turns with pauses between them, in two of three scenes over noise."""
    parts: list[Samples] = [quiet_room(rng.uniform(0.5, 2.0), seed=int(rng.integers(1 << 30)))]
    while sum(part.size for part in parts) < scene_s * SAMPLE_RATE_HZ:
        if rng.random() < 0.5:
            parts.append(spoken[rng.integers(len(spoken))])
        else:
            parts.append(
                synthetic_voice(
                    rng.uniform(2.0, 8.0),
                    seed=int(rng.integers(1 << 30)),
                    f0_hz=rng.uniform(90.0, 230.0),
                    level_dbfs=rng.uniform(-32.0, -18.0),
                )
            )
        if rng.random() < 0.2:
            parts.append(_noise(rng.uniform(1.0, 3.0), rng.uniform(-50.0, -35.0), rng))
        parts.append(quiet_room(rng.uniform(0.4, 3.5), seed=int(rng.integers(1 << 30))))
    scene = np.concatenate(parts)[: round(scene_s * SAMPLE_RATE_HZ)]
    if rng.random() < 2 / 3:
        background = _noise(scene_s, rng.uniform(-65.0, -50.0), rng)
        low, high = -FULL_SCALE, FULL_SCALE - 1
        scene = np.clip(scene.astype(np.int32) + background, low, high).astype(np.int16)
    return scene


def _noise(duration_s: float, level_dbfs: float, rng: np.random.Generator) -> Samples:
    """Pink noise: its power falls by 3 dB per octave, like that of rooms and fans."""
    n_samples = round(duration_s * SAMPLE_RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(n_samples))
    spectrum /= np.sqrt(np.maximum(1.0, np.arange(spectrum.size)))
    noise = np.fft.irfft(spectrum, n_samples)
    noise *= FULL_SCALE * 10.0 ** (level_dbfs / 20.0) / np.sqrt(np.mean(noise**2))
    return np.clip(np.rint(noise), -FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
