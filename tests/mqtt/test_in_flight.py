"""Messages that the broker has not answered yet, on one connection."""

from dataclasses import replace

from serd.mqtt.in_flight import InFlight
from serd.mqtt.message import Answer, Message
from serd.mqtt.rows import QueuedEvent


def event_message(number: int, *, is_stored: bool = False) -> Message:
    """A message with an event."""
    event = QueuedEvent(number, str(number), "event", "{}", 0.0)
    return Message("event", "{}", event=event, is_stored=is_stored)


def in_flight(*messages: Message) -> InFlight:
    """Messages with the ids 1, 2, 3 ..., sent in this order."""
    sent = InFlight()
    for message_id, message in enumerate(messages, start=1):
        assert sent.add(message_id, message) is None
    return sent


def test_an_answer_ends_a_message() -> None:
    """The one with its id, wherever it is in the order."""
    messages = [event_message(1), Message("mood", "{}"), event_message(2)]
    sent = in_flight(*messages)
    assert (len(sent), sent.n_without_event, sent.numbers) == (3, 1, {1, 2})
    assert sent.answered(1, Answer("")) is messages[0]
    assert (sent.oldest, len(sent)) == (messages[1], 2)


def test_an_answer_may_come_first() -> None:
    """The broker can answer before the sender has added the message; the answer waits for it."""
    sent = InFlight()
    answer = Answer("quota")
    assert sent.answered(7, answer) is None
    assert sent.add(7, event_message(1)) is answer
    assert (len(sent), sent.oldest) == (0, None)
    assert sent.add(7, event_message(2)) is None


def test_an_answer_of_an_earlier_connection_does_not_count() -> None:
    """Whatever was in flight or answered ends with its connection."""
    sent = in_flight(event_message(1))
    sent.answered(2, Answer(""))
    sent.clear()
    assert len(sent) == 0
    assert sent.add(2, event_message(2)) is None


def test_a_stored_event_is_not_in_memory_alone() -> None:
    """Only the others go to the disk when they wait for too long."""
    sent = in_flight(event_message(1), event_message(2), event_message(3, is_stored=True))
    assert [event.number for event in sent.in_memory_alone] == [1, 2]
    sent.stored({2})
    assert [event.number for event in sent.in_memory_alone] == [1]


def test_a_message_that_is_left_out_goes_alone() -> None:
    """The others stay in flight, with their events changed by a step of the clock."""
    messages = [event_message(1), Message("mood", "{}"), event_message(2)]
    sent = in_flight(*messages)
    sent.remove(messages[2])
    sent.change_events(lambda event: replace(event, taken_s=5.0))
    assert [each.event and each.event.taken_s for each in sent] == [5.0, None]
