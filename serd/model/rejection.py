"""Counts windows that the model rejects as no speech, and warns where it rejects all of them.

To somebody who speaks and is taken for noise, the daemon looks as if the microphone were dead.
"""

from typing import Final

from serd.model.card import ModelCard
from serd.model.decision import Decision

MANY_WINDOWS: Final = 30
"""Windows that must have been rejected, all of them, before a warning while a source goes on."""


class RejectionCounter:
    """Counts a source's windows, and those of them that the model rejects as no speech."""

    def __init__(self, card: ModelCard) -> None:
        self._card = card
        self._has_warned = False
        self.n_windows = 0
        """Windows, provisional ones included."""
        self.n_rejected = 0
        """Windows rejected as no speech."""

    def count(self, decision: Decision) -> None:
        """Count a decision, if it is about a window."""
        if decision.kind == "window":
            self.n_windows += 1
            self.n_rejected += not decision.is_speech

    @property
    def all_rejected(self) -> bool:
        """Whether there were windows, and every one was rejected."""
        return 0 < self.n_rejected == self.n_windows

    def warning(self) -> str:
        """A line once many windows have come and all were rejected; empty at all other times."""
        if self._has_warned or not self.all_rejected or self.n_windows < MANY_WINDOWS:
            return ""
        self._has_warned = True
        return self._line()

    def closing_line(self) -> str:
        """A line about sound that has ended without an event; empty where there was one or a warning."""
        if not self.n_windows:
            return "no speech was heard"
        return self._line() if self.all_rejected and not self._has_warned else ""

    def _line(self) -> str:
        return (
            f"what sounded like speech was taken for none ({self.n_rejected} of {self.n_windows}"
            f" windows); {advice(self._card)}"
        )


def advice(card: ModelCard) -> str:
    """What to do where a model that judges whether anybody speaks has rejected a voice."""
    return f"if somebody spoke, raise [model] no_speech_threshold (now {card.no_speech_threshold:g})"
