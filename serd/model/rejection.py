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
        self._card = card
        self._has_warned = False
        self.n_windows = 0
        """Number of windows, including provisional ones."""
        self.n_rejected = 0
        """Number of windows that were rejected as no speech."""

    def use_card(self, card: ModelCard) -> None:
        """Go on with another model."""
        self._card = card

    def count(self, decision: Decision) -> None:
        """Count a decision if it is on a window."""
        if decision.kind == "window":
            self.n_windows += 1
            self.n_rejected += not decision.is_speech

    @property
    def all_rejected(self) -> bool:
        """Whether there were windows and all were rejected."""
        return 0 < self.n_rejected == self.n_windows

    def warning(self) -> str:
        """Return a warning once, when ``MIN_WARNING_WINDOWS`` windows were all rejected; else empty."""
        if self._has_warned or not self.all_rejected or self.n_windows < MIN_WARNING_WINDOWS:
            return ""
        self._has_warned = True
        return self._line()

    def closing_line(self) -> str:
        """Return a line for a source that ended without an event; empty after an event or a warning."""
        if not self.n_windows:
            return "no speech was detected"
        return self._line() if self.all_rejected and not self._has_warned else ""

    def _line(self) -> str:
        return (
            f"the model rejected everything as no speech ({self.n_rejected} of {self.n_windows}"
            f" windows); {advice(self._card)}"
        )


def advice(card: ModelCard) -> str:
    """Return advice for the case that the model rejected a voice as no speech."""
    return f"if somebody spoke, raise [model] no_speech_threshold (now {card.no_speech_threshold:g})"
