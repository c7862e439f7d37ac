"""Channels that cancel each other in the mix, and channels that are dead."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from serd.audio.channels import ChannelMonitor
from serd.audio.files import FileSource, read_samples
from serd.audio.format import to_sound
from serd.audio.resample import Converter
from testkit.voices import quiet_room, synthetic_voice

_VOICE = to_sound(np.concatenate((quiet_room(0.5), synthetic_voice(2.0))))


def _stereo(left: NDArray[np.floating], right: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.stack([left, right], axis=1).astype(np.float32)


def _monitor(sound: NDArray[np.float32], n_block: int = 480) -> ChannelMonitor:
    monitor = ChannelMonitor(16_000)
    for start in range(0, len(sound), n_block):
        monitor.check(sound[start : start + n_block])
    return monitor


@pytest.mark.parametrize("gain", [-1.0, -0.8, -1.2])
def test_an_inverted_channel_is_found_and_the_louder_one_used(gain: float) -> None:
    """The mix would be silence, or far too soft."""
    monitor = _monitor(_stereo(_VOICE, gain * _VOICE))
    assert monitor.column == (1 if gain < -1.0 else 0)
    assert "cancel each other" in monitor.problem


@pytest.mark.parametrize(
    "right",
    [
        _VOICE,
        0.1 * _VOICE,
        -0.3 * _VOICE,
        np.roll(_VOICE, 8),
        0.05 * np.random.default_rng(0).normal(size=_VOICE.size),
        np.zeros(_VOICE.size),
    ],
    ids=["equal", "softer", "soft and inverted", "later", "independent", "dead"],
)
def test_other_channels_are_mixed(right: NDArray[np.floating]) -> None:
    """Two microphones of one room differ in many ways without canceling each other."""
    monitor = _monitor(_stereo(_VOICE, right))
    assert monitor.column is None
    assert monitor.problem == ""


def test_inverted_noise_of_the_last_bits_is_no_evidence() -> None:
    """Nothing is decided before there is sound."""
    noise = np.random.default_rng(0).normal(size=32_000) / 32_768
    assert _monitor(_stereo(noise, -noise)).column is None


def test_a_file_with_an_inverted_channel_gives_its_voice(tmp_path: Path) -> None:
    """From the first sample on, with a line."""
    path = tmp_path / "a.wav"
    voice = np.rint(_VOICE * 32_768).astype(np.int16)
    soundfile.write(path, np.stack([voice, -voice], axis=1), 16000, subtype="PCM_16")
    source = FileSource(path)
    got = np.concatenate([block.samples for block in source])
    np.testing.assert_array_equal(got, voice)
    assert "cancel each other in the mix (one is inverted), and channel 1 is used" in source.summary()
    np.testing.assert_array_equal(read_samples(path, channel="2"), -voice)


def test_digital_silence_is_a_problem_after_ten_seconds_until_there_is_sound() -> None:
    """A constant is silence as well: some devices give -1."""
    monitor = _monitor(np.full((159_840, 1), -1 / 32_768, np.float32))
    assert monitor.problem == ""
    monitor.check(np.full((480, 1), -1 / 32_768, np.float32))
    assert "gives digital silence for 10 s" in monitor.problem
    monitor.check(_VOICE[8000:8480, np.newaxis])
    assert monitor.problem == ""


def test_a_dead_channel_is_named() -> None:
    """The other one still gives sound."""
    noise = np.random.default_rng(0).normal(size=170_000) / 100
    monitor = _monitor(_stereo(noise, np.zeros(170_000)))
    assert monitor.problem == "channel 2 of 2 gives digital silence; choose another one"


def test_a_channel_that_is_not_used_is_not_watched() -> None:
    """The chosen channel is the only one."""
    noise = np.random.default_rng(0).normal(size=170_000) / 100
    converter = Converter(rate_hz=16_000, column=0)
    converter.convert(_stereo(noise, np.zeros(170_000)))
    assert converter.monitor.problem == ""
