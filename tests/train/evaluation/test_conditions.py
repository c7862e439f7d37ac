"""Conditions change what they say, and nothing else."""

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.speech.high_pass import HighPass
from testkit.voices import synthetic_voice
from train.evaluation.conditions import (
    CONDITIONS,
    clipped,
    faint,
    telephone,
    usb_48_khz,
    with_hum,
    with_offset,
)


def _level_db(samples: Samples) -> float:
    return float(10 * np.log10(np.mean(np.square(samples, dtype=np.float64)) + 1e-9))


def _tone(frequency_hz: float) -> Samples:
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return (8000 * np.sin(2 * np.pi * frequency_hz * time_s)).astype(np.int16)


@pytest.mark.parametrize("name", CONDITIONS)
@pytest.mark.parametrize("n_samples", [1, 1000, 16_001])
def test_sound_stays_as_long_and_silence_stays_silent(name: str, n_samples: int) -> None:
    """In every condition, and down to a single sample, after the filter that removes offset and hum."""
    changed = CONDITIONS[name](np.zeros(n_samples, np.int16))
    assert (changed.dtype, changed.shape) == (np.int16, (n_samples,))
    audible = HighPass().filter(changed)[SAMPLE_RATE_HZ // 2 :]
    assert np.abs(audible.astype(int)).max(initial=0) <= 10


def test_an_offset_moves_every_sample() -> None:
    """By a tenth of full scale, clipped at its end."""
    assert with_offset(np.array([-32768, 0, 100, 32767], np.int16)).tolist() == [
        -29491,
        3277,
        3377,
        32767,
    ]


def test_hum_is_louder_than_the_faint_speech() -> None:
    """At -40 dBFS under speech that is 20 dB fainter."""
    assert 20 * np.log10(with_hum(np.zeros(16_000, np.int16)).std() / 32768) == pytest.approx(
        -40, abs=0.1
    )
    voice = synthetic_voice(1.0)
    fainter = with_hum(voice).astype(int) - with_hum(np.zeros_like(voice))
    assert _level_db(voice) - _level_db(fainter.astype(np.int16)) == pytest.approx(20.0, abs=0.2)


def test_faint_speech_is_30_db_down() -> None:
    """To a fifth of a dB, although it is rounded to int16."""
    voice = synthetic_voice(1.0)
    assert _level_db(voice) - _level_db(faint(voice)) == pytest.approx(30.0, abs=0.2)


@pytest.mark.parametrize("level", [0.01, 0.5, 1.0])
def test_speech_is_clipped_however_loud_it_was(level: float) -> None:
    """Of a tone whose peak would be four times full scale, 26 of 32 samples stand at its ends."""
    loud = clipped((level * _tone(500.0)).astype(np.int16)).astype(int)
    assert (np.abs(loud) >= 32767).mean() == 26 / 32
    assert not clipped(np.zeros(160, np.int16)).any()


@pytest.mark.parametrize("frequency_hz", [1000.0, 3300.0])
def test_a_telephone_keeps_its_band(frequency_hz: float) -> None:
    """Tones at 1 and 3.3 kHz come out as loud as they went in, to 1 dB."""
    tone = _tone(frequency_hz)
    assert abs(_level_db(tone) - _level_db(telephone(tone))) < 1.0


@pytest.mark.parametrize("frequency_hz", [100.0, 3800.0])
def test_a_telephone_takes_what_is_beside_its_band(frequency_hz: float) -> None:
    """Tones at 100 Hz and 3.8 kHz lose more than 30 dB."""
    tone = _tone(frequency_hz)
    assert _level_db(tone) - _level_db(telephone(tone)) > 30.0


def test_a_microphone_at_48_khz_changes_next_to_nothing() -> None:
    """What differs is more than 30 dB below the voice."""
    voice = synthetic_voice(1.0)
    difference = usb_48_khz(voice).astype(int) - voice
    assert _level_db(voice) - _level_db(difference) > 30.0
