"""A message to the broker, and the broker's answer to it."""

from dataclasses import dataclass

from serd.mqtt.rows import QueuedEvent


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to a message."""

    refusal: str
    """Why it was refused; empty if it was taken."""
    is_final: bool = True
    """False if the message may be taken later."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message to the broker."""

    topic: str
    payload: str
    is_retained: bool = False
    event: QueuedEvent | None = None
    """None for a message that is no event."""
    is_stored: bool = False
    """Whether the event is on the disk."""
    is_replayed: bool = False
    """Whether the event is marked as replayed."""
    sent_s: float = 0.0
    """When it was sent, in seconds of the steady clock."""

    @property
    def is_repeated(self) -> bool:
        """Whether the next connection sends it again after a loss: an event or a retained value."""
        return self.is_retained or self.event is not None

    @property
    def key(self) -> int | str:
        """Identifies what is sent, over all connections: the number of an event, else the topic."""
        return self.topic if self.event is None else self.event.number


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that the broker refused, for a reason that is new on its topic."""

    message: Message
    answer: Answer
