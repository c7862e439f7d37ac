"""How often emotions are named, rightly and of ordinary speech, by networks that heard none of it.

The score is fitted separately for each fold and each tenth of the ordinary speech, on the other folds'
speakers and the other tenths, and judged on this fold's speakers and this tenth. Which tenth a recording
falls into decides over half an event of anger an hour, so the figures are means over several divisions
into tenths. The limits of the fit and its penalty were chosen by such figures (decision 0032), so they
are somewhat too good.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS
from serd.model.naming import NOT_NAMED, NamingRule
from train.data.clips import RAVDESS, Clip
from train.data.corpora import cremad
from train.evaluation.held_out import HeardFold, HeardRecording
from train.evaluation.naming_score import fit_naming, held_out_decisions, joined
from train.evaluation.thresholds import EMOTIONAL
from train.model.naming import NamingLimits

Facts = dict[str, Any]
_ANGRY: Final = EMOTIONS.index("angry")
_N_PARTS: Final = 10
"""Parts of the ordinary speech."""
_N_DIVISIONS: Final = 5
"""Random divisions into parts."""


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
    """A clip and what it is called."""

    clip: Clip
    label: int
    """Index of the emotion that is named, or ``NOT_NAMED`` for uncertain or none."""


def naming_shares(folds: Sequence[HeardFold], limits: NamingLimits, *, seed: int) -> Facts:
    """Shares by a score that was fitted on other speakers.

    Args:
        folds: all folds of a run, each with the same ordinary speech.
        limits: how often ordinary speech may be given an emotion.
        seed: seed of the divisions.

    Returns:
        "ordinary": its recordings "n", the share "named" that is given an emotion, its "hours" and
        "angry_per_hour", events of anger an hour; over all folds. "groups": by group of clips with
        another emotion than neutral and calm, their number "n" and the shares "named" and "right".
        "strong_anger", the share of strong anger of RAVDESS that is named so.
    """
    ordinary: list[tuple[HeardRecording, NamingRule]] = []
    clips: list[_Named] = []
    for fold, division in product(folds, range(_N_DIVISIONS)):
        others = [each for each in folds if each is not fold]
        parts = [_part_of(len(own), [seed, division]) for own in (fold.ordinary, fold.clips)]
        for part in range(_N_PARTS):
            rule = _fitted(others, parts[0] != part, limits)
            judged, acted = (np.flatnonzero(own == part).tolist() for own in parts)
            ordinary += [(fold.ordinary[number], rule) for number in judged]
            clips += [
                _Named(clip=fold.clips[number], label=_label(fold.acted[number], rule))
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


def _ordinary_shares(judged: Sequence[tuple[HeardRecording, NamingRule]]) -> Facts:
    """What is named in recordings of ordinary speech, each with its rule."""
    hours = sum(each.length_s for each, _ in judged) / 3600.0
    n_named = sum(_label(each, rule) in EMOTIONAL for each, rule in judged)
    n_angry = sum(int(np.count_nonzero(rule.named(each.events) == _ANGRY)) for each, rule in judged)
    return {
        "n": len(judged) // _N_DIVISIONS,
        "named": round(n_named / max(1, len(judged)), 4),
        "hours": round(hours / _N_DIVISIONS, 4),
        "angry_per_hour": round(n_angry / hours, 2) if hours else None,
    }


def _group(clips: Sequence[_Named]) -> Facts:
    n = len(clips)
    return {
        "n": n // _N_DIVISIONS,
        "named": round(sum(each.label in EMOTIONAL for each in clips) / n, 4),
        "right": round(sum(each.label == each.clip.label for each in clips) / n, 4),
    }


def _part_of(n: int, seed: Sequence[int]) -> NDArray[np.int64]:
    """The part, from 0, of each of n recordings, drawn at random: int64, shape (n,)."""
    return np.random.default_rng(seed).permutation(np.arange(n) % _N_PARTS)


def _fitted(folds: Sequence[HeardFold], is_used: NDArray[np.bool_], limits: NamingLimits) -> NamingRule:
    """The rule fitted on some folds and on the parts of the ordinary speech that are used."""
    parts = [
        held_out_decisions(
            [each for each, used in zip(fold.ordinary, is_used, strict=True) if used],
            fold.acted,
            [clip.label for clip in fold.clips],
        )
        for fold in folds
    ]
    return NamingRule(EMOTIONS, {}, fit_naming(joined(parts), limits) if parts else None)


def _label(recording: HeardRecording, rule: NamingRule) -> int:
    """Index of the emotion that a recording as a whole is given, or ``NOT_NAMED``."""
    return NOT_NAMED if recording.whole is None else int(rule.named(recording.whole[np.newaxis])[0])
