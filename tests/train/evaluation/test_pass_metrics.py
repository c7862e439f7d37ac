"""Metrics of a pass, and of each part of it."""

import json
from dataclasses import replace

import numpy as np
import pytest
from evaluation_helpers import made_prediction
from made_corpora import made_clip
from sklearn.metrics import balanced_accuracy_score

from serd.model.labels import EMOTIONS
from train.evaluation.pass_metrics import pass_metrics
from train.evaluation.predictions import Prediction

CLASSES = ("a", "b", "c", "d")
PREDICTIONS = [
    made_prediction(
        number % 3,
        (number * number) % 4 - (number % 11 == 0),
        actor=str(actor),
        gender="female" if actor % 2 else "male",
        sure=0.4 + 0.05 * (number % 10),
        statement="" if actor == 10 else "2",
    )
    for actor in (2, 10, 1)
    for number in range(24)
]


def test_a_slice_is_scored_like_the_whole() -> None:
    """UAR is scikit-learn's; actors stand by their numbers, and a missing statement is "unknown"."""
    result = pass_metrics(PREDICTIONS, CLASSES, seed=0)
    assert list(result.slices["actor"]) == ["1", "2", "10"]
    assert list(result.slices["gender"]) == ["female", "male"]
    assert list(result.slices["statement"]) == ["2", "unknown"]
    for gender, scores in result.slices["gender"].items():
        part = [each for each in PREDICTIONS if each.clip.gender == gender]
        truth, decisions = zip(*((each.truth, each.decision) for each in part), strict=True)
        with pytest.warns(UserWarning, match="y_pred contains classes not in y_true"):
            expected = balanced_accuracy_score(truth, decisions)
        assert scores.uar == pytest.approx(expected)
        assert scores.n_clips == len(part)


def test_corpora_are_told_apart_where_there_are_two() -> None:
    """With a single corpus there is no such slice; actors with names follow the numbered ones."""
    assert "corpus" not in pass_metrics(PREDICTIONS, CLASSES, seed=0).slices
    other = made_prediction(0, 0, actor="nemo:EB0", corpus="nemo")
    slices = pass_metrics([*PREDICTIONS, other], CLASSES, seed=0).slices
    assert list(slices["corpus"]) == ["nemo", "ravdess"]
    assert list(slices["actor"])[-1] == "nemo:EB0"


def test_missed_clips_are_errors_without_a_confidence() -> None:
    """They are listed and lower the accuracy, and are in no bin of the calibration."""
    result = pass_metrics(PREDICTIONS, CLASSES, seed=0)
    missed = [each.clip for each in PREDICTIONS if each.decision < 0]
    assert missed
    assert list(result.missed) == missed
    assert result.scores.n_missed == len(missed)
    right = sum(each.decision == each.truth for each in PREDICTIONS)
    assert result.scores.accuracy == right / len(PREDICTIONS)
    assert result.calibration is not None
    assert sum(each.n for each in result.calibration.bins) == len(PREDICTIONS) - len(missed)


def test_what_is_not_known_is_null_in_json() -> None:
    """Strict JSON: no NaN, for a class that does not occur or is never decided for."""
    one_actor = [made_prediction(0, -1), made_prediction(0, 1)]
    content = json.loads(json.dumps(pass_metrics(one_actor, CLASSES, seed=0).to_json(), allow_nan=False))
    assert content["classes"]["a"] == {"precision": None, "recall": 0.0, "f1": 0.0, "n": 2}
    assert content["classes"]["d"] == {"precision": None, "recall": None, "f1": None, "n": 0}
    assert content["interval_95"] == {}
    assert content["confusion"]["columns"][-1] == "unheard"
    assert content["confusion"]["counts"][0] == [0, 1, 0, 0, 1]
    nothing = pass_metrics([made_prediction(0, -1)], CLASSES, seed=0)
    assert nothing.calibration is None
    assert nothing.to_json()["calibration"] is None


def _heard(corpus: str, truth: str, first: str, second: str, **changes: object) -> Prediction:
    """A clip on which the model says one emotion, and would say another one next."""
    shares = {first: 0.6, second: 0.3}
    own = {"corpus": corpus, "actor": f"{corpus}:x", "emotion": truth, **changes}
    clip = replace(made_clip("03-01-01-01-01-01-01"), **own)  # type: ignore[arg-type]
    return Prediction(
        clip=clip,
        truth=EMOTIONS.index(truth),
        probabilities=np.array([shares.get(each, 0.1 / 6) for each in EMOTIONS]),
        speech_s=1.0,
        noise="",
    )


def test_a_corpus_is_also_scored_on_the_emotions_that_it_can_show() -> None:
    """Without calm, which nEMO lacks, neutral called calm is right; RAVDESS has all emotions."""
    predictions = [
        _heard("nemo", "neutral", "calm", "neutral"),
        _heard("nemo", "sad", "angry", "sad"),
        _heard("ravdess", "neutral", "calm", "neutral"),
    ]
    result = pass_metrics(predictions, EMOTIONS, seed=0)
    assert result.slices["corpus"]["nemo"].uar == 0.0
    assert list(result.restricted) == ["nemo"]
    assert result.restricted["nemo"].recalls == {"neutral": 1.0, "sad": 0.0}
    assert result.to_json()["restricted"]["nemo"]["uar"] == 0.5
    assert not pass_metrics(PREDICTIONS, CLASSES, seed=0).restricted, "classes that are no emotions"


def test_clips_are_told_apart_by_what_their_listeners_hear() -> None:
    """Where somebody was asked: those who hear what was acted, and those who hear another emotion."""
    votes = tuple(1.0 if each == "neutral" else 0.0 for each in EMOTIONS)
    predictions = [
        _heard("crema-d", "neutral", "neutral", "sad", votes=votes),
        _heard("crema-d", "sad", "neutral", "sad", votes=votes),
    ]
    slices = pass_metrics(predictions, EMOTIONS, seed=0).slices
    assert {name: part.accuracy for name, part in slices["listeners"].items()} == {
        "agree": 1.0,
        "hear another": 0.0,
    }
    assert "listeners" not in pass_metrics(PREDICTIONS, CLASSES, seed=0).slices
