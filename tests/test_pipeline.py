"""The whole pipeline, from sound to events."""

import itertools
import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from serd.audio.files import FileSource, read_samples
from serd.audio.format import AudioBlock, CaptureTime, Samples
from serd.errors import SourceError
from serd.events.event import Event
from serd.events.schema import json_schema
from serd.model.adaptation import Adaptation, AdaptationSettings
from serd.model.runtime import Prediction, TfliteModel
from serd.model.smoothing import SmoothingSettings
from serd.model.windows import FeatureWindow
from serd.pipeline import (
    FeatureExtractor,
    PipelineSettings,
    UtteranceRecognizer,
    recognize,
    speech_segments,
)
from serd.recognizer import event_maker
from serd.speech.segments import SpeechWindow, UtteranceEnd
from testkit.made_events import counting_maker, events_of
from testkit.models import made_card
from testkit.voices import quiet_room, silence, synthetic_voice

_EPOCH_S = 1_700_000_000.0


class FakeModel:
    """A model for which loud speech is angry and faint speech calm; it records the windows."""

    card = made_card(labels=("angry", "calm"), window_s=1.5)

    def __init__(self) -> None:
        self.windows: list[FeatureWindow] = []

    def predict(self, window: FeatureWindow) -> Prediction:
        """Return probabilities that depend on the level only."""
        self.windows.append(window)
        angry = 0.9 if window.speech.level_dbfs > -30.0 else 0.1
        return Prediction(probabilities=np.array([angry, 1 - angry], np.float32))


def _blocks(sound: Samples, sizes: Iterable[int] = ()) -> Iterator[AudioBlock]:
    pieces = np.split(sound, np.cumsum([*sizes]).astype(np.int64).clip(max=sound.size))
    offset = 0
    for piece in pieces:
        yield AudioBlock(
            samples=piece,
            offset_samples=offset,
            captured=CaptureTime(epoch_s=_EPOCH_S, arrived_s=offset / 16000),
        )
        offset += piece.size


def _events(
    sound: Samples, sizes: Iterable[int] = (), settings: PipelineSettings | None = None
) -> list[Event]:
    """Return the events of sound in blocks of the given sizes, with the fake model."""
    settings = settings or PipelineSettings()
    return list(
        events_of(
            recognize(_blocks(sound, sizes), FakeModel(), settings), counting_maker(FakeModel.card)
        )
    )


def _scene(*parts: Samples) -> Samples:
    """Join parts with 1.5 s of a quiet room before, between and after them."""
    pause = quiet_room(1.5)
    return np.concatenate([pause, *itertools.chain.from_iterable((part, pause) for part in parts)])


def test_windows_come_during_speech_and_an_utterance_at_its_end() -> None:
    """Each utterance has the events of its windows, in order, and then one of its own."""
    events = _events(_scene(synthetic_voice(4.0), synthetic_voice(1.0, seed=1)))
    kinds = "".join(event.kind[0] for event in events)
    assert kinds.count("u") == 2
    first, second, rest = kinds.split("u")
    assert len(first) >= 3
    assert second == "w"
    assert rest == ""
    assert [event.id for event in events] == [str(number) for number in range(len(events))]
    starts = [event.start_s for event in events if event.kind == "window"]
    assert starts == sorted(starts)


def test_times_are_those_of_the_sound() -> None:
    """The times of an utterance are right to 0.2 s."""
    events = _events(_scene(synthetic_voice(4.0), synthetic_voice(2.0, seed=1)))
    first, second = (event for event in events if event.kind == "utterance")
    assert (first.start_s, first.end_s) == (
        pytest.approx(1.5, abs=0.2),
        pytest.approx(5.5, abs=0.2),
    )
    assert (second.start_s, second.end_s) == (
        pytest.approx(7.0, abs=0.2),
        pytest.approx(9.0, abs=0.2),
    )


def test_the_emotion_follows_the_model_s_probabilities() -> None:
    """A loud voice is angry, a faint one calm, and an utterance does not affect the next."""
    events = _events(
        _scene(
            synthetic_voice(2.5, level_dbfs=-15.0),
            synthetic_voice(2.5, level_dbfs=-38.0, seed=2),
            synthetic_voice(2.5, level_dbfs=-15.0, seed=3),
        )
    )
    utterances = [event for event in events if event.kind == "utterance"]
    assert [event.emotion for event in utterances] == ["angry", "calm", "angry"]
    assert [event.scores["angry"] for event in utterances] == [0.9, 0.1, 0.9]
    assert {event.emotion for event in events} == {"angry", "calm"}


def test_the_threshold_of_the_settings_is_used() -> None:
    """A high threshold gives "uncertain"."""
    settings = PipelineSettings(smoothing=SmoothingSettings(threshold=0.95))
    events = _events(_scene(synthetic_voice(2.0)), settings=settings)
    assert {event.emotion for event in events} == {"uncertain"}


