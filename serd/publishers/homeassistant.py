"""Tells Home Assistant over MQTT what there is; what it is told is decided in ``serd.discovery``."""

from typing import Protocol

from serd import __version__
from serd.discovery import BIRTH, birth_topic, discovery_payload, discovery_topic
from serd.mqtt.standing import Handler
from serd.publishers import Context
from serd.topics import NodeTopics


class Announcer(Protocol):
    """Anything that keeps a topic's value at a broker and hears from it, over all connections."""

    topics: NodeTopics

    def retain(self, topic: str, payload: str) -> None:
        """Set what stands on a topic."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have a handler called with each message whose topic fits."""
        ...


def announce(announcer: Announcer, context: Context, *, has_broker: bool) -> None:
    """Describe the node to Home Assistant, now and whenever it or the broker comes back.

    Args:
        announcer: publishes on the topics that the description names.
        context: the node; its settings say whether anything is told.
        has_broker: whether the settings name a broker.
    """
    settings = context.homeassistant
    if not settings.is_on(has_broker=has_broker):
        return
    topic = discovery_topic(settings, context.node)
    payload = discovery_payload(
        topics=announcer.topics,
        node=context.node,
        sources=context.sources,
        labels=context.labels,
        version=__version__,
    )

    def answer(_topic: str, body: bytes) -> None:
        if body == BIRTH.encode():
            announcer.retain(topic, payload)

    announcer.retain(topic, payload)
    announcer.subscribe(birth_topic(settings), answer)
