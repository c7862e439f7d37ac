"""Metrics of one pass over the clips: scores, intervals, slices and calibration."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from serd.model.labels import EMOTIONS
from train.data.clips import Clip
from train.data.corpora import classes_of
from train.evaluation.bootstrap import Interval, intervals
from train.evaluation.calibration import Calibration, calibrate
from train.evaluation.metrics import MISSED, Scores, score
from train.evaluation.predictions import Prediction


def _listeners(clip: Clip) -> str:
    """Whether the listeners' first choice is the emotion that was acted."""
    if clip.listeners_choice is None:
        return "not asked"
    return "agree" if clip.listeners_choice == clip.emotion else "hear another"


SLICES: Final[dict[str, Callable[[Clip], str]]] = {
    "gender": lambda clip: clip.gender,
    "channel": lambda clip: clip.channel,
    "intensity": lambda clip: clip.intensity,
    "statement": lambda clip: clip.statement or "unknown",
    "corpus": lambda clip: clip.corpus,
    "listeners": _listeners,
    "actor": lambda clip: clip.actor,
}
"""Properties by which clips are sliced."""
_IF_SEVERAL: Final = ("corpus", "listeners")
"""Those that are shown only where clips differ in them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PassMetrics:
    """Metrics of one pass over the clips."""

    scores: Scores
    """Scores of all clips."""
    intervals: dict[str, Interval]
    """95 % intervals of "uar", "accuracy" and "macro_f1"; empty for a single actor."""
    slices: dict[str, dict[str, Scores]]
    """Scores of parts of the clips, by the name in ``SLICES`` and the value."""
    calibration: Calibration | None
    """Calibration on clips with detected speech; None without any."""
    restricted: dict[str, Scores]
    """Scores of each corpus that cannot show all classes, with decisions restricted to those it can."""
    missed: tuple[Clip, ...]
    """Missed clips, without an event of the daemon; each counts as an error."""

    def to_json(self) -> dict[str, Any]:
        """A JSON object, with shares rounded to four digits and null where undefined."""
        scores = self.scores
        return {
            "n_clips": scores.n_clips,
            "n_unheard": scores.n_missed,
            "uar": rounded(scores.uar),
            "accuracy": rounded(scores.accuracy),
            "macro_f1": rounded(scores.macro_f1),
            "interval_95": {
                name: [rounded(each.low), rounded(each.high)] for name, each in self.intervals.items()
            },
            "classes": {
                label: {
                    "precision": rounded(scores.precisions.get(label)),
                    "recall": rounded(scores.recalls.get(label)),
                    "f1": rounded(scores.f1s.get(label)),
                    "n": n,
                }
                for label, n in scores.counts.items()
            },
            "confusion": {
                "rows": list(scores.labels),
                "columns": [*scores.labels, "unheard"],
                "counts": scores.confusion.tolist(),
            },
            "slices": {
                name: {value: _slice_json(part) for value, part in parts.items()}
                for name, parts in self.slices.items()
            },
            "restricted": {
                name: {"classes": list(part.recalls)} | _slice_json(part)
                for name, part in self.restricted.items()
            },
            "calibration": self._calibration_json(),
        }

    def _calibration_json(self) -> dict[str, Any] | None:
        if self.calibration is None:
            return None
        return {
            "ece": rounded(self.calibration.ece),
            "mean_confidence": rounded(self.calibration.confidence),
            "bins": [
                {key: rounded(value) for key, value in asdict(each).items()}
                for each in self.calibration.bins
            ],
        }


def _slice_json(part: Scores) -> dict[str, Any]:
    return {
        "uar": rounded(part.uar),
        "accuracy": rounded(part.accuracy),
        "n": part.n_clips,
        "n_unheard": part.n_missed,
        "n_classes": len(part.recalls),
    }


def rounded(value: float | None) -> float | None:
    """A share rounded to four digits; None if undefined."""
    return None if value is None or math.isnan(value) else round(value, 4)


def pass_metrics(predictions: Sequence[Prediction], classes: Sequence[str], *, seed: int) -> PassMetrics:
    """Metrics of the decisions of one pass.

    Args:
        predictions: one or more.
        classes: name of each class.
        seed: seed of the resamples.
    """
    slices = {name: _sliced(predictions, classes, key) for name, key in SLICES.items()}
    slices = {name: parts for name, parts in slices.items() if len(parts) > 1 or name not in _IF_SEVERAL}
    heard = [each for each in predictions if each.probabilities is not None]
    by_actor = np.array([part.confusion for part in slices["actor"].values()])
    return PassMetrics(
        scores=_scored(predictions, classes),
        intervals=intervals(by_actor, seed=seed),
        slices=slices,
        calibration=calibrate(
            [each.confidence for each in heard], [each.decision == each.truth for each in heard]
        ),
        restricted=_restricted(predictions, classes),
        missed=tuple(each.clip for each in predictions if each.probabilities is None),
    )


def _sliced(
    predictions: Sequence[Prediction], classes: Sequence[str], key: Callable[[Clip], str]
) -> dict[str, Scores]:
    values = {key(each.clip) for each in predictions}
    return {
        value: _scored([each for each in predictions if key(each.clip) == value], classes)
        for value in sorted(values, key=_numbers_first)
    }


def _restricted(predictions: Sequence[Prediction], classes: Sequence[str]) -> dict[str, Scores]:
    """Scores by corpus, of corpora that cannot show all classes, which are emotions."""
    found = {}
    for corpus in sorted({each.clip.corpus for each in predictions}):
        mask = np.isin(classes, classes_of(corpus))
        if not set(classes) <= set(EMOTIONS) or not mask.any() or mask.all():
            continue
        own = [each for each in predictions if each.clip.corpus == corpus]
        decisions = [
            MISSED if each.probabilities is None else int((each.probabilities * mask).argmax())
            for each in own
        ]
        found[corpus] = score([each.truth for each in own], decisions, classes)
    return found


def _scored(predictions: Sequence[Prediction], classes: Sequence[str]) -> Scores:
    return score([each.truth for each in predictions], [each.decision for each in predictions], classes)


def _numbers_first(value: str) -> tuple[int, str]:
    """Sort key: numbers by value, then names."""
    return (int(value), "") if value.isdigit() else (10**6, value)
