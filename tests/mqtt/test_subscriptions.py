"""The topics that serd subscribes to, and their handlers."""

from serd.mqtt.subscriptions import Subscriptions


def test_each_topic_is_subscribed_to_once() -> None:
    """A second handler needs no second subscription, and gets the messages too."""

    def first(topic: str, payload: bytes) -> None:
        """Do nothing."""

    def second(topic: str, payload: bytes) -> None:
        """Do nothing."""

    subscriptions = Subscriptions()
    assert subscriptions.add("mic/set", first)
    assert not subscriptions.add("mic/set", second)
    assert subscriptions.add("birth", second)
    assert subscriptions.topics == ("mic/set", "birth")
    assert subscriptions.handlers_of("mic/set") == (first, second)
    assert subscriptions.handlers_of("mic") == ()
