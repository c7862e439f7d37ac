"""A tree named like RAVDESS with the twenty actors of ``dev5``, spoken by nobody."""

from pathlib import Path

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.voices import quiet_room, synthetic_voice

N_ACTORS = 20
SUNG = (2, 3, 4, 5, 6)


def write_tree(root: Path, *, n_actors: int = N_ACTORS) -> Path:
    """Every emotion spoken once by each actor, and five sung by every fifth; names and voices differ."""
    for actor in range(1, n_actors + 1):
        for emotion in range(1, 9):
            write_voice(root / f"Actor_{actor:02d}", f"03-01-{emotion:02d}-01-01-01-{actor:02d}")
        for emotion in SUNG if actor % 5 in {1, 2} else ():
            write_voice(root / "Song", f"03-02-{emotion:02d}-01-01-01-{actor:02d}")
    return root


def write_voice(folder: Path, name: str) -> Path:
    """A second of a voice, pitched by emotion and actor, in a quiet room."""
    fields = [int(field) for field in name.split("-")]
    emotion, actor = fields[2], fields[6]
    seed = fields[1] * 10_000 + emotion * 100 + actor
    return _write(folder, name, seed=seed, f0_hz=80.0 + 15.0 * emotion + actor)


def write_emodb(root: Path, states: str = "WLEAFTN") -> Path:
    """Two speakers of EmoDB, each once in some of its states."""
    for speaker in (3, 8):
        for number, state in enumerate(states):
            seed, f0_hz = speaker * 100 + number, 90.0 + 12.0 * number + speaker
            _write(root, f"{speaker:02d}a01{state}a", seed=seed, f0_hz=f0_hz)
    return root


def _write(folder: Path, name: str, *, seed: int, f0_hz: float) -> Path:
    voice = synthetic_voice(1.0, seed=seed, f0_hz=f0_hz)
    sound = np.concatenate((quiet_room(0.3, seed=seed), voice, quiet_room(0.3, seed=seed + 1)))
    path = folder / f"{name}.wav"
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, SAMPLE_RATE_HZ)
    return path
