"""Messages that were sent and that the broker has not yet acknowledged."""

from dataclasses import dataclass

from serd.mqtt.spool import KeptEvent


@dataclass(frozen=True, slots=True)
class Message:
    """One message to a broker."""

    topic: str
    """Where it goes."""
    payload: str
    """What it says."""
    is_retained: bool = False
    """Whether the broker keeps it for those who come later."""
    event: KeptEvent | None = None
    """None for what is no event."""
    is_stored: bool = False
    """Whether the event is on the disk."""


class InFlight:
    """Messages by the ids that a link has given them. It locks nothing: whoever owns it does.

    The answer may come before the sender has learned the id: it waits here until he has.
    """

    def __init__(self) -> None:
        """There are none."""
        self._messages: dict[int, Message] = {}
        self._early: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._messages)

    def sent(self, message_id: int, message: Message) -> str | None:
        """Note a message; None, or what is said of it where the answer is there already."""
        refusal = self._early.pop(message_id, None)
        if refusal is None:
            self._messages[message_id] = message
        return refusal

    def answered(self, message_id: int, refusal: str) -> Message | None:
        """The message that the broker has taken or refused, no longer noted; None if it never was."""
        message = self._messages.pop(message_id, None)
        if message is None:
            self._early[message_id] = refusal
        return message

    def take_back(self) -> list[KeptEvent]:
        """Forget all of them; the events that are nowhere else, in their order."""
        messages = tuple(self._messages.values())
        self._messages.clear()
        self._early.clear()
        return [each.event for each in messages if each.event is not None and not each.is_stored]