def test_the_model_gets_windows_of_its_length() -> None:
    """Full and padded windows have the number of frames in the card."""
    model = FakeModel()
    sound = _scene(synthetic_voice(3.0), synthetic_voice(1.0))
    list(events_of(recognize(_blocks(sound), model, PipelineSettings()), counting_maker(FakeModel.card)))
    assert {window.features.shape for window in model.windows} == {(model.card.n_frames, 40)}
    assert {window.speech.is_last for window in model.windows} == {True, False}


@pytest.mark.parametrize(
    "sound",
    [
        silence(10.0),
        quiet_room(10.0),
        _scene(synthetic_voice(0.05)),
        _scene(synthetic_voice(0.3), synthetic_voice(0.3, seed=1)),
        np.empty(0, np.int16),
        np.zeros(1, np.int16),
    ],
    ids=["silence", "quiet room", "50 ms", "two syllables", "no sample", "one sample"],
)
def test_too_little_speech_gives_no_event(sound: Samples) -> None:
    """Less than 0.6 s of speech gives neither a window nor an end."""
    assert _events(sound) == []


def test_no_block_gives_no_event() -> None:
    """A source without blocks is not an error."""
    assert (
        list(events_of(recognize([], FakeModel(), PipelineSettings()), counting_maker(FakeModel.card)))
        == []
    )


def test_speech_at_the_very_end_is_not_lost() -> None:
    """The utterance ends with the sound."""
    events = _events(np.concatenate((quiet_room(1.0), synthetic_voice(1.2))))
    assert [event.kind for event in events] == ["window", "utterance"]
    assert events[-1].end_s == pytest.approx(2.2, abs=0.05)


