"""A clip's decision is the mean of its utterances' events."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from train_helpers import FakeModel

import serd
from serd.audio.files import FileSource
from serd.daemon.source_pipeline import SourcePipeline
from serd.events.controls import Controls
from serd.events.event import Event
from serd.events.state import ReportSettings
from serd.model.labels import EMOTIONS
from serd.model.mfcc import Mfccs
from serd.model.runtime import ModelSettings, load_model
from serd.pipeline import PipelineSettings, recognize, speech_segments
from serd.recognizer import event_maker
from serd.speech.segments import UtteranceEnd
from testkit.made_events import events_of
from testkit.voices import quiet_room, synthetic_voice
from train.data.clips import Clip, CorpusError
from train.evaluation.scorer import estimate_clip, score_clips


def _by_energy(mfccs: Mfccs) -> NDArray[np.float32]:
    """Probabilities that differ from window to window."""
    weights = np.abs(mfccs.mean(axis=0)[: len(EMOTIONS)]) + 1.0
    return (weights / weights.sum()).astype(np.float32)


def _always(label: str) -> FakeModel:
    answer = np.zeros(len(EMOTIONS), np.float32)
    answer[EMOTIONS.index(label)] = 1.0
    return FakeModel(lambda _mfccs: answer)


def test_a_clip_is_its_utterances_weighted_by_their_speech(tmp_path: Path) -> None:
    """The scores are those that the daemon publishes for the utterances."""
    path = tmp_path / "two.wav"
    long, short = synthetic_voice(5.0, seed=1), synthetic_voice(1.5, seed=2, f0_hz=220.0)
    sound = np.concatenate((quiet_room(0.5), long, quiet_room(1.5), short, quiet_room(1.0)))
    soundfile.write(path, sound, 16_000)
    model = FakeModel(_by_energy)
    maker = event_maker(node="n", source="s", card=model.card)
    events = list(events_of(recognize(FileSource(path), model, PipelineSettings()), maker))
    utterances = [event for event in events if event.kind == "utterance"]
    assert len(utterances) == 2
    segments = speech_segments(FileSource(path), PipelineSettings(), model.card.window_samples)
    ends = [segment for segment in segments if isinstance(segment, UtteranceEnd)]
    speech_s = np.array([end.speech_s for end in ends])
    scores = np.array([list(event.scores.values()) for event in utterances])
    expected = speech_s @ scores / speech_s.sum()
    got = estimate_clip(FileSource(path), model, PipelineSettings()).probabilities
    assert got == pytest.approx(expected, abs=1e-3)
    heard = estimate_clip(FileSource(path), model, PipelineSettings())
    assert heard.speech_s == pytest.approx(speech_s.sum())


def test_scoring_a_clip_and_analyzing_it_give_the_same_probabilities(tmp_path: Path) -> None:
    """To the digits that an event has, for speech, for several utterances and for silence."""
    recognizer = serd.Recognizer(model="tiny")
    model = load_model(ModelSettings(path="tiny"))
    pause, long = quiet_room(1.5), synthetic_voice(4.0, seed=1)
    for name, parts in {"one": [long], "two": [long, pause, synthetic_voice(1.5)], "none": []}.items():
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, np.concatenate((pause, *parts, pause)), 16_000)
        whole = list(recognizer.file(path))[-1]
        estimate = estimate_clip(FileSource(path), model, PipelineSettings())
        if estimate.probabilities is None:
            assert (whole.scores, whole.emotion) == ({}, "none")
        else:
            assert list(whole.scores.values()) == [round(each, 4) for each in estimate.probabilities]
        assert whole.speech_ratio == round(estimate.speech_s / whole.end_s, 3)


def test_emotions_that_a_corpus_lacks_are_no_decision(clips: list[Clip]) -> None:
    """NEMO knows no calm: of a model that always says so, the next best counts."""
    polish = [replace(clip, corpus="nemo", emotion="sad") for clip in clips[:2]]
    scores = score_clips(_always("calm"), polish, PipelineSettings())
    column = scores.restricted.labels.index("calm")
    assert scores.restricted.n_clips == scores.plain.n_clips == 2
    assert not scores.restricted.confusion[:, column].any()
    assert scores.plain.confusion[:, column].sum() == 2, "the plain decisions stand beside them"
    assert scores.to_json()["plain"] == {"uar": 0.0, "accuracy": 0.0}


def test_each_clip_counts_once(clips: list[Clip]) -> None:
    """A model that always says sad is right for every sad clip and for no other."""
    speech = [clip for clip in clips if clip.channel == "speech"]
    scores = score_clips(_always("sad"), speech, PipelineSettings())
    assert scores.plain.n_clips == len(speech)
    assert scores.plain.recalls == {label: float(label == "sad") for label in EMOTIONS}
    assert not scores.left_out
    assert "plain" not in scores.to_json(), "nothing is restricted"


def test_a_missed_clip_is_an_error_and_unreadable_is_left_out(clips: list[Clip], tmp_path: Path) -> None:
    """Silence is a wrong answer, a broken file is named; where that is all, nothing can be scored."""
    silent = replace(clips[0], path=tmp_path / "silent.wav")
    soundfile.write(silent.path, quiet_room(2.0), 16_000)
    broken = replace(clips[0], path=tmp_path / "broken.wav")
    broken.path.write_bytes(b"no sound")
    model = _always(clips[0].emotion)
    scores = score_clips(model, [clips[0], silent, broken], PipelineSettings())
    assert (scores.plain.n_clips, scores.plain.n_missed, scores.plain.accuracy) == (2, 1, 0.5)
    assert "broken.wav" in scores.left_out[0]
    with pytest.raises(CorpusError, match="nothing to score"):
        score_clips(model, [broken], PipelineSettings())


def test_the_first_word_on_a_clip_is_that_of_the_daemon_s_early_event(tmp_path: Path) -> None:
    """Of a longer utterance the provisional event, of a shorter one its only window; nothing later."""
    path = tmp_path / "two.wav"
    long, short = synthetic_voice(5.0, seed=1), synthetic_voice(0.9, seed=2, f0_hz=220.0)
    sound = np.concatenate((quiet_room(0.5), long, quiet_room(1.5), short, quiet_room(1.5)))
    soundfile.write(path, sound, 16_000)
    model = FakeModel(_by_energy)
    maker = event_maker(node="n", source="s", card=model.card)
    controls = Controls(threshold=0.0)
    pipeline = SourcePipeline("s", model, PipelineSettings(), ReportSettings(), maker, controls)
    reports = [each for block in FileSource(path) for each in pipeline.process(block)]
    events = [each for each in reports if isinstance(each, Event)]
    firsts = [events[0], next(each for each in events if each.start_s > events[-1].start_s - 1e-9)]
    assert [each.provisional for each in firsts] == [True, False]
    speech_s = [
        each.speech_ratio * (each.end_s - each.start_s) for each in events if each.kind == "utterance"
    ]
    scores = np.array([list(each.scores.values()) for each in firsts])
    expected = np.array(speech_s) @ scores / sum(speech_s)
    got = estimate_clip(FileSource(path), model, PipelineSettings(), early_s=1.0)
    assert got.probabilities == pytest.approx(expected, abs=2e-3)
    whole = estimate_clip(FileSource(path), model, PipelineSettings())
    assert got.speech_s == whole.speech_s
    assert got.probabilities != pytest.approx(whole.probabilities, abs=2e-3)
