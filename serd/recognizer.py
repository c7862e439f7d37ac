"""The Python API: recognizes the emotions in files, arrays, streams of blocks and microphones.

``serd analyze`` reads its files through this module as well.
"""

import contextlib
import time
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from serd.audio.arrays import ArrayConverter, n_channels
from serd.audio.format import UNTIMED, AudioBlock, recording_block
from serd.audio.paths import printable
from serd.audio.source import MIX, SourceSettings
from serd.errors import SerdError, SettingsError, SoundArrayError
from serd.events.event import Event, EventMaker
from serd.model.adaptation import Adaptation
from serd.model.card import ModelCard
from serd.model.decision import RecordingSummary
from serd.model.rejection import RejectionCounter
from serd.model.runtime import EmotionModel, ModelSettings, load_model
from serd.pipeline import (
    FeatureExtractor,
    PipelineSettings,
    SpeechDetector,
    UtteranceRecognizer,
    recognize,
)
from serd.speech.segments import Segment


class Recognizer:
    """A model that is loaded once, for any number of recordings, streams and microphones.

    It serves one thread at a time.
    """

    def __init__(
        self, model: str | Path = "", *, node: str = "", settings: PipelineSettings | None = None
    ) -> None:
        """Load the model.

        Args:
            model: a ``.tflite`` file with its card; "tiny" for the smallest model that comes with serd;
                empty for the default one.
            node: name of the machine in the events.
            settings: of the pipeline; by default those of the daemon.

        Raises:
            SettingsError: a setting has a value that cannot be used.
            ModelError: the model is missing or broken.
            LibraryError: a library that serd needs is not installed.
        """
        self._settings = settings or PipelineSettings()
        for setting, expected in self._settings.problems():
            raise SettingsError(f"settings: {setting}, expected {expected}")
        self._model = load_model(ModelSettings(path=str(model)))
        self._node = node

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions that the model distinguishes."""
        return self._model.card.labels

    def file(self, path: str | Path, *, channel: str = MIX) -> Iterator[Event]:
        """Yield the events of a sound file, and at its end one of kind "file" for the whole recording.

        Args:
            path: a sound file of any rate and any number of channels; formats that libsndfile does not
                read need ffmpeg.
            channel: "mix" averages all channels, else the number of one, from 1.

        Raises:
            SoundFileError: the file is missing, empty, damaged or not a sound file.
        """
        return file_events(Path(path), self._model, self._settings, node=self._node, channel=channel)

    def array(self, samples: NDArray[Any], rate: int, *, channel: str = MIX) -> list[Event]:
        """Return the events of a recording in memory; the last one is of kind "file", for all of it.

        Times count from the start of the array.

        Args:
            samples: int16 with full scale at 32768, or float32 or float64 with full scale at 1; shape
                (n_samples,) or (n_samples, n_channels), one sample or more.
            rate: sample rate, in hertz; 1000 to 768000.
            channel: "mix" averages all channels, else the number of one, from 1.

        Raises:
            SoundArrayError: wrong type, shape or rate, no samples, or a NaN among them.
        """
        converter = ArrayConverter(rate, n_channels(samples), channel)
        if not samples.size:
            raise SoundArrayError("samples is empty, expected one sample or more")
        block = recording_block(converter.convert(samples, is_last=True))
        maker = event_maker(node=self._node, source="array", card=self._model.card)
        return list(_recording_events([block], self._model, self._settings, maker))

    def stream(
        self, rate: int, channels: int = 1, *, channel: str = MIX, provisional_s: float = 0.0
    ) -> "RecognitionStream":
        """Return a stream that recognizes sound block by block.

        Times count from the first sample.

        Args:
            rate: sample rate, in hertz; 1000 to 768000.
            channels: number of channels of each block.
            channel: "mix" averages all channels, else the number of one, from 1.
            provisional_s: speech before the provisional window of an utterance, which precedes its
                first full window, in seconds; 0 for none.

        Raises:
            SoundArrayError: the rate or the number of channels cannot be used.
        """
        maker = event_maker(node=self._node, source="stream", card=self._model.card)
        session = _Session(self._model, self._settings, maker, provisional_s=provisional_s)
        return RecognitionStream(session, ArrayConverter(rate, channels, channel), channels)

    def microphone(self, name: str = "default", *, channel: str = MIX) -> Iterator[Event]:
        """Yield the events of a microphone, until the iterator is closed.

        Args:
            name: "default", the microphone's name, part of its name, or its index.
            channel: "mix" averages all channels, else the number of one, from 1.

        Raises:
            DeviceError: there is no such microphone or channel, or it does not open.
            SourceError: the microphone stopped delivering sound.
            LibraryError: PortAudio is not installed.
        """
        from serd.audio.microphone import open_microphone  # noqa: PLC0415 - files need no PortAudio
        from serd.audio.portaudio import shared_portaudio  # noqa: PLC0415

        settings = SourceSettings(input=name, channel=channel)
        source = open_microphone(settings, shared_portaudio())
        maker = event_maker(node=self._node, source=settings.name, card=self._model.card)
        session = _Session(self._model, self._settings, maker)
        with contextlib.closing(iter(source)) as blocks:  # type: ignore[type-var]
            try:
                for block in blocks:
                    yield from session.process(block)
            except SerdError:
                yield from session.flush()
                raise
        yield from session.flush()


class RecognitionStream:
    """Turns blocks of sound of any size into events; created by ``Recognizer.stream``."""

    def __init__(self, session: "_Session", converter: ArrayConverter, channels: int) -> None:
        self._session = session
        self._converter = converter
        self._channels = channels
        self._n_samples = 0
        self._is_closed = False

    def push(self, block: NDArray[Any]) -> list[Event]:
        """Return the events that the next block completes.

        Args:
            block: as ``samples`` of ``Recognizer.array``; it may be empty.

        Raises:
            SoundArrayError: wrong type, shape or number of channels, a NaN, or the stream is closed.
        """
        if self._is_closed:
            raise SoundArrayError("the stream is closed and accepts no more sound")
        return self._recognize(block)

    def close(self) -> list[Event]:
        """End the stream and return its last events; a second call returns none.

        A stream that is not wanted any more need not be closed: it holds nothing but memory.
        """
        if self._is_closed:
            return []
        self._is_closed = True
        rest = self._recognize(np.empty((0, self._channels), np.float32), is_last=True)
        return rest + list(self._session.flush())

    def _recognize(self, sound: NDArray[Any], *, is_last: bool = False) -> list[Event]:
        samples = self._converter.convert(sound, is_last=is_last)
        block = AudioBlock(samples=samples, offset_samples=self._n_samples, captured=UNTIMED)
        self._n_samples = block.end_samples
        return list(self._session.process(block))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the stream; only ``close``, called before, returns its last events."""
        self.close()