@given(st.lists(st.integers(0, 40_000), max_size=20), st.sampled_from([1, 160, 480, 1600]))
@hypothesis_settings(max_examples=15)
def test_block_sizes_change_nothing(sizes: list[int], more: int) -> None:
    """The events do not depend on the blocks, except for the latency."""
    sound = _scene(synthetic_voice(2.0), synthetic_voice(1.0, seed=1))
    sizes = [*sizes, *[more] * (50 if more == 1 else sound.size // more)]

    def bare(events: list[Event]) -> list[Event]:
        return [replace(event, latency_ms=0.0) for event in events]

    assert bare(_events(sound, sizes)) == bare(_events(sound))


def test_lost_sound_ends_an_utterance() -> None:
    """A gap in the sound separates two utterances, each with its times."""
    voice = synthetic_voice(3.0)
    captured = CaptureTime(epoch_s=_EPOCH_S, arrived_s=0.0)
    blocks = [
        AudioBlock(samples=voice[:24_000], offset_samples=0, captured=captured),
        AudioBlock(samples=voice[24_000:], offset_samples=160_000, captured=captured),
    ]
    events = list(
        events_of(recognize(blocks, FakeModel(), PipelineSettings()), counting_maker(FakeModel.card))
    )
    spans = [(e.start_s, e.end_s) for e in events if e.kind == "utterance"]
    assert spans == [
        (pytest.approx(0.0, abs=0.1), pytest.approx(1.5, abs=0.1)),
        (pytest.approx(10.0, abs=0.1), pytest.approx(11.5, abs=0.1)),
    ]


def test_the_utterance_is_complete_when_the_source_fails() -> None:
    """The speech before the failure gives its events, and then the error is raised."""

    def failing() -> Iterator[AudioBlock]:
        yield from _blocks(synthetic_voice(2.0))
        raise SourceError("the microphone is gone")

    events: list[Event] = []
    with pytest.raises(SourceError, match="the microphone is gone"):
        events.extend(
            events_of(
                recognize(failing(), FakeModel(), PipelineSettings()), counting_maker(FakeModel.card)
            )
        )
    assert events == _events(synthetic_voice(2.0))
    assert events[-1].kind == "utterance"


def test_events_come_as_soon_as_their_sound() -> None:
    """No event waits for a later block."""
    pulled = 0

    def counted() -> Iterator[AudioBlock]:
        nonlocal pulled
        for block in _blocks(synthetic_voice(6.0), [480] * 199):
            pulled += 1
            yield block

    first = next(
        events_of(recognize(counted(), FakeModel(), PipelineSettings()), counting_maker(FakeModel.card))
    )
    assert first.kind == "window"
    assert pulled * 480 / 16000 == pytest.approx(first.end_s, abs=0.04)


def test_event_makers_of_the_machine_give_unique_ids() -> None:
    """Two runs have no id in common."""
    maker = event_maker(node="pi", source="mic", card=FakeModel.card)
    sound = synthetic_voice(3.0)
    events = list(events_of(recognize(_blocks(sound), FakeModel(), PipelineSettings()), maker))
    again = list(events_of(recognize(_blocks(sound), FakeModel(), PipelineSettings()), maker))
    ids = {event.id for event in (*events, *again)}
    assert len(ids) == 2 * len(events) > 0


def test_a_provisional_window_leaves_the_features_of_later_windows_alone() -> None:
    """Also where a louder voice makes background of the start of the utterance, which is dropped."""
    faint, loud = synthetic_voice(1.0, level_dbfs=-58.0), synthetic_voice(3.0, level_dbfs=-15.0, seed=1)
    sound = np.concatenate((quiet_room(1.5), faint, loud, quiet_room(1.5)))
    found: list[list[FeatureWindow]] = []
    for provisional_s in (0.5, 0.0):
        features = FeatureExtractor(FakeModel.card)
        segments = speech_segments(
            _blocks(sound, [480] * (sound.size // 480)),
            PipelineSettings(),
            FakeModel.card.window_samples,
            provisional_s=provisional_s,
        )
        windows = [features.process(each) for each in segments if isinstance(each, SpeechWindow)]
        found.append([each for each in windows if isinstance(each, FeatureWindow)])
    provisional, *full = found[0]
    assert provisional.speech.is_provisional
    assert full[0].speech.start_s > provisional.speech.start_s
    for one, other in zip(full, found[1], strict=True):
        np.testing.assert_array_equal(one.features, other.features)


def test_an_utterance_adapts_to_the_utterances_before_it() -> None:
    """The first is recognized as it is, the second with its features shifted."""
    found: list[FakeModel] = []
    for enabled in (True, False):
        model = FakeModel()
        features = FeatureExtractor(model.card)
        adaptation = Adaptation(AdaptationSettings(enabled=enabled), model.card)
        recognizer = UtteranceRecognizer(model, SmoothingSettings(), adaptation)
        sound = _scene(synthetic_voice(1.2), synthetic_voice(1.2, seed=1))
        for segment in speech_segments(_blocks(sound), PipelineSettings(), model.card.window_samples):
            recognizer.decide(features.process(segment))
        found.append(model)
    (first, second), (first_plain, second_plain) = (each.windows for each in found)
    np.testing.assert_array_equal(first.features, first_plain.features)
    assert not np.allclose(second.features, second_plain.features)


class TestRealModel:
    """The pipeline with the bundled model."""

    def test_a_voice_gives_one_utterance(self, real_model: TfliteModel) -> None:
        """Its events match the JSON Schema."""
        maker = event_maker(node="pi", source="mic", card=real_model.card)
        sound = _scene(synthetic_voice(4.0))
        events = list(events_of(recognize(_blocks(sound), real_model, PipelineSettings()), maker))
        assert [event.kind for event in events].count("utterance") == 1
        assert events[-1].kind == "utterance"
        assert events[-1].model.name == real_model.card.name
        assert list(events[-1].scores) == list(real_model.card.labels)
        for event in events:
            jsonschema.validate(json.loads(event.to_json()), json_schema())

    def test_forty_recordings_give_one_utterance_each(
        self, ravdess_clips: list[Path], real_model: TfliteModel
    ) -> None:
        """A RAVDESS clip is one sentence: at least 38 of 40 are one utterance."""
        counts = []
        for clip in ravdess_clips:
            segments = speech_segments(
                FileSource(clip), PipelineSettings(), real_model.card.window_samples
            )
            counts.append(sum(isinstance(segment, UtteranceEnd) for segment in segments))
        assert counts.count(1) >= 38, counts

    def test_recordings_in_blocks_give_the_events_of_the_file(
        self, ravdess_clips: list[Path], real_model: TfliteModel
    ) -> None:
        """The events of real speech do not depend on the blocks, to the fourth digit."""
        for clip in ravdess_clips[::8]:
            sound = read_samples(clip)
            maker = event_maker(node="pi", source="mic", card=real_model.card)
            whole, cut = (
                [
                    replace(event, id="", latency_ms=0.0)
                    for event in events_of(
                        recognize(_blocks(sound, sizes), real_model, PipelineSettings()), maker
                    )
                ]
                for sizes in ([], [480] * (sound.size // 480))
            )
            for one, other in zip(whole, cut, strict=True):
                assert one.scores == pytest.approx(other.scores, abs=2e-4)
                assert replace(one, scores={}, confidence=0.0) == replace(
                    other, scores={}, confidence=0.0
                )


class RejectingModel(FakeModel):
    """A model that rejects faint sound as no speech."""

    card = made_card(labels=("angry", "calm"), window_s=1.5, no_speech_threshold=0.6)

    def predict(self, window: FeatureWindow) -> Prediction:
        """Return probabilities that depend on the level only."""
        no_speech = 0.1 if window.speech.level_dbfs > -30.0 else 0.9
        return replace(super().predict(window), no_speech=no_speech)


def test_rejected_speech_has_no_event() -> None:
    """Neither its window nor its utterance has one; the voice after it has both."""
    loud = synthetic_voice(1.2, level_dbfs=-20.0)
    faint = synthetic_voice(1.2, level_dbfs=-40.0)
    pause = silence(1.5)
    sound = np.concatenate((pause, faint, pause, loud, pause))
    settings = PipelineSettings()
    with_faint = list(
        events_of(recognize(_blocks(sound), FakeModel(), settings), counting_maker(FakeModel.card))
    )
    without = list(
        events_of(recognize(_blocks(sound), RejectingModel(), settings), counting_maker(FakeModel.card))
    )
    assert {event.emotion for event in with_faint} == {"calm", "angry"}
    assert {(event.kind, event.emotion) for event in without} == {
        ("window", "angry"),
        ("utterance", "angry"),
    }
