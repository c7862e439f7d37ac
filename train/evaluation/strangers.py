"""What a run's networks make of people whom they never heard, corpus by corpus."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from serd.model.labels import EMOTIONS
from train.data.clips import RAVDESS, Clip
from train.data.corpora import title_of
from train.data.protocols import scored_emotions
from train.evaluation.bootstrap import intervals
from train.evaluation.calibration import calibrate
from train.evaluation.held_out import HeardFold, HeardRecording
from train.evaluation.metrics import MISSED, Scores, score
from train.evaluation.naming_shares import naming_shares
from train.model.naming import NamingLimits

Facts = dict[str, Any]
_Heard = Sequence[tuple[Clip, HeardRecording]]

AROUSED: Final = ("happy", "angry", "fearful", "surprised")
"""Emotions of high arousal."""
UNAROUSED: Final = ("neutral", "calm", "sad")
"""Emotions of low arousal; disgust is neither."""


def stranger_facts(folds: Sequence[HeardFold], limits: NamingLimits, *, seed: int) -> Facts:
    """Figures of one run over all of its folds.

    Args:
        folds: all folds, trained with one seed, each with the same ordinary speech.
        limits: how often ordinary speech may be given an emotion.
        seed: seed of the tenths and of the resamples.

    Returns:
        A JSON object: "corpora", as ``corpora_facts`` gives them; "naming", the shares at the fitted
        thresholds.
    """
    return {
        "corpora": corpora_facts(folds, seed=seed),
        "naming": naming_shares(folds, limits, seed=seed),
    }


def corpora_facts(folds: Sequence[HeardFold], *, protocol: str = "", seed: int) -> Facts:
    """Figures of one run by corpus, RAVDESS first, without thresholds.

    Args:
        folds: all folds, trained with one seed.
        protocol: their protocol, which may leave emotions out; empty for one that scores all.
        seed: seed of the resamples.

    Returns:
        By name of the corpus "title", "n_clips", "n_speakers", "n_classes"; "uar" among the emotions
        that are scored with its "interval" over speakers, "plain_uar" among all; "missed", the share of
        clips without an event; "ece"; "arousal_auc"; where listeners were asked, "agreed_uar", of the
        clips in which they heard what was acted, with "n_agreed".
    """
    heard: dict[str, list[tuple[Clip, HeardRecording]]] = defaultdict(list)
    for fold in folds:
        for clip, recording in zip(fold.clips, fold.acted, strict=True):
            heard[clip.corpus].append((clip, recording))
    weights = folds[0].card.arousal_weights
    facts = {}
    for corpus in sorted(heard, key=lambda name: (name != RAVDESS, name)):
        shown = scored_emotions(protocol, [corpus])
        scored = [pair for pair in heard[corpus] if pair[0].emotion in shown]
        facts[corpus] = _corpus_facts(scored, shown, weights, seed)
    return facts


def _corpus_facts(heard: _Heard, shown: Sequence[str], weights: Mapping[str, float], seed: int) -> Facts:
    """Figures of one corpus among some emotions, as ``corpora_facts`` gives them."""
    corpus = heard[0][0].corpus
    scores = _scores(heard, shown)
    by_speaker = [
        _scores([pair for pair in heard if pair[0].actor == actor], shown).confusion
        for actor in sorted({clip.actor for clip, _ in heard})
    ]
    spread = intervals(np.array(by_speaker), seed=seed).get("uar")
    facts: Facts = {
        "title": title_of(corpus),
        "n_clips": scores.n_clips,
        "n_speakers": len(by_speaker),
        "n_classes": len(scores.recalls),
        "uar": round(scores.uar, 4),
        "interval": [round(spread.low, 4), round(spread.high, 4)] if spread else None,
        "plain_uar": round(_scores(heard, EMOTIONS).uar, 4),
        "missed": round(scores.n_missed / scores.n_clips, 4),
        "ece": _ece(heard),
        "arousal_auc": _arousal_auc(heard, weights),
    }
    if agreed := [pair for pair in heard if pair[0].listeners_choice == pair[0].emotion]:
        facts |= {"n_agreed": len(agreed), "agreed_uar": round(_scores(agreed, shown).uar, 4)}
    return facts


def _scores(heard: _Heard, shown: Sequence[str]) -> Scores:
    """Scores of the likeliest of some emotions."""
    mask = np.isin(EMOTIONS, shown)
    decisions = [
        MISSED if each.whole is None else int((each.whole * mask).argmax()) for _, each in heard
    ]
    return score([clip.label for clip, _ in heard], decisions, EMOTIONS)


def _ece(heard: _Heard) -> float | None:
    known = [(clip.label, each.whole) for clip, each in heard if each.whole is not None]
    calibration = calibrate(
        [float(whole.max()) for _, whole in known],
        [int(whole.argmax()) == label for label, whole in known],
    )
    return round(calibration.ece, 4) if calibration else None


def _arousal_auc(heard: _Heard, weights: Mapping[str, float]) -> float | None:
    """How well arousal tells the emotions of high arousal from those of low; None without both."""
    by_label = np.array([weights.get(label, 0.0) for label in EMOTIONS])
    known = [(clip.emotion, each.whole) for clip, each in heard if each.whole is not None]
    high, low = (
        np.array([float(whole @ by_label) for emotion, whole in known if emotion in group])
        for group in (AROUSED, UNAROUSED)
    )
    return round(area_under_curve(high, low), 4) if high.size and low.size else None


def area_under_curve(positive: NDArray[np.float64], negative: NDArray[np.float64]) -> float:
    """The area under the ROC curve: how often a positive is above a negative, a tie counting half.

    H. B. Mann and D. R. Whitney, "On a test of whether one of two random variables is stochastically
    larger than the other", Annals of Mathematical Statistics 18(1), 1947.

    Args:
        positive: values of one class, shape (n,), n 1 or more.
        negative: values of the other, shape (m,), m 1 or more.
    """
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, side="left")
    not_above = np.searchsorted(ordered, positive, side="right")
    return float((below + not_above).mean() / (2 * negative.size))