def file_events(
    path: Path,
    model: EmotionModel,
    settings: PipelineSettings,
    *,
    node: str = "",
    channel: str = MIX,
    rejections: RejectionCounter | None = None,
    warnings: list[str] | None = None,
) -> Iterator[Event]:
    """Yield the events of a sound file, then one of kind "file" for the whole recording.

    Args:
        path: the file.
        model: computes the probabilities.
        settings: of the pipeline.
        node: name of the machine.
        channel: "mix" averages all channels, else the number of one, from 1.
        rejections: counts the windows.
        warnings: gets a line for each problem that did not stop the analysis.

    Raises:
        SoundFileError: the file cannot be read.
    """
    from serd.audio.files import FileSource  # noqa: PLC0415 - microphones need no libsndfile

    source = FileSource(path, channel=channel)
    maker = event_maker(node=node, source="file", card=model.card, file=printable(path))
    yield from _recording_events(source, model, settings, maker, rejections)
    if warnings is not None and (summary := source.summary()):
        warnings.append(summary)


class _Session:
    """The pipeline of one source, from blocks of sound to events."""

    def __init__(
        self,
        model: EmotionModel,
        settings: PipelineSettings,
        maker: EventMaker,
        *,
        provisional_s: float = 0.0,
    ) -> None:
        card = model.card
        self._detector = SpeechDetector(settings, card.window_samples, provisional_s=provisional_s)
        self._features = FeatureExtractor(card)
        adaptation = Adaptation(settings.adaptation, card)
        self._recognizer = UtteranceRecognizer(model, settings.smoothing, adaptation)
        self._maker = maker

    def process(self, block: AudioBlock) -> Iterator[Event]:
        """Yield the events that a block completes."""
        yield from self._events_of(self._detector.process(block)[1])

    def flush(self) -> Iterator[Event]:
        """Yield the last events when the sound ends."""
        yield from self._events_of(self._detector.flush())

    def _events_of(self, segments: Iterator[Segment]) -> Iterator[Event]:
        for segment in segments:
            decision = self._recognizer.decide(self._features.process(segment))
            if decision.is_speech:
                yield self._maker.make(decision)


def _recording_events(
    blocks: Iterable[AudioBlock],
    model: EmotionModel,
    settings: PipelineSettings,
    maker: EventMaker,
    rejections: RejectionCounter | None = None,
) -> Iterator[Event]:
    """Yield the events of a recording, then one for all of it."""
    summary = RecordingSummary(model.card)
    for decision in recognize(map(summary.measure, blocks), model, settings):
        summary.add(decision)
        if rejections is not None:
            rejections.count(decision)
        if decision.is_speech:
            yield maker.make(decision)
    yield maker.make(summary.decision(settings.smoothing.threshold))


def event_maker(*, node: str, source: str, card: ModelCard, file: str | None = None) -> EventMaker:
    """Return an event maker with random ids and the machine's monotonic clock."""
    return EventMaker(
        node=node,
        source=source,
        card=card,
        new_id=lambda: uuid.uuid4().hex,
        monotonic=time.monotonic,
        file=file,
    )
