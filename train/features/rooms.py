"""Measured rooms: most are for the copies that a network is trained on, some for its evaluation.

Every fourth room, by the order of their paths, is heard by no network, so that speech can be scored in
rooms that are new to it; of fewer than four rooms all are trained on.
"""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

from serd.audio.files import read_samples
from serd.audio.format import Samples, Sound, to_int16, to_sound
from train.data.clips import Clip
from train.features.sound_effects import in_room, measured_room

_EVERY: Final = 4


def held_out_rooms(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The rooms that speech is scored in."""
    return tuple(sorted(paths)[::_EVERY]) if len(paths) >= _EVERY else ()


def training_rooms(paths: Sequence[Path]) -> tuple[Path, ...]:
    """The rooms of the training copies."""
    held_out = held_out_rooms(paths)
    return tuple(path for path in sorted(paths) if path not in held_out)


def in_one_of(rooms: Sequence[Path], clip: Clip, samples: Samples) -> Samples:
    """A clip in one of some rooms, which depends on its name alone.

    Args:
        rooms: impulse responses.
        clip: the clip.
        samples: its sound, int16, shape (n_samples,), 16 kHz mono.

    Returns:
        int16, shape (n_samples,); the direct sound is as loud as before, and what echoes make louder
        than full scale is clipped.

    Raises:
        SoundFileError: the response cannot be read.
    """
    key = hashlib.sha256(f"{clip.corpus}/{clip.path.stem}".encode()).digest()
    room = rooms[int.from_bytes(key[:4], "big") % len(rooms)]
    return to_int16(in_room(to_sound(samples), room_response(room)))


@lru_cache(maxsize=64)
def room_response(path: Path) -> Sound:
    """The impulse response of a room, as ``measured_room`` gives it; each process reads it once.

    Raises:
        SoundFileError: it cannot be read.
    """
    return measured_room(read_samples(path))
