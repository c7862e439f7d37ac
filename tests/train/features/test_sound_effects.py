"""Telephone lines, rooms, filters and made noise do what their names say, by measure."""

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ
from train.features.sound_effects import (
    colored_noise,
    high_pass,
    in_room,
    low_pass,
    mains_hum,
    measured_room,
    over_line,
    synthetic_room,
)


def _tone(frequency_hz: float, *, level: float = 0.3) -> np.ndarray:
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    return (level * np.sin(2.0 * np.pi * frequency_hz * time_s)).astype(np.float32)


def _level_db(sound: np.ndarray, reference: np.ndarray) -> float:
    middle = slice(2_000, -2_000)
    power = np.mean(np.square(sound[middle])) / np.mean(np.square(reference[middle]))
    return float(10.0 * np.log10(max(power, 1e-12)))


@pytest.mark.parametrize(("exponent", "slope_db"), [(0.0, 0.0), (1.0, -3.0), (2.0, -6.0)])
def test_noise_falls_by_its_color_each_octave(exponent: float, slope_db: float) -> None:
    """White noise by nothing, pink by 3 dB, brown by 6 dB; each has an RMS of 1."""
    noise = colored_noise(2**17, exponent, np.random.default_rng(0))
    assert np.sqrt(np.mean(noise**2)) == pytest.approx(1.0, abs=1e-4)
    power = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(noise.size, 1 / SAMPLE_RATE_HZ)
    low, high = (power[(hz >= at) & (hz < 1.2 * at)].mean() for at in (1000.0, 2000.0))
    assert 10 * np.log10(high / low) == pytest.approx(slope_db, abs=0.7)


def test_low_pass_keeps_the_low_and_takes_the_high() -> None:
    """Below the cutoff nothing changes; above the roll-off all is 60 dB down."""
    noise = colored_noise(SAMPLE_RATE_HZ, 0.0, np.random.default_rng(0))
    power = (
        np.abs(np.fft.rfft(low_pass(noise, cutoff_hz=4000.0, roll_off_hz=400.0, stop_band_db=60.0))) ** 2
    )
    before = np.abs(np.fft.rfft(noise)) ** 2
    hz = np.fft.rfftfreq(noise.size, 1 / SAMPLE_RATE_HZ)
    assert np.allclose(power[hz < 3900], before[hz < 3900], rtol=1e-2)
    assert np.allclose(power[hz > 4500], before[hz > 4500] * 1e-6, rtol=1e-1)


@pytest.mark.parametrize("n_samples", [SAMPLE_RATE_HZ, 15_991, 4_001])
def test_filters_lose_as_much_of_a_sound_of_any_length(n_samples: int) -> None:
    """A low-pass takes 40 dB of 6 kHz and nothing of 1 kHz, and the sound is as long as it was."""
    time_s = np.arange(n_samples) / SAMPLE_RATE_HZ
    for tone_hz, expected_db in ((1000.0, 0.0), (6000.0, 40.0)):
        tone = np.sin(2 * np.pi * tone_hz * time_s).astype(np.float32) * np.hanning(n_samples)
        heard = low_pass(tone, cutoff_hz=3500.0, roll_off_hz=1000.0, stop_band_db=40.0)
        assert heard.shape == tone.shape
        assert 20 * np.log10(tone.std() / heard.std()) == pytest.approx(expected_db, abs=0.1)


@pytest.mark.parametrize("order", [2.0, 4.0, 11.5])
def test_high_pass_takes_the_low_and_keeps_the_high(order: float) -> None:
    """At the cutoff 3 dB are lost, an octave below it 10 log(1 + 4^order), some 6 dB for each."""
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    tones = [np.sin(2 * np.pi * hz * time_s).astype(np.float32) for hz in (100.0, 200.0, 2000.0)]
    heard = [high_pass(each, cutoff_hz=200.0, order=order) for each in tones]
    lost_db = [20 * np.log10(was.std() / now.std()) for was, now in zip(tones, heard, strict=True)]
    assert lost_db == pytest.approx([10 * np.log10(1 + 4**order), 3.01, 0.0], abs=0.1)


