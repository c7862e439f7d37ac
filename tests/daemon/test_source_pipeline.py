"""Early estimates of a live source do not change later reports, and its mood counts speech once."""

import copy
import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serd.audio.format import AudioBlock, CaptureTime, Samples
from serd.daemon.moods import LiveMood
from serd.daemon.source_pipeline import SourcePipeline
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.mood import MoodSettings
from serd.events.reports import LevelReport, MoodReport, Report, SoundReport, StateReport
from serd.events.state import ReportSettings
from serd.model.runtime import TfliteModel
from serd.model.smoothing import SmoothingSettings
from serd.pipeline import PipelineSettings, recognize
from testkit.made_events import counting_maker, events_of
from testkit.voices import quiet_room, synthetic_voice

_ONSET_S = 1.5
_ALWAYS = 0.01
"""Threshold that every emotion reaches."""
_CAPTURED = CaptureTime(epoch_s=1_700_000_000.0, arrived_s=0.0)


def _sound(*lengths_s: float) -> Samples:
    """Voices, with 1.5 s of a quiet room before, between and after them."""
    pause = quiet_room(_ONSET_S)
    voices = [synthetic_voice(length_s, seed=seed) for seed, length_s in enumerate(lengths_s)]
    return np.concatenate([pause, *itertools.chain.from_iterable((voice, pause) for voice in voices)])


def _blocks(sound: Samples) -> list[AudioBlock]:
    return [
        AudioBlock(samples=sound[start : start + 480], offset_samples=start, captured=_CAPTURED)
        for start in range(0, sound.size, 480)
    ]


def _reports(
    model: TfliteModel, sound: Samples, *, provisional_s: float, cooldown_s: float = 0.0
) -> list[Report]:
    report = ReportSettings(provisional_s=provisional_s)
    maker, controls = counting_maker(model.card), Controls(threshold=_ALWAYS, cooldown_s=cooldown_s)
    mood = LiveMood("mic", MoodSettings())
    pipeline = SourcePipeline("mic", model, PipelineSettings(), report, maker, controls, mood=mood)
    reports = [report for block in _blocks(sound) for report in pipeline.process(block)]
    return [*reports, *pipeline.flush(), *mood.snapshot()]


def _without_provisional(reports: list[Report]) -> list[Report]:
    """The reports without provisional events, guesses, clips and event ids, which count the events."""
    same: dict[type[Report], dict[str, Any]] = {Event: {"id": ""}, LevelReport: {"guesses": {}}}
    return [
        replace(report, **same.get(type(report), {}))
        for report in reports
        if not (isinstance(report, Event) and report.provisional) and not isinstance(report, SoundReport)
    ]


def test_the_first_event_comes_within_1200_ms_of_the_onset(real_model: TfliteModel) -> None:
    """It is a provisional window; the next event follows when a window is full."""
    events = [
        each for each in _reports(real_model, _sound(5.0), provisional_s=1.0) if isinstance(each, Event)
    ]
    first, second, *rest = events
    assert (first.kind, first.provisional) == ("window", True)
    assert first.end_s - _ONSET_S <= 1.2
    assert first.end_s - first.start_s == pytest.approx(1.0, abs=0.1)
    assert second.end_s - second.start_s == pytest.approx(3.0, abs=0.1)
    assert not any(event.provisional for event in (second, *rest))


def test_provisional_events_do_not_change_other_reports(real_model: TfliteModel) -> None:
    """Windows, utterances, states and speech are equal, for utterances of several lengths."""
    sound = _sound(0.8, 5.0, 1.4, 2.9)
    with_estimate = _reports(real_model, sound, provisional_s=1.0)
    without = _reports(real_model, sound, provisional_s=0.0)
    assert sum(isinstance(each, Event) and each.provisional for each in with_estimate) == 3
    assert _without_provisional(with_estimate) == _without_provisional(without)


def test_the_events_of_a_live_source_equal_those_of_its_file(real_model: TfliteModel) -> None:
    """The analysis of a recording gives the daemon's events except provisional ones."""
    sound = _sound(2.0, 4.0)
    block = AudioBlock(samples=sound, offset_samples=0, captured=_CAPTURED)
    scored = PipelineSettings(smoothing=SmoothingSettings(threshold=_ALWAYS))
    of_file = list(events_of(recognize([block], real_model, scored), counting_maker(real_model.card)))
    reports = _without_provisional(_reports(real_model, sound, provisional_s=1.0))
    live = [each for each in reports if isinstance(each, Event)]
    assert [(each.kind, each.emotion, each.start_s, each.end_s) for each in live] == [
        (each.kind, each.emotion, each.start_s, each.end_s) for each in of_file
    ]


