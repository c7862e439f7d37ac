"""Counts windows that the model rejects as no speech, and warns if it rejects all of them.

Without the warning, a speaker whose voice is rejected could believe that the microphone is dead.
"""

from typing import Final

from serd.model.card import ModelCard
from serd.model.decision import Decision

MIN_WARNING_WINDOWS: Final = 30
"""Number of windows, all rejected, at which a live source gets a warning."""


class RejectionCounter:
    """Counts the windows of a source, and the windows that the model rejects as no speech."""

    def __init__(self, card: ModelCard) -> None:
        """Start the counts at zero.

        Args:
            card: card of the model.
        """
        self.n_windows = 0
        """Number of windows, including provisional ones."""
        self.n_rejected = 0
        """Number of windows that were rejected as no speech."""
        self.use_card(card)

    def use_card(self, card: ModelCard) -> None:
        """Go on with another model; ``all_rejected`` and the lines are about its windows alone."""
        self._card = card
        self._has_warned = False
        self._n_earlier_windows = self.n_windows
        self._n_earlier_rejected = self.n_rejected

    def count(self, decision: Decision) -> None:
        """Count a decision if it is on a window."""
        if decision.kind == "window":
            self.n_windows += 1
            self.n_rejected += not decision.is_speech

    @property
    def all_rejected(self) -> bool:
        """Whether the model had windows and rejected all of them."""
        n_windows, n_rejected = self._counts
        return 0 < n_rejected == n_windows

    def warning(self) -> str:
        """Return a warning once, when ``MIN_WARNING_WINDOWS`` windows were all rejected; else empty."""
        n_windows, _ = self._counts
        if self._has_warned or not self.all_rejected or n_windows < MIN_WARNING_WINDOWS:
            return ""
        self._has_warned = True
        return self._line()

    def closing_line(self) -> str:
        """Return a line for a source that ended without an event of its model; empty after a warning."""
        if not self.n_windows:
            return "no speech was detected"
        return self._line() if self.all_rejected and not self._has_warned else ""

    @property
    def _counts(self) -> tuple[int, int]:
        """The windows of the present model, and those that it rejected."""
        return self.n_windows - self._n_earlier_windows, self.n_rejected - self._n_earlier_rejected

    def _line(self) -> str:
        n_windows, n_rejected = self._counts
        return (
            f"the model rejected everything as no speech ({n_rejected} of {n_windows} windows);"
            f" {advice(self._card)}"
        )


def advice(card: ModelCard) -> str:
    """Return advice for the case that the model rejected a voice as no speech.

    Args:
        card: card of the model, which has a ``no_speech_threshold``.
    """
    return f"if somebody spoke, raise [model] no_speech_threshold (now {card.no_speech_threshold:g})"
