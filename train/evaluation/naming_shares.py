"""What is named at the thresholds of the emotions, by networks that heard none of it in training.

Thresholds are fitted anew for each fold, on the other folds' speakers and on one half of the ordinary
speech, and judged on the fold's speakers and the other half, so that nothing is judged that had a part
in a choice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serd.model.card import DEFAULT_THRESHOLD
from serd.model.labels import EMOTIONS
from train.data.clips import RAVDESS, Clip
from train.data.corpora import cremad
from train.evaluation.held_out import HeardFold, HeardRecording
from train.evaluation.thresholds import (
    EMOTIONAL,
    fit_thresholds,
    held_out_decisions,
    joined,
    named,
)
from train.model.naming import NamingLimits

Facts = dict[str, Any]
_ANGRY: Final = EMOTIONS.index("angry")
_N_HALVES: Final = 2


def _is_strong(clip: Clip) -> bool:
    return clip.corpus == RAVDESS and clip.intensity == "strong"


def _is_agreed(clip: Clip) -> bool:
    return clip.corpus == cremad.NAME and clip.listeners_choice == clip.emotion


GROUPS: Final[Mapping[str, Callable[[Clip], bool]]] = {
    "RAVDESS": lambda clip: clip.corpus == RAVDESS,
    "RAVDESS, strong": _is_strong,
    "CREMA-D": lambda clip: clip.corpus == cremad.NAME,
    "CREMA-D, listeners agree": _is_agreed,
}
"""Groups of acted clips."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """A clip and what it is called at the thresholds."""

    clip: Clip
    label: int
    """Index of the emotion that is named, or -1 for uncertain or none."""


def naming_shares(folds: Sequence[HeardFold], limits: NamingLimits, *, seed: int) -> Facts:
    """Shares at thresholds that were fitted on other speakers.

    Args:
        folds: all folds of a run, each with the same ordinary speech.
        limits: how often ordinary speech may be given an emotion.
        seed: seed of the halves.

    Returns:
        "ordinary": its recordings "n", the share "named" that is given an emotion, its "hours" and
        "angry_per_hour", events of anger an hour; over all folds. "groups": by group of clips with
        another emotion than neutral and calm, their number "n" and the shares "named" and "right".
        "strong_anger", the share of strong anger of RAVDESS that is named so.
    """
    ordinary: list[tuple[HeardRecording, NDArray[np.float64]]] = []
    clips: list[_Named] = []
    for fold in folds:
        others = [each for each in folds if each is not fold]
        halves = [_half_of(len(part), seed) for part in (fold.ordinary, fold.clips)]
        for half in range(_N_HALVES):
            thresholds = _fitted(others, halves[0] != half, limits)
            judged, acted = (np.flatnonzero(own == half).tolist() for own in halves)
            ordinary += [(fold.ordinary[number], thresholds) for number in judged]
            clips += [
                _Named(clip=fold.clips[number], label=_label(fold.acted[number], thresholds))
                for number in acted
            ]
    emotional = [each for each in clips if each.clip.label in EMOTIONAL]
    groups = {name: [each for each in emotional if is_in(each.clip)] for name, is_in in GROUPS.items()}
    angry = [each for each in groups["RAVDESS, strong"] if each.clip.label == _ANGRY]
    return {
        "ordinary": _ordinary_shares(ordinary),
        "groups": {name: _group(own) for name, own in groups.items() if own},
        "strong_anger": _group(angry)["right"] if angry else None,
    }


def _ordinary_shares(judged: Sequence[tuple[HeardRecording, NDArray[np.float64]]]) -> Facts:
    """What is named in recordings of ordinary speech, each with its thresholds."""
    hours = sum(each.length_s for each, _ in judged) / 3600.0
    n_named = sum(_label(each, thresholds) in EMOTIONAL for each, thresholds in judged)
    n_angry = sum(
        int(np.count_nonzero(named(each.events, thresholds) == _ANGRY)) for each, thresholds in judged
    )
    return {
        "n": len(judged),
        "named": round(n_named / max(1, len(judged)), 4),
        "hours": round(hours, 4),
        "angry_per_hour": round(n_angry / hours, 2) if hours else None,
    }


def _group(clips: Sequence[_Named]) -> Facts:
    n = len(clips)
    return {
        "n": n,
        "named": round(sum(each.label in EMOTIONAL for each in clips) / n, 4),
        "right": round(sum(each.label == each.clip.label for each in clips) / n, 4),
    }


def _half_of(n: int, seed: int) -> NDArray[np.int64]:
    """The half, 0 or 1, of each of n recordings, drawn at random: int64, shape (n,)."""
    return np.random.default_rng(seed).permutation(np.arange(n) % _N_HALVES)


def _fitted(
    folds: Sequence[HeardFold], is_used: NDArray[np.bool_], limits: NamingLimits
) -> NDArray[np.float64]:
    """Thresholds fitted on some folds and a part of the ordinary speech: float64, shape (n_labels,)."""
    parts = [
        held_out_decisions(
            [each for each, used in zip(fold.ordinary, is_used, strict=True) if used],
            fold.acted,
            [clip.label for clip in fold.clips],
        )
        for fold in folds
    ]
    if not parts:
        return np.full(len(EMOTIONS), DEFAULT_THRESHOLD)
    return np.array(list(fit_thresholds(joined(parts), limits).values()))


def _label(recording: HeardRecording, thresholds: NDArray[np.float64]) -> int:
    """Index of the emotion that a recording as a whole is given, or -1."""
    if recording.whole is None:
        return -1
    return int(named(recording.whole[np.newaxis], thresholds)[0])
