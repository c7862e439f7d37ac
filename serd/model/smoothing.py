"""Averages the network's probabilities over the windows of an utterance, for a stable emotion."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from serd.model.card import ModelCard
from serd.model.labels import UNCERTAIN
from serd.model.naming import NOT_NAMED, NamingRule


@dataclass(frozen=True, kw_only=True, slots=True)
class SmoothingSettings:
    """Averaging of windows, and the threshold for naming an emotion."""

    half_life_s: float = 3.0
    """Speech after which a window has half its weight in the running average, in seconds."""
    threshold: float = 0.0
    """Probability below which the emotion is "uncertain", 0 to 1; 0 for the rule of the model's card,
    by which ordinary speech is seldom given an emotion."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.half_life_s <= 0:
            yield "half_life_s", "more than 0 seconds"
        if not 0.0 <= self.threshold <= 1.0:
            yield "threshold", "0 to 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Estimate:
    """An emotion and its probabilities."""

    emotion: str
    """One of the labels, or "uncertain"."""
    likeliest: str
    """Label with the highest probability, even below the threshold."""
    confidence: float
    """Probability of the likeliest label; 0 to 1."""
    scores: dict[str, float]
    """Probability of each label; they sum to 1."""
    no_speech: float
    """Probability of no speech; 0 to 1."""


class Smoother:
    """Averages the probabilities of the windows of an utterance, weighted by their new speech.

    ``update`` returns the running estimate, in which the weight of older windows decays with the
    half-life; ``close`` returns the estimate of the whole utterance, with equal weight for every second
    of speech.
    """

    def __init__(self, card: ModelCard, settings: SmoothingSettings) -> None:
        self._card = card
        self._labels = card.labels
        self._half_life_s = settings.half_life_s
        self.set_threshold(settings.threshold)
        self._reset()

    def use_card(self, card: ModelCard) -> None:
        """Go on with another model of the same labels."""
        self._card = card
        self.set_threshold(self._threshold)

    def set_threshold(self, threshold: float) -> None:
        """Set the probability below which the emotion is "uncertain".

        Args:
            threshold: one threshold for every label, 0 to 1; 0 for the rule of the model's card.
        """
        self._threshold = threshold
        self._rule = self._card.naming_rule(threshold)

    def _reset(self) -> None:
        self._running = np.zeros(len(self._labels) + 1)
        self._total = np.zeros(len(self._labels) + 1)

    def update(
        self, probabilities: NDArray[np.float32], new_speech_s: float, no_speech: float = 0.0
    ) -> Estimate:
        """Return the running estimate with the next window.

        Args:
            probabilities: float32, shape (n_labels,).
            new_speech_s: voiced sound that no earlier window holds, in seconds; the weight of the
                window. Windows overlap, and counting shared speech twice would favor the middle of an
                utterance.
            no_speech: probability of no speech; it lowers the weight of the window for the emotions.
        """
        is_speech = max(1.0 - no_speech, 1e-3)
        weighted = np.append(probabilities * np.float64(is_speech), no_speech)
        weighted *= max(new_speech_s, 1e-3)
        self._running *= 0.5 ** (new_speech_s / self._half_life_s)
        self._running += weighted
        self._total += weighted
        return self._estimate(self._running)

    def preview(self, probabilities: NDArray[np.float32], no_speech: float = 0.0) -> Estimate:
        """Return the estimate of a window alone, without adding it to the averages.

        Args:
            probabilities: float32, shape (n_labels,).
            no_speech: probability of no speech.
        """
        weights = probabilities.astype(np.float64)
        return make_estimate(self._labels, weights, self._rule, no_speech=no_speech)

    def close(self) -> Estimate:
        """Return the estimate of the whole utterance, and start the next utterance."""
        whole = self._estimate(self._total)
        self._reset()
        return whole

    def _estimate(self, sums: NDArray[np.float64]) -> Estimate:
        no_speech = float(sums[-1] / sums.sum())
        return make_estimate(self._labels, sums[:-1], self._rule, no_speech=no_speech)


def make_estimate(
    labels: Sequence[str],
    weights: NDArray[np.float64],
    rule: NamingRule,
    *,
    no_speech: float = 0.0,
) -> Estimate:
    """Normalize summed probabilities to an estimate.

    Args:
        labels: class of each weight.
        weights: float64, shape (n_labels,), 0 or more, not all 0.
        rule: which label is named.
        no_speech: probability of no speech.
    """
    probabilities = weights / weights.sum()
    best = int(probabilities.argmax())
    return Estimate(
        emotion=UNCERTAIN if rule.named(probabilities[np.newaxis])[0] == NOT_NAMED else labels[best],
        likeliest=labels[best],
        confidence=float(probabilities[best]),
        scores=dict(zip(labels, probabilities.tolist(), strict=True)),
        no_speech=no_speech,
    )
