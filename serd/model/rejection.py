"""How much of what sounds like speech passes for it, and what is said where nothing does.

To somebody who speaks and is taken for noise, the daemon looks as if the microphone were dead.
"""

from typing import Final

from serd.model.card import ModelCard

MANY_WINDOWS: Final = 30
"""Windows that must have been rejected, all of them, before a word is said while a source goes on."""


class RejectionCounter:
    """Counts a source's windows, and those that the model takes for no speech."""

    def __init__(self, card: ModelCard) -> None:
        """Count nothing yet of what the model of a card will say."""
        self._card = card
        self._was_told = False
        self.n_windows = 0
        self.n_rejected = 0

    def count(self, *, is_rejected: bool) -> None:
        """Take a window."""
        self.n_windows += 1
        self.n_rejected += is_rejected

    @property
    def is_none(self) -> bool:
        """Whether something sounded like speech, and nothing of it passed."""
        return 0 < self.n_rejected == self.n_windows

    def news(self) -> str:
        """A line once so many windows have come and none has passed; empty at all other times."""
        if self._was_told or not self.is_none or self.n_windows < MANY_WINDOWS:
            return ""
        self._was_told = True
        return self._rejected()

    def last_word(self) -> str:
        """A line about sound that has ended without an event; empty where something was told."""
        if not self.n_windows:
            return "no speech was heard"
        return self._rejected() if self.is_none and not self._was_told else ""

    def _rejected(self) -> str:
        return (
            f"what sounded like speech was taken for none ({self.n_rejected} of {self.n_windows}"
            f" windows); {advice(self._card)}"
        )


def advice(card: ModelCard) -> str:
    """What to do about a voice that a model, one that judges whether anybody speaks, has rejected."""
    return f"if somebody spoke, raise [model] no_speech_threshold (now {card.no_speech_threshold:g})"
