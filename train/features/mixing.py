"""Noise mixed into speech, at a signal-to-noise ratio that means the same for every clip.

The ratio in dB is 10 log10(S / N). S is the mean square of those 30 ms frames of the clean clip that the
daemon's speech detector marks as voiced (of the whole clip if it marks none), so pauses around a
sentence, which differ between corpora, do not count. N is the mean square of the noise over
the whole clip, pauses included.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np

from serd.audio.format import FULL_SCALE, Samples, Sound, recording_block, to_int16
from serd.speech.vad import VoiceActivity, VoiceSettings, voice_detector
from train.data.clips import CorpusError


def speech_mean_square(samples: Samples, voice: VoiceSettings) -> float:
    """Mean square of the speech in a clip, full scale being 1.

    Args:
        samples: int16, shape (n_samples,), 16 kHz mono.
        voice: settings of the daemon's speech detector.

    Returns:
        Mean square of the voiced frames, or of all samples if no frame is voiced; 0 without samples.
    """
    if not samples.size:
        return 0.0
    frames = VoiceActivity(partial(voice_detector, voice), voice).process(recording_block(samples))
    voiced = [
        power for power, is_voiced in zip(frames.mean_square, frames.voiced, strict=True) if is_voiced
    ]
    mean_square = np.mean(voiced) if voiced else np.square(samples, dtype=np.float64).mean()
    return float(mean_square) / FULL_SCALE**2


def mix(speech: Samples, noise: Sound, snr_db: float, *, speech_power: float) -> Samples:
    """A clip mixed with noise.

    A sum beyond full scale is scaled down as a whole, which keeps the ratio. Digital silence is not
    changed.

    Args:
        speech: int16, shape (n_samples,).
        noise: float32, shape (n_samples,), of any level above 0.
        snr_db: signal-to-noise ratio, in dB.
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
