"""Clips are heard as the daemon hears them, clean and in noise, in one process or in many."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation_helpers import packed_model
from train_helpers import FakeModel

from serd.model.labels import EMOTIONS
from serd.model.runtime import ModelSettings, TfliteModel, model_path
from serd.pipeline import PipelineSettings
from testkit.models import made_card
from testkit.voices import quiet_room
from train.data.clips import Clip, CorpusError
from train.evaluation import predictions as predictions_module
from train.evaluation.pass_metrics import pass_metrics
from train.evaluation.predictions import NoiseSettings, Predictions, predict
from train.evaluation.schemes import scheme_for
from train.evaluation.scorer import score_clips
from train.features.noise import open_bank, recordings

SCHEME = scheme_for(EMOTIONS)
PIPELINE = PipelineSettings()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network, whose card says that it was trained on actor 1."""
    return packed_model(tmp_path_factory.mktemp("model") / "model.tflite")


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> NoiseSettings:
    """Three files of hiss, to be mixed under clips at 20 and at -20 dB."""
    folder = tmp_path_factory.mktemp("noise")
    for seed in range(3):
        hiss = np.random.default_rng(seed).normal(0.0, 2000.0, 16_000).astype(np.int16)
        soundfile.write(folder / f"hiss{seed}.wav", hiss, 16_000)
    return NoiseSettings(bank=open_bank(folder, recordings(folder)), snr_db=(20.0, -20.0), seed=0)


def _labelled(clips: list[Clip]) -> list[tuple[Clip, int]]:
    return [(clip, clip.label) for clip in clips]


def _table(predictions: Predictions) -> list[list[object]]:
    passes = [predictions.clean, *predictions.noisy.values()]
    return [
        [
            each.clip.path.name,
            each.noise,
            each.speech_s,
            () if each.probabilities is None else tuple(each.probabilities),
        ]
        for decided in passes
        for each in decided
    ]


def test_figures_are_those_that_training_puts_into_the_card(model: Path, clips: list[Clip]) -> None:
    """The same confusion and the same JSON as from ``score_clips``."""
    (predictions,) = predict([model], _labelled(clips), SCHEME, PIPELINE)
    scores = score_clips(TfliteModel(model), clips, PIPELINE)
    got = pass_metrics(predictions.clean, EMOTIONS, seed=0).scores
    assert np.array_equal(got.confusion, scores.restricted.confusion)
    assert got.to_json() == scores.to_json()
    assert all(each.speech_s > 0.6 for each in predictions.clean)


def test_processes_give_what_one_process_gives(
    model: Path, clips: list[Clip], noise: NoiseSettings
) -> None:
    """With clips enough for processes: the same answers and noises, and progress for each clip."""
    noise = replace(noise, snr_db=(0.0,))
    done: list[int] = []
    (alone,) = predict([model], _labelled(clips), SCHEME, PIPELINE, noise)
    twice = _labelled(clips * 2)
    assert len(clips) < 50 <= len(twice)
    (many,) = predict([model], twice, SCHEME, PIPELINE, noise, lambda: done.append(1))
    assert len(done) == len(twice)
    half = len(clips)
    passes = {snr: each[:half] for snr, each in many.noisy.items()}
    first = replace(many, clean=many.clean[:half], noisy=passes)
    assert _table(first) == _table(alone)


def test_noise_is_named_and_changes_what_is_heard(
    model: Path, clips: list[Clip], noise: NoiseSettings
) -> None:
    """The same recording at each ratio; the louder it is, the further the answers move."""
    (predictions,) = predict([model], _labelled(clips[:9]), SCHEME, PIPELINE, noise)
    assert list(predictions.noisy) == [20.0, -20.0]
    quiet, loud = predictions.noisy.values()
    assert [each.noise for each in quiet] == [each.noise for each in loud]
    assert {each.noise for each in quiet} <= {"hiss0.wav", "hiss1.wav", "hiss2.wav"}
    assert not any(each.noise for each in predictions.clean)
    clean, faint, drowned = (
        np.array([np.zeros(8) if each.probabilities is None else each.probabilities for each in part])
        for part in (predictions.clean, quiet, loud)
    )
    assert not np.allclose(clean, faint)
    assert np.abs(clean - faint).mean() < np.abs(clean - drowned).mean()


def test_a_missed_clip_has_no_decision_and_unreadable_is_left_out(
    model: Path, clips: list[Clip], tmp_path: Path
) -> None:
    """Silence has a confidence of 0; a broken file is named, and alone it is an error."""
    silent = replace(clips[0], path=tmp_path / "silent.wav")
    soundfile.write(silent.path, quiet_room(2.0), 16_000)
    broken = replace(clips[0], path=tmp_path / "broken.wav")
    broken.path.write_bytes(b"no sound")
    (predictions,) = predict([model], _labelled([broken, silent, clips[1]]), SCHEME, PIPELINE)
    missed, heard = predictions.clean
    assert (missed.decision, missed.confidence, missed.speech_s) == (-1, 0.0, 0.0)
    assert heard.probabilities is not None
    assert heard.confidence == heard.probabilities[heard.decision]
    assert "broken.wav" in predictions.left_out[0]
    with pytest.raises(CorpusError, match="nothing to score"):
        predict([model], _labelled([broken]), SCHEME, PIPELINE)


def test_models_hear_together_what_each_hears_alone(
    model: Path, clips: list[Clip], noise: NoiseSettings
) -> None:
    """The default model and the tiny one: the answers and noises of each, clean and in noise."""
    tiny = model_path(ModelSettings(path="tiny"))
    words = (_labelled(clips[:9]), SCHEME, PIPELINE, noise)
    together = predict([model, tiny], *words)
    alone = [*predict([model], *words), *predict([tiny], *words)]
    assert [_table(each) for each in together] == [_table(each) for each in alone]
    assert _table(alone[0]) != _table(alone[1])


def test_models_of_two_front_ends_do_not_hear_together(
    clips: list[Clip], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clip is cut once for all of them, so this is refused and both are named."""
    models = {"long": FakeModel(), "short": FakeModel()}
    models["short"].card = made_card(window_s=2.0)
    monkeypatch.setattr(predictions_module, "loaded", lambda path, _written_ns: models[path.name])
    paths = [tmp_path / name for name in models]
    for path in paths:
        path.touch()
    with pytest.raises(ValueError, match=r"/long.*/short.*one front end"):
        predict(paths, _labelled(clips[:1]), SCHEME, PIPELINE)


def test_a_model_written_anew_is_loaded_anew(model: Path, clips: list[Clip], tmp_path: Path) -> None:
    """Written over with other labels, the same path gives their answers."""
    path = tmp_path / "model.tflite"
    answers = []
    for labels in (EMOTIONS, EMOTIONS[::-1]):
        packed_model(path, labels=labels)
        scheme = scheme_for(labels, "8")
        (predictions,) = predict([path], _labelled(clips[:1]), scheme, PIPELINE)
        (prediction,) = predictions.clean
        assert prediction.probabilities is not None
        answers.append(prediction.probabilities)
    assert answers[0] == pytest.approx(answers[1][::-1])
    assert not np.allclose(answers[0], answers[1])
