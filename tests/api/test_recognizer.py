"""The recognizer: files, arrays, streams and microphones give the same events for a sound."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import serd
from serd.audio.format import AudioBlock, CaptureTime, Samples
from serd.audio.source import SourceSettings
from serd.model.adaptation import AdaptationSettings
from serd.model.smoothing import SmoothingSettings
from serd.pipeline import PipelineSettings
from serd.speech.segmenter import SegmenterSettings
from serd.speech.vad import VoiceSettings
from testkit.fake_portaudio import FakePortAudio
from testkit.made_sources import MadeSource, blocks
from testkit.voices import quiet_room, synthetic_voice


@pytest.fixture(scope="module")
def recognizer() -> serd.Recognizer:
    """The model that comes with serd."""
    return serd.Recognizer(model="tiny")


@pytest.fixture(scope="module")
def sound() -> Samples:
    """Two utterances."""
    pause = quiet_room(1.5)
    voices = synthetic_voice(4.0), synthetic_voice(1.2, seed=1)
    return np.concatenate((pause, voices[0], pause, voices[1], pause))


def _bare(events: list[serd.Event]) -> list[serd.Event]:
    """Remove the fields that differ between runs and sources."""
    return [replace(each, id="", source="", file=None, latency_ms=0.0) for each in events]


def test_an_array_gives_the_events_of_its_file(
    recognizer: serd.Recognizer, sound: Samples, tmp_path: Path
) -> None:
    """All fields are equal, also of the event of the whole; times count from the start."""
    path = tmp_path / "talk.wav"
    soundfile.write(path, sound, 16_000)
    events = recognizer.array(sound, 16_000)
    assert _bare(events) == _bare(list(recognizer.file(path)))
    kinds = [each.kind for each in events]
    assert (kinds.count("utterance"), kinds[-1]) == (2, "file")
    assert events[0].start_s == pytest.approx(1.5, abs=0.2)
    assert {each.time for each in events} == {None}


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_an_array_of_another_rate_gives_the_events_of_its_file(
    recognizer: serd.Recognizer, sound: Samples, tmp_path: Path, rate: int
) -> None:
    """This holds for each rate in stereo, whatever the blocks of the file."""
    position = np.arange(0, sound.size, 16_000 / rate)
    mono = np.interp(position, np.arange(sound.size), sound / 32768).astype(np.float32)
    stereo = np.stack((mono, 0.5 * mono), axis=1)
    path = tmp_path / "talk.wav"
    soundfile.write(path, stereo, rate, subtype="FLOAT")
    assert _bare(recognizer.array(stereo, rate)) == _bare(list(recognizer.file(path)))


@given(data=st.data())
@hypothesis_settings(max_examples=8)
def test_a_stream_gives_the_events_of_the_array(
    data: st.DataObject, recognizer: serd.Recognizer, sound: Samples
) -> None:
    """This holds for any blocks; only the event of the whole is missing."""
    sizes = data.draw(st.lists(st.integers(0, 30_000), min_size=1, max_size=12))
    cuts = np.cumsum(sizes).clip(max=sound.size)
    with recognizer.stream(16_000) as stream:
        events = [event for block in np.split(sound, cuts) for event in stream.push(block)]
        events += stream.close()
    assert stream.close() == []
    assert _bare(events) == _bare(recognizer.array(sound, 16_000)[:-1])


def test_types_of_samples_make_no_difference(recognizer: serd.Recognizer, sound: Samples) -> None:
    """int16, float32, float64 and one channel of several give the same events for a sound."""
    as_float = sound / 32768
    expected = _bare(recognizer.array(sound, 16_000))
    assert _bare(recognizer.array(as_float, 16_000)) == expected
    assert _bare(recognizer.array(as_float.astype(np.float32), 16_000)) == expected
    both = np.stack((np.zeros_like(sound), sound), axis=1)
    assert _bare(recognizer.array(both, 16_000, channel="2")) == expected


def test_without_speech_the_emotion_of_the_whole_is_none(recognizer: serd.Recognizer) -> None:
    """An array has one event, of kind "file"; a stream has no event."""
    (event,) = recognizer.array(quiet_room(2.0), 16_000)
    assert (event.kind, event.emotion, event.end_s) == ("file", "none", 2.0)
    stream = recognizer.stream(16_000)
    assert stream.push(quiet_room(2.0)) + stream.close() == []


def test_a_stream_may_give_provisional_events(recognizer: serd.Recognizer, sound: Samples) -> None:
    """They are marked, and come before the first full window."""
    events = recognizer.stream(16_000, provisional_s=1.0).push(sound)
    assert events[0].provisional
    assert events[0].end_s - events[0].start_s == pytest.approx(1.0, abs=0.1)


_GOOD = np.zeros(1600, np.int16)


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        ([0, 1, 2], 16_000, "samples is a list, expected a NumPy array"),
        (np.zeros(10, np.int32), 16_000, "samples is of int32, expected int16, float32 or float64"),
        (np.zeros(10, np.complex128), 16_000, "samples is of complex128"),
        (np.zeros((2, 48_000), np.int16), 16_000, "with 1 to 64 channels"),
        (np.zeros((10, 0), np.int16), 16_000, "with 1 to 64 channels"),
        (np.zeros((2, 2, 2), np.int16), 16_000, r"has the shape \(2, 2, 2\)"),
        (np.array(1, np.int16), 16_000, r"has the shape \(\)"),
        (np.empty(0, np.int16), 16_000, "samples is empty"),
        (np.array([0.0, np.nan, 0.0]), 16_000, "sample 1 is not a finite number"),
        (np.array([0.0, 0.1, np.inf]), 16_000, "sample 2 is not a finite number"),
        (np.array([0.0, 12_000.0]), 16_000, "float samples reach 12000, expected -1 to 1"),
        (_GOOD, 0, "rate = 0, expected a whole number from 1000 to 768000"),
        (_GOOD, 16_000.5, "rate = 16000.5"),
        (_GOOD, "16000", "rate = '16000'"),
        (_GOOD, True, "rate = True"),
    ],
)
def test_bad_samples_are_a_sound_array_error(
    recognizer: serd.Recognizer, samples: object, rate: object, message: str
) -> None:
    """The message gives the value and the expected values."""
    with pytest.raises(serd.SoundArrayError, match=message):
        recognizer.array(samples, rate)  # type: ignore[arg-type]


@pytest.mark.parametrize("channel", ["0", "2", "left", ""])
def test_a_missing_channel_is_refused(recognizer: serd.Recognizer, channel: str) -> None:
    """The message gives the existing channels."""
    with pytest.raises(serd.SoundArrayError, match="expected 'mix' or a number from 1 to 1"):
        recognizer.array(_GOOD, 16_000, channel=channel)


def test_a_stream_refuses_bad_blocks_and_continues(recognizer: serd.Recognizer, sound: Samples) -> None:
    """A refused block has no effect; a closed stream accepts no block."""
    stream = recognizer.stream(16_000, channels=2)
    with pytest.raises(serd.SoundArrayError, match="got 1 channels, expected 2"):
        stream.push(sound)
    with pytest.raises(serd.SoundArrayError, match="sample 0 is not a finite number"):
        stream.push(np.full((5, 2), np.nan))
    events = stream.push(np.stack((sound, sound), axis=1)) + stream.close()
    assert _bare(events) == _bare(recognizer.array(sound, 16_000)[:-1])
    assert stream.close() == []
    with pytest.raises(serd.SoundArrayError, match="the stream is closed"):
        stream.push(sound)


@pytest.mark.parametrize("channels", [0, 65, "2", 1.0])
def test_a_stream_with_a_bad_number_of_channels_is_refused(
    recognizer: serd.Recognizer, channels: object
) -> None:
    """The error comes before the first block."""
    with pytest.raises(serd.SoundArrayError, match="channels = "):
        recognizer.stream(16_000, channels=channels)  # type: ignore[arg-type]


def test_a_missing_file_is_a_sound_file_error(recognizer: serd.Recognizer, tmp_path: Path) -> None:
    """The error comes with the first event."""
    with pytest.raises(serd.SoundFileError, match="no such file"):
        next(recognizer.file(tmp_path / "gone.wav"))


def test_a_model_is_named_as_in_the_settings(recognizer: serd.Recognizer, tmp_path: Path) -> None:
    """The name is empty, "tiny" or a path; a missing file is a ModelError."""
    assert serd.Recognizer().labels == recognizer.labels
    assert len(recognizer.labels) == 8
    with pytest.raises(serd.ModelError, match=r"nix\.tflite"):
        serd.Recognizer(model=tmp_path / "nix.tflite")


@pytest.mark.parametrize("channel", ["0", "-1", "2", "left"])
def test_a_channel_that_a_file_or_a_microphone_lacks_is_refused(
    recognizer: serd.Recognizer, tmp_path: Path, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The message gives the existing channels, whatever the sound comes from."""
    path = tmp_path / "mono.wav"
    soundfile.write(path, _GOOD, 16_000)
    with pytest.raises(
        serd.SoundFileError, match=r"mono\.wav: channel = .*'mix' or a number from 1 to 1"
    ):
        next(recognizer.file(path, channel=channel))
    library = FakePortAudio(accepts=lambda _rate, _channels: True)
    monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
    if channel != "2":
        with pytest.raises(serd.DeviceError, match=r"'USB': channel = .*'mix' or a number from 1 to 2"):
            next(recognizer.microphone("USB", channel=channel))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            PipelineSettings(segmenter=SegmenterSettings(hop_s=0.0)),
            r"\[segmenter\] hop_s = 0.0, expected a",
        ),
        (
            PipelineSettings(voice=VoiceSettings(frame_ms=25)),
            r"\[voice\] frame_ms = 25, expected 10, 20",
        ),
        (
            PipelineSettings(voice=VoiceSettings(detector="x")),
            r"\[voice\] detector = 'x', expected one of",
        ),
        (PipelineSettings(smoothing=SmoothingSettings(half_life_s=0)), "half_life_s = 0, expected more"),
        (
            PipelineSettings(segmenter=SegmenterSettings(hop_s=float("nan"))),
            "hop_s = nan, expected a num",
        ),
        (
            PipelineSettings(adaptation=AdaptationSettings(strength=2.0)),
            "strength = 2.0, expected 0 to 1",
        ),
    ],
)
def test_settings_that_cannot_be_used_are_refused(settings: PipelineSettings, message: str) -> None:
    """Before any sound, which they would fail on or never end with."""
    with pytest.raises(serd.InputError, match=message):
        serd.Recognizer(model="tiny", settings=settings)