def test_a_provisional_event_changes_neither_clips_nor_state(real_model: TfliteModel) -> None:
    """Its sound is part of the next window, and the state changes only with a full window."""
    reports = _reports(real_model, _sound(5.0), provisional_s=1.0)
    assert not any(each.event.provisional for each in reports if isinstance(each, SoundReport))
    first_full = next(
        number for number, each in enumerate(reports) if isinstance(each, Event) and not each.provisional
    )
    states = [number for number, each in enumerate(reports) if isinstance(each, StateReport)]
    assert states[0] > first_full


def test_the_mood_counts_each_second_of_speech_once(real_model: TfliteModel) -> None:
    """Windows overlap by two thirds, and its speech is still that of the utterances."""
    reports = _reports(real_model, _sound(8.0, 0.9, 5.0), provisional_s=1.0)
    utterances = [each for each in reports if isinstance(each, Event) and each.kind == "utterance"]
    speech_s = sum(each.speech_ratio * (each.end_s - each.start_s) for each in utterances)
    (mood,) = {each.mood.long.speech_s for each in reports[-1:] if isinstance(each, MoodReport)}
    assert speech_s - 0.6 * len(utterances) <= mood <= speech_s + 0.1


def test_the_mood_includes_windows_whose_event_is_not_published(real_model: TfliteModel) -> None:
    """A cooldown keeps events from a broker, not speech from the mood."""
    sound = _sound(8.0)
    all_events = _reports(real_model, sound, provisional_s=1.0)
    few_events = _reports(real_model, sound, provisional_s=1.0, cooldown_s=3600.0)
    n_all, n_few = (sum(isinstance(each, Event) for each in some) for some in (all_events, few_events))
    assert n_few < n_all
    assert few_events[-1] == all_events[-1]


def test_a_model_is_replaced_in_the_middle_of_an_utterance(real_model: TfliteModel) -> None:
    """Windows and the end of the utterance are as without; each event names the model that made it."""
    successor = copy.copy(real_model)
    successor.card = replace(real_model.card, name="successor")
    settings, controls = PipelineSettings(), Controls(threshold=0.0)
    found: list[list[Event]] = []
    for model in (real_model, successor):
        maker = counting_maker(real_model.card)
        pipeline = SourcePipeline("mic", real_model, settings, ReportSettings(), maker, controls)
        reports: list[Report] = []
        for number, block in enumerate(_blocks(_sound(9.0))):
            if number == 200:
                assert pipeline.use_model(model, counting_maker(model.card))
            reports += pipeline.process(block)
        found.append([each for each in (*reports, *pipeline.flush()) if isinstance(each, Event)])
    kept, changed = found
    same = {"id": "", "model": kept[0].model}
    assert [replace(each, **same) for each in changed] == [replace(each, **same) for each in kept]
    names = [each.model.name for each in changed]
    n_before = names.index("successor")
    assert 2 <= n_before < len(names) - 3
    assert set(names[n_before:]) == {"successor"}


def test_a_model_of_other_labels_is_not_used_in_an_utterance(real_model: TfliteModel) -> None:
    """Its probabilities cannot be averaged with those before; the pipeline stays as it was."""
    other = copy.copy(real_model)
    other.card = replace(real_model.card, labels=("bored", *real_model.card.labels[1:]))
    maker, controls = counting_maker(real_model.card), Controls(threshold=0.0)
    pipeline = SourcePipeline("mic", real_model, PipelineSettings(), ReportSettings(), maker, controls)
    assert not pipeline.use_model(other, counting_maker(other.card))
    reports = [each for block in _blocks(_sound(4.0)) for each in pipeline.process(block)]
    events = [each for each in reports if isinstance(each, Event)]
    assert events
    assert all("bored" not in each.scores for each in events)


def test_the_last_line_is_about_the_present_model(real_model: TfliteModel) -> None:
    """A model without a threshold rejects nothing, whatever the one before has rejected."""
    rejecting, accepting = copy.copy(real_model), copy.copy(real_model)
    rejecting.card = replace(real_model.card, no_speech_threshold=1e-9)
    accepting.card = replace(real_model.card, no_speech_threshold=None)
    maker, controls = counting_maker(real_model.card), Controls()
    pipeline = SourcePipeline("mic", rejecting, PipelineSettings(), ReportSettings(), maker, controls)
    for block in _blocks(_sound(4.0)):
        list(pipeline.process(block))
    assert "rejected everything" in pipeline.closing_line()
    assert pipeline.use_model(accepting, maker)
    assert pipeline.closing_line() == ""
