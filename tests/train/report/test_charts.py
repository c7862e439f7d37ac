"""Charts of an evaluation keep their words within their frame."""

import re
from collections.abc import Mapping

import numpy as np
import pytest
from evaluation_helpers import made_prediction

from train.evaluation.metrics import Scores
from train.evaluation.pass_metrics import pass_metrics
from train.report.charts import classes_chart, confusion_chart, fitted, parts_chart

_LEFT = re.compile(r'<text class="" x="([\d.]+)" y="[\d.]+" text-anchor="end">([^<]+)</text>')
_WIDEST_LETTER = 7.0
"""Width of a letter at 12 pixels in the widest usual font, on average over a name."""


def _scores(labels: tuple[str, ...]) -> Scores:
    confusion = np.eye(len(labels), len(labels) + 1, dtype=np.int64) * 5 + 1
    return Scores(labels=labels, confusion=confusion)


def _named(names: tuple[str, ...]) -> Mapping[str, Scores]:
    return dict.fromkeys(names, _scores(("angry", "calm")))


def _parts(names: tuple[str, ...]) -> str:
    predictions = [made_prediction(truth, truth, actor=str(truth)) for truth in range(4)]
    whole = pass_metrics(predictions, ("angry", "calm", "happy", "sad"), seed=0)
    return parts_chart("actor", _named(names), whole)


@pytest.mark.parametrize(
    "names",
    [("1", "2"), ("female_surprised", "male_surprised"), ("recordings_2026:a-person-of-a-long-name",)],
)
def test_labels_on_the_left_are_not_cut(names: tuple[str, ...]) -> None:
    """Their first letter is right of the frame's left edge, in each chart that has some."""
    for chart in (_parts(names), classes_chart(_scores(names)), confusion_chart(_scores(names))):
        labels = [(float(x), words) for x, words in _LEFT.findall(chart) if float(x) < 300.0]
        assert len(labels) >= len(names)
        for x, words in labels:
            assert x - _WIDEST_LETTER * len(words) >= -4.0, words


def test_long_names_of_one_corpus_stay_apart() -> None:
    """The middle is left out, since speakers of a corpus differ in the end of their names."""
    names = [f"recordings_2026:a-person-of-a-long-name-{number:02d}" for number in range(20)]
    assert len(set(map(fitted, names))) == 20
    assert fitted(names[7]) == "recordin…-long-name-07"
    assert fitted("gender female") == "gender female"