class _Microphone:
    """A fake of an open microphone."""

    def __init__(self, blocks: list[AudioBlock]) -> None:
        self._blocks = blocks
        self.is_closed = False

    def __iter__(self) -> Iterator[AudioBlock]:
        try:
            yield from self._blocks
        finally:
            self.is_closed = True


def test_a_microphone_gives_events_until_the_iterator_is_closed(
    recognizer: serd.Recognizer, sound: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events have the time of day; closing the iterator closes the microphone."""
    captured = CaptureTime(epoch_s=1_700_000_000.0, arrived_s=0.0)
    pieces = np.array_split(sound, 200)
    starts = np.cumsum([0, *(piece.size for piece in pieces)]).tolist()
    blocks = [
        AudioBlock(samples=piece, offset_samples=start, captured=captured)
        for piece, start in zip(pieces, starts, strict=False)
    ]
    opened: list[str] = []

    def open_microphone(settings: SourceSettings, _portaudio: object) -> _Microphone:
        opened.append(settings.input)
        return microphone

    microphone = _Microphone(blocks)
    monkeypatch.setattr("serd.audio.microphone.open_microphone", open_microphone)
    monkeypatch.setattr("serd.audio.portaudio.shared_portaudio", lambda: None)
    events = recognizer.microphone("USB")
    first = next(events)
    assert (opened, first.source, first.kind) == (["USB"], "mic", "window")
    assert first.time is not None
    assert not microphone.is_closed
    events.close()  # type: ignore[attr-defined]
    assert microphone.is_closed


def test_a_microphone_that_fails_gives_the_events_so_far(
    recognizer: serd.Recognizer, sound: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The utterance in progress comes before the error."""
    in_speech = sound[: 4 * 16_000]
    source = MadeSource(blocks(in_speech), error=serd.SourceError("unplugged"))
    monkeypatch.setattr("serd.audio.microphone.open_microphone", lambda _settings, _library: source)
    monkeypatch.setattr("serd.audio.portaudio.shared_portaudio", lambda: None)
    kinds: list[str] = []
    with pytest.raises(serd.SourceError, match="unplugged"):
        kinds.extend(event.kind for event in recognizer.microphone())
    assert kinds[-1] == "utterance"


def test_a_second_microphone_leaves_the_first_alone(
    recognizer: serd.Recognizer, sound: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PortAudio is not restarted for a missing device while another one is read."""
    library = FakePortAudio(accepts=lambda rate_hz, _channels: rate_hz == 16_000, sound=sound)
    monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
    events = recognizer.microphone("USB")
    next(events)
    with pytest.raises(serd.DeviceError, match="no microphone 'other'"):
        next(recognizer.microphone("other"))
    assert (library.n_opened, library.n_closed, library.n_terminated) == (1, 0, 0)
    events.close()  # type: ignore[attr-defined]
    assert library.n_closed == 1
