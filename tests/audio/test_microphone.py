"""Microphones: the path from PortAudio to the broker."""

import contextlib
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
from check_microphone import analyze_files, play_all

from serd.audio.format import AudioBlock
from serd.audio.microphone import MicrophoneSource
from serd.audio.portaudio import PortAudio, portaudio_module
from serd.audio.source import SourceSettings
from serd.errors import DeviceError, LibraryError, SourceHungError
from testkit.fake_portaudio import FakePortAudio
from testkit.voices import silence, synthetic_voice


def test_without_portaudio_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The message names the package to install."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    with pytest.raises(LibraryError, match="sudo apt-get install libportaudio2"):
        portaudio_module()


def _heard(source: MicrophoneSource, n_samples: int) -> list[AudioBlock]:
    """The first blocks of a source, up to a number of samples."""
    got: list[AudioBlock] = []
    with contextlib.closing(iter(source)) as blocks:  # type: ignore[type-var]
        while sum(block.samples.size for block in got) < n_samples:
            got.append(next(blocks))
    return got


def test_a_full_queue_drops_the_oldest_and_the_times_stay_right() -> None:
    """Lost blocks leave a gap in the offsets and are counted, like the card's overflows."""
    library = FakePortAudio(accepts=lambda rate_hz, _channels: rate_hz == 16_000)
    source = MicrophoneSource(SourceSettings(block_ms=40, queue_s=0.12), PortAudio(library))
    sound = np.arange(640 * 5, dtype=np.int16)
    library.play(sound, 640, overflow=True)
    blocks = _heard(source, 640 * 3)
    assert blocks[0].offset_samples == 1280
    assert np.array_equal(np.concatenate([block.samples for block in blocks]), sound[1280:])
    assert (source.n_dropped_blocks, source.n_overflows) == (2, 5)
    assert "2 blocks dropped" in source.summary()
    assert "5 overflows" in source.summary()


def test_stop_ends_it_at_once_though_the_queue_is_full() -> None:
    """Neither the sound that waits nor a block that comes later delays the end."""
    library = FakePortAudio(accepts=lambda _rate, _channels: True)
    source = MicrophoneSource(SourceSettings(queue_s=0.3), PortAudio(library))
    library.play(np.zeros(480 * 10, np.int16), 480)
    source.stop()
    library.play(np.zeros(480 * 20, np.int16), 480)
    assert list(source) == []


def test_blocks_that_wait_are_taken_together() -> None:
    """Blocks that piled up are one block of about 0.25 s at most, and one after a gap starts over."""
    library = FakePortAudio(accepts=lambda rate_hz, _channels: rate_hz == 16_000)
    source = MicrophoneSource(SourceSettings(queue_s=0.3), PortAudio(library))
    sound = np.arange(480 * 13, dtype=np.int16)
    blocks = iter(source)
    library.play(sound[:480], 480)
    first = next(blocks)
    library.play(sound[480:], 480)  # of these twelve the first two are dropped
    waiting = [next(blocks), next(blocks)]
    assert (first.offset_samples, first.samples.size) == (0, 480)
    assert [block.offset_samples for block in waiting] == [480 * 3, 480 * 12]
    assert np.array_equal(np.concatenate([block.samples for block in waiting]), sound[480 * 3 :])


def test_a_device_at_its_own_rate_and_channels_is_converted() -> None:
    """A device that refuses 16 kHz is opened at its own rate, and the named channel is taken."""
    library = FakePortAudio(accepts=lambda rate_hz, _channels: rate_hz == 48_000)
    source = MicrophoneSource(SourceSettings(channel="2"), PortAudio(library))
    assert library.tried == [(16_000, 2), (48_000, 2)]
    assert "48000 Hz, 2 channels" in source.describe()
    time_s = np.arange(48_000) / 48_000
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * time_s)).astype(np.int16)
    library.play(np.stack((np.zeros_like(tone), tone), axis=1), 1440)
    got = np.concatenate([block.samples for block in _heard(source, 15_001)])
    expected = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(got.size) / 16_000))
    assert np.abs(got[500:] - expected[500:]).max() <= 4