@pytest.mark.parametrize("decay_s", [0.1, 0.3, 0.6])
def test_a_room_rings_as_long_and_as_loud_as_asked(decay_s: float) -> None:
    """The direct sound is as it was, 6 dB above the rest, which fades in the decay time."""
    rng = np.random.default_rng(0)
    click = np.zeros(2 * SAMPLE_RATE_HZ, np.float32)
    click[0] = 1.0
    heard = in_room(click, synthetic_room(decay_s=decay_s, direct_db=6.0, rng=rng))
    assert heard[0] == pytest.approx(1.0, abs=1e-4)
    power = np.square(heard[1:], dtype=np.float64)
    assert -10 * np.log10(power.sum()) == pytest.approx(6.0, abs=0.01)
    left = np.cumsum(power[::-1])[::-1]  # Schroeder's integral
    begins, ends = (int(np.argmax(left < left[0] * 10.0**-share)) for share in (0.5, 2.5))
    assert (ends - begins) * 3 / SAMPLE_RATE_HZ == pytest.approx(decay_s, rel=0.15)


def test_a_measured_room_begins_with_its_direct_sound() -> None:
    """Silence before it is cut away, and its level is that of the dry sound."""
    recorded = np.zeros(4000, np.int16)
    recorded[1000] = 12_000
    recorded[1800] = 3_000
    response = measured_room(recorded)
    peak = int(np.abs(response).argmax())
    assert peak <= 40
    assert response[peak] == 1.0
    assert response[peak + 800] == pytest.approx(0.25)
    click = np.zeros(2000, np.float32)
    click[100] = 1.0
    assert in_room(click, response)[100 + peak] == pytest.approx(1.0, abs=1e-4)


def test_hum_has_the_mains_frequency_and_its_harmonics() -> None:
    """All of its power lies within some hertz of multiples of 50 or 60 Hz, most at a low one."""
    for seed in range(5):
        hum = mains_hum(SAMPLE_RATE_HZ, np.random.default_rng(seed))
        assert np.sqrt(np.mean(np.square(hum, dtype=np.float64))) == pytest.approx(1.0, rel=1e-3)
        power = np.abs(np.fft.rfft(hum * np.hanning(hum.size))) ** 2
        frequency_hz = np.arange(power.size)
        shares = [
            power[np.minimum(frequency_hz % mains, mains - frequency_hz % mains) <= 4].sum()
            / power.sum()
            for mains in (50, 60)
        ]
        assert max(shares) > 0.99
        assert power.argmax() <= 310


@pytest.mark.parametrize("frequency_hz", [400.0, 1_000.0, 3_200.0])
def test_what_lies_in_the_band_is_left_as_it_is(frequency_hz: float) -> None:
    """Tones of 400 to 3,200 Hz pass within 0.2 dB."""
    tone = _tone(frequency_hz)
    assert _level_db(over_line(tone), tone) == pytest.approx(0.0, abs=0.2)


@pytest.mark.parametrize("frequency_hz", [100.0, 250.0, 3_600.0, 6_000.0])
def test_what_lies_outside_is_gone(frequency_hz: float) -> None:
    """Tones of 100 and 250 Hz, 3.6 and 6 kHz lose more than 40 dB."""
    tone = _tone(frequency_hz)
    assert _level_db(over_line(tone), tone) < -40.0


def test_another_band_is_another_line() -> None:
    """A tone of 250 Hz passes where the band begins at 150 Hz."""
    tone = _tone(250.0)
    heard = over_line(tone, band_hz=(150.0, 3_800.0))
    assert _level_db(heard, tone) == pytest.approx(0.0, abs=0.2)


def test_the_eight_bits_leave_a_noise_that_follows_the_level() -> None:
    """G.711 has some 38 dB between a signal and its rounding, at 0.3 of full scale and at 0.03."""
    for level in (0.3, 0.03):
        tone = _tone(1_010.0, level=level)
        noise_db = _level_db(over_line(tone) - tone, tone)
        assert -44.0 < noise_db < -30.0


@pytest.mark.parametrize("n_samples", [1, 2, 15_999, 16_001])
def test_it_is_as_long_as_before_and_finite(n_samples: int) -> None:
    """Loud sound is cut off at full scale, which resampling overshoots by 7 dB at most."""
    sound = 30.0 * np.random.default_rng(0).standard_normal(n_samples).astype(np.float32)
    heard = over_line(sound)
    assert heard.shape == sound.shape
    assert heard.dtype == np.float32
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 2.25 < np.abs(sound).max()
