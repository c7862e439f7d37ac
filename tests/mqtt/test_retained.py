"""Retained state and transient messages, connection by connection."""

from serd.mqtt.retained import RetainedState


def popped(state: RetainedState) -> list[tuple[str, str, bool]]:
    """All messages that are to be sent now."""
    messages = []
    while state.has_unsent:
        messages.append(state.pop())
    return messages


def test_each_connection_begins_with_all_values() -> None:
    """The status is first, then the latest value of each topic; nothing is sent without a connection."""
    state = RetainedState("status", "online")
    state.retain("mute", "ON")
    state.retain("mute", "OFF")
    assert not state.has_unsent
    for _ in range(2):
        state.connected()
        assert popped(state) == [("status", "online", True), ("mute", "OFF", True)]
        state.disconnected()


def test_all_values_can_be_repeated() -> None:
    """The latest value of each topic is sent again; without a connection the next one does it anyway."""
    state = RetainedState("status", "online")
    state.retain("mute", "ON")
    state.repeat()
    assert not state.has_unsent
    state.connected()
    popped(state)
    state.repeat()
    assert popped(state) == [("status", "online", True), ("mute", "ON", True)]


def test_each_change_is_sent_while_connected() -> None:
    """Changes are sent one by one, in order, before transient messages."""
    state = RetainedState("status", "online")
    state.connected()
    popped(state)
    state.send("stats", "1")
    state.retain("mute", "ON")
    state.retain("mute", "OFF")
    assert popped(state) == [("mute", "ON", True), ("mute", "OFF", True), ("stats", "1", False)]


def test_a_slow_broker_does_not_pile_up_messages() -> None:
    """Beyond 1,000 changes only the latest values are left, and beyond 100 the oldest transient go."""
    state = RetainedState("status", "online")
    state.connected()
    for number in range(2000):
        state.retain("mute", str(number))
        state.send("stats", str(number))
    messages = popped(state)
    assert len(messages) <= 1100
    assert [payload for topic, payload, _ in messages if topic == "mute"][-1] == "1999"
    transient = [int(payload) for _, payload, is_retained in messages if not is_retained]
    assert transient == list(range(1900, 2000))


def test_transient_messages_do_not_outlive_a_connection() -> None:
    """They are dropped at its end, and between two connections."""
    state = RetainedState("status", "online")
    state.connected()
    state.send("stats", "1")
    state.disconnected()
    state.send("stats", "2")
    state.connected()
    assert popped(state) == [("status", "online", True)]


def sent(state: RetainedState) -> dict[str, str]:
    """The retained messages that are scheduled, by topic."""
    messages = {}
    while state.has_unsent:
        topic, payload, _ = state.pop()
        messages[topic] = payload
    return messages


def halves(max_bytes: int) -> dict[str, str]:
    """A document of 100 bytes, in two messages if it must."""
    return {"doc": "." * 100} if max_bytes >= 100 else {"doc": "." * 50, "doc2": "." * 50}


def test_a_document_follows_the_limit_of_each_broker() -> None:
    """Topics that it no longer needs become empty, so that the broker forgets them."""
    state = RetainedState("status", "online")
    state.retain_document("name", halves)
    state.connected(1000)
    assert sent(state) == {"status": "online", "doc": "." * 100}
    state.disconnected()
    state.connected(60)
    assert sent(state) == {"status": "online", "doc": "." * 50, "doc2": "." * 50}
    state.disconnected()
    state.connected(1000)
    assert sent(state) == {"status": "online", "doc": "." * 100, "doc2": ""}
    state.retain_document("name", halves)
    assert sent(state) == {"doc": "." * 100, "doc2": ""}


def test_what_is_left_out_is_sent_once_it_is_shorter() -> None:
    """A document is divided on the next connection, another value waits for a shorter one."""
    state = RetainedState("status", "online")
    state.retain_document("name", halves)
    state.retain("long", "." * 100)
    state.connected()
    sent(state)
    state.disconnected()
    state.leave_out("doc", 113)
    state.leave_out("long", 114)
    state.connected()
    assert sent(state) == {"status": "online", "doc": "." * 50, "doc2": "." * 50}
    state.retain("long", "." * 100)
    state.send("long", "." * 100)
    assert sent(state) == {}
    state.retain("long", "." * 99)
    assert sent(state) == {"long": "." * 99}


def test_a_document_that_is_set_again_and_again_takes_no_more_memory() -> None:
    """Home Assistant may announce its start as often as it likes; each topic is sent at least once."""
    state = RetainedState("status", "online")
    state.connected()
    for _ in range(5000):
        state.retain_document("name", halves)
    n_sent = 0
    while state.has_unsent:
        state.pop()
        n_sent += 1
    assert 1 < n_sent <= 1001
