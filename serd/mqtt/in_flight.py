"""Messages that were sent on the present connection, and that the broker has not answered."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from serd.mqtt.message import Answer, Message
from serd.mqtt.rows import QueuedEvent


class InFlight:
    """The messages IN FLIGHT, in the order of their sending. The owner of this object locks it."""

    def __init__(self) -> None:
        self._messages: dict[int, Message] = {}
        """By their ids on the connection."""
        self._early_answers: dict[int, Answer] = {}
        """Answers that came before the sender had added the message, by the message's id."""

    def __len__(self) -> int:
        return len(self._messages)

    def __iter__(self) -> Iterator[Message]:
        return iter(tuple(self._messages.values()))

    @property
    def oldest(self) -> Message | None:
        """The message that waits for its answer the longest; None if there is none."""
        return next(iter(self), None)

    @property
    def n_without_event(self) -> int:
        """Messages that are no events."""
        return sum(each.event is None for each in self)

    @property
    def numbers(self) -> set[int]:
        """Numbers of the events."""
        return {each.event.number for each in self if each.event is not None}

    @property
    def in_memory_alone(self) -> list[QueuedEvent]:
        """The events that are not on the disk."""
        return [each.event for each in self if each.event is not None and not each.is_stored]

    def add(self, message_id: int, message: Message) -> Answer | None:
        """Add a message, unless the broker has answered it already; return that answer."""
        answer = self._early_answers.pop(message_id, None)
        if answer is None:
            self._messages[message_id] = message
        return answer

    def answered(self, message_id: int, answer: Answer) -> Message | None:
        """Remove the message of an answer; None if it was not added yet: ``add`` returns the answer."""
        message = self._messages.pop(message_id, None)
        if message is None:
            self._early_answers[message_id] = answer
        return message

    def remove(self, message: Message) -> None:
        """Remove a message that is not sent any more."""
        self._messages = {key: each for key, each in self._messages.items() if each is not message}

    def stored(self, numbers: Collection[int]) -> None:
        """Note that the events of these numbers are on the disk."""
        for message_id, message in self._messages.items():
            if message.event is not None and message.event.number in numbers:
                self._messages[message_id] = replace(message, is_stored=True)

    def change_events(self, changed: Callable[[QueuedEvent], QueuedEvent]) -> None:
        """Replace each event by a changed one."""
        for message_id, message in self._messages.items():
            if message.event is not None:
                self._messages[message_id] = replace(message, event=changed(message.event))

    def clear(self) -> None:
        """Forget all messages, at the end of the connection."""
        self._messages.clear()
        self._early_answers.clear()