@pytest.mark.parametrize(
    ("accepted", "tried"),
    [
        ((16_000, 1), [(16_000, 1)]),
        ((48_000, 1), [(16_000, 1), (48_000, 1)]),
        ((16_000, 2), [(16_000, 1), (48_000, 1), (16_000, 2)]),
        ((48_000, 2), [(16_000, 1), (48_000, 1), (16_000, 2), (48_000, 2)]),
    ],
)
def test_a_refused_stream_is_tried_with_other_parameters(
    accepted: tuple[int, int], tried: list[tuple[int, int]]
) -> None:
    """16 kHz before the device's rate, mono before all channels, until a stream opens."""
    library = FakePortAudio(accepts=lambda *form: form == accepted)
    source = MicrophoneSource(SourceSettings(), PortAudio(library))
    assert library.tried == tried
    assert (source.rate_hz, source.n_channels) == accepted
    sound = np.full((accepted[0] // 2, accepted[1]), 1000, np.int16)
    library.play(sound, accepted[0] // 50)
    got = np.concatenate([block.samples for block in _heard(source, 7_800)])
    assert got.size <= 8_200
    assert np.abs(got[1000:-1000] - 1000).max() <= 2


def test_the_settings_channel_must_exist() -> None:
    """Channel 3 of a stereo device is refused before a stream is opened."""
    library = FakePortAudio(accepts=lambda _rate, _channels: True)
    with pytest.raises(
        DeviceError, match="'USB': channel = '3', expected 'mix' or a number from 1 to 2"
    ):
        MicrophoneSource(SourceSettings(channel="3"), PortAudio(library))
    assert not library.tried


def test_a_device_that_does_not_open_is_an_error() -> None:
    """The message lists every attempt."""
    library = FakePortAudio(accepts=lambda _rate, _channels: False)
    with pytest.raises(DeviceError, match=r"does not open.*16000 Hz, 1 channels.*48000 Hz, 2 channels"):
        MicrophoneSource(SourceSettings(), PortAudio(library))


def test_a_device_that_does_not_start_is_closed_again() -> None:
    """Each try leaves nothing open, so that PortAudio can be restarted for the next."""
    library = FakePortAudio(accepts=lambda _rate, _channels: True)
    library.starts = False
    portaudio = PortAudio(library)
    for _ in range(3):
        with pytest.raises(DeviceError, match="Device unavailable"):
            MicrophoneSource(SourceSettings(), portaudio)
    assert (library.n_opened, library.n_closed) == (3, 3)
    assert not portaudio._interrupts  # noqa: SLF001 - what would keep it from a restart


def test_portaudio_that_hangs_is_not_used_again() -> None:
    """Closing the stream raises an error instead of waiting, and so does every later use."""
    wakes = threading.Event()
    library = FakePortAudio(
        accepts=lambda _rate, _channels: True, abort=lambda **_: wakes.wait() and None
    )
    portaudio = PortAudio(library)
    source = MicrophoneSource(SourceSettings(), portaudio)
    source.stop()
    with pytest.raises(SourceHungError, match="PortAudio hangs"):
        list(source)
    with pytest.raises(SourceHungError):
        MicrophoneSource(SourceSettings(), portaudio)
    with pytest.raises(SourceHungError):
        portaudio.refresh()
    wakes.set()


def test_a_virtual_microphone_gives_the_emotions_of_the_files(tmp_path: Path) -> None:
    """From PulseAudio to Mosquitto: one utterance a recording, with the file's emotion and times."""
    paths = []
    for number, f0_hz in enumerate((100.0, 150.0, 300.0, 330.0)):
        path = tmp_path / f"voice-{number}.wav"
        voice = synthetic_voice(2.2, seed=number, f0_hz=f0_hz)
        soundfile.write(path, np.concatenate((silence(0.5), voice, silence(0.5))), 16_000)
        paths.append(path)
    # The most confident voices: PulseAudio's dither could change the emotion of others.
    in_files = analyze_files(paths)
    paths.sort(key=lambda path: float(in_files[path]["confidence"]))
    for clip in play_all(paths[-2:]):
        assert clip.n_utterances == 1
        assert clip.emotion_played == clip.emotion_in_file
        # On an idle machine both are below 0.1 s; a busy one starts the player late.
        assert abs(clip.start_error_s) < 0.8
        assert abs(clip.end_error_s) < 0.8
