"""Speech through a telephone line: a narrow band and eight bits a sample.

ITU-T G.712, "Transmission performance characteristics of pulse code modulation channels" (the band);
ITU-T G.711, "Pulse code modulation of voice frequencies" (the mu-law).
"""

import io
from typing import Final

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Sound

LINE_HZ: Final = (300.0, 3400.0)
"""Band of an analogue line, in hertz."""
_LINE_RATE_HZ: Final = 8_000


def over_line(sound: Sound, *, band_hz: tuple[float, float] = LINE_HZ) -> Sound:
    """Sound as it leaves a line.

    Args:
        sound: float32, shape (n_samples,), 16 kHz, full scale being 1; what passes it is cut off.
        band_hz: what the line lets through, 0 to 4000 Hz.

    Returns:
        float32, shape (n_samples,).
    """
    narrow = soxr.resample(sound, SAMPLE_RATE_HZ, _LINE_RATE_HZ)
    spectrum = np.fft.rfft(narrow)
    frequency_hz = np.fft.rfftfreq(narrow.size, 1.0 / _LINE_RATE_HZ)
    spectrum[(frequency_hz < band_hz[0]) | (frequency_hz > band_hz[1])] = 0.0
    heard = _coded(np.fft.irfft(spectrum, narrow.size))
    back = soxr.resample(heard, _LINE_RATE_HZ, SAMPLE_RATE_HZ)
    # Resampling there and back may give a sample more or less.
    as_long: Sound = np.pad(back[: sound.size], (0, max(0, sound.size - back.size)))
    return as_long


def _coded(sound: NDArray[np.float64]) -> Sound:
    """Through the line's coder and decoder, which are libsndfile's."""
    line = io.BytesIO()
    soundfile.write(line, np.clip(sound, -1.0, 1.0), _LINE_RATE_HZ, format="RAW", subtype="ULAW")
    line.seek(0)
    decoded, _ = soundfile.read(
        line, dtype="float32", samplerate=_LINE_RATE_HZ, channels=1, format="RAW", subtype="ULAW"
    )
    heard: Sound = decoded
    return heard
