"""Conditions: speech at other levels, through other microphones and telephone lines.

Each takes and returns int16, shape (n_samples,), 16 kHz mono.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soxr

from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, Samples, to_int16, to_sound
from train.data.clips import Clip
from train.features.rooms import in_one_of
from train.features.sound_effects import as_long, over_line

Condition = Callable[[Samples], Samples]

ROOM: Final = "measured room"
"""Speech in a room that the network was not trained on (``train.features.rooms``)."""
OFFSET: Final = 0.1
"""Constant offset, as a share of full scale."""
HUM_HZ: Final = 50.0
"""Frequency of the mains."""
HUM_DBFS: Final = -40.0
"""RMS level of the hum."""
HUM_SPEECH_DB: Final = -20.0
"""Gain of the speech over hum, in dB."""
FAINT_DB: Final = -30.0
"""Gain of faint speech, in dB."""
CLIPPED_DB: Final = 12.0
"""Peak of a clipped clip above full scale, in dB, before it is clipped."""


def faint(samples: Samples) -> Samples:
    """Speech 30 dB fainter, rounded to int16 again: far from the microphone."""
    return _amplified(samples, FAINT_DB)


def clipped(samples: Samples) -> Samples:
    """Speech whose peak would be 12 dB above full scale, clipped there: too much gain.

    The gain is that of the clip, since most clips of a corpus are too faint to be clipped by 12 dB.
    """
    peak = float(np.abs(to_sound(samples)).max(initial=0.0))
    return _amplified(samples, CLIPPED_DB - 20.0 * np.log10(peak)) if peak else samples


def with_offset(samples: Samples) -> Samples:
    """Speech with a constant offset of a tenth of full scale: a cheap microphone without a filter."""
    return to_int16((samples.astype(np.float64) + OFFSET * FULL_SCALE) / FULL_SCALE)


def with_hum(samples: Samples) -> Samples:
    """Speech 20 dB fainter over mains hum of 50 Hz at -40 dBFS."""
    time_s = np.arange(samples.size) / SAMPLE_RATE_HZ
    hum = np.sqrt(2.0) * 10.0 ** (HUM_DBFS / 20.0) * np.sin(2.0 * np.pi * HUM_HZ * time_s)
    return to_int16(_amplified(samples, HUM_SPEECH_DB) / FULL_SCALE + hum)


def telephone(samples: Samples) -> Samples:
    """Speech through a telephone line: 8 kHz, 300 to 3400 Hz, eight bits of mu-law."""
    sound = to_sound(samples)
    return to_int16(over_line(sound))


def usb_48_khz(samples: Samples) -> Samples:
    """Speech converted to 48 kHz and, as in the daemon, back to 16 kHz."""
    there = soxr.resample(to_sound(samples), SAMPLE_RATE_HZ, 48_000)
    recorded = to_sound(to_int16(there))
    back = soxr.resample(recorded, 48_000, SAMPLE_RATE_HZ)
    return to_int16(as_long(back, samples.size))


CONDITIONS: Final[Mapping[str, Condition]] = {
    "30 dB fainter": faint,
    "clipped by 12 dB": clipped,
    "offset of 10 %": with_offset,
    "20 dB fainter, 50 Hz hum": with_hum,
    "telephone": telephone,
    "48 kHz microphone": usb_48_khz,
}
"""Conditions by name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Changes:
    """Changes of a clip's sound, each scored apart."""

    conditions: tuple[str, ...] = ()
    """Names of ``CONDITIONS``."""
    rooms: tuple[Path, ...] = ()
    """Impulse responses, in one of which each clip is heard in the change ``ROOM``; empty for none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all changes."""
        return (*self.conditions, *([ROOM] if self.rooms else []))

    def sounds(self, clip: Clip, samples: Samples) -> list[Samples]:
        """A clip's sound under each change: int16, shape (n_samples,) each.

        Raises:
            SoundFileError: the response of a room cannot be read.
        """
        changed = [CONDITIONS[name](samples) for name in self.conditions]
        return [*changed, *([in_one_of(self.rooms, clip, samples)] if self.rooms else [])]


def _amplified(samples: Samples, gain_db: float) -> Samples:
    return to_int16(samples * (10.0 ** (gain_db / 20.0) / FULL_SCALE))
