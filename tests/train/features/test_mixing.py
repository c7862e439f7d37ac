"""Noise is mixed in at the ratio that was asked for, measured against the speech."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import FULL_SCALE
from serd.speech.vad import VoiceSettings
from testkit.voices import quiet_room, silence, synthetic_voice
from train.data.clips import CorpusError
from train.features.mixing import mix, parse_snr_db, speech_mean_square

VOICE = synthetic_voice(1.5)


@given(st.floats(-10.0, 30.0), st.floats(-30.0, -6.0), st.integers(0, 5))
def test_the_ratio_measured_in_the_mixture_is_the_ratio_asked_for(
    snr_db: float, level_dbfs: float, seed: int
) -> None:
    """Also where the sum would pass full scale and is made quieter as a whole."""
    voice = synthetic_voice(1.0, level_dbfs=level_dbfs)
    power = float(np.square(voice / FULL_SCALE).mean())
    noise = np.random.default_rng(seed).normal(0.0, 0.1, voice.size).astype(np.float32)
    mixed = mix(voice, noise, snr_db, speech_power=power)
    parts = np.column_stack((voice / FULL_SCALE, noise)).astype(np.float64)
    (gain, noise_gain), *_ = np.linalg.lstsq(parts, mixed / FULL_SCALE, rcond=None)
    got_db = 10 * np.log10(np.square(gain * parts[:, 0]).mean() / np.square(noise_gain * noise).mean())
    assert got_db == pytest.approx(snr_db, abs=0.1)
    rest = mixed / FULL_SCALE - parts @ (gain, noise_gain)
    assert np.abs(rest).max() < 2 / FULL_SCALE, "nothing but the two is in it: it is not clipped"


@pytest.mark.parametrize("pause_s", [0.0, 0.5, 4.0])
def test_pauses_have_no_part_in_the_speech(pause_s: float) -> None:
    """However long they are, the level measured is within 1 dB of the voice's own."""
    clip = np.concatenate((quiet_room(pause_s), VOICE, quiet_room(pause_s)))
    alone = np.square(VOICE / FULL_SCALE).mean()
    got_db = 10 * np.log10(speech_mean_square(clip, VoiceSettings()) / alone)
    assert abs(got_db) < 1.0


def test_where_nothing_is_speech_all_of_it_counts() -> None:
    """The power of a quiet room is that of all its samples."""
    room = quiet_room(1.0)
    expected = np.square(room / FULL_SCALE).mean()
    assert speech_mean_square(room, VoiceSettings()) == pytest.approx(expected)


@pytest.mark.parametrize("samples", [silence(0.5), silence(0.0)])
def test_silence_stays_silence(samples: np.ndarray) -> None:
    """Noise at 0 dB changes neither digital silence nor a clip of no length."""
    power = speech_mean_square(samples, VoiceSettings())
    mixed = mix(samples, np.ones(samples.size, np.float32), 0.0, speech_power=power)
    assert np.array_equal(mixed, samples)


def test_ratios_are_read_from_quiet_to_loud() -> None:
    """Whatever their order, the highest comes first, and each comes once."""
    assert parse_snr_db("0, 20,10.5,20") == [20.0, 10.5, 0.0]


@pytest.mark.parametrize("text", ["x", "", "10,", "nan", "inf", "99", "10;0"])
def test_bad_ratios_are_refused(text: str) -> None:
    """What is no number, nothing at all or out of range is an error that names the option."""
    with pytest.raises(CorpusError, match="Bad --snr"):
        parse_snr_db(text)
