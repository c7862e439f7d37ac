"""Publishes the description of a node to Home Assistant."""

from collections.abc import Sequence
from typing import Final, Protocol

from serd import __version__
from serd.events.alert import AlertKey
from serd.mqtt.homeassistant.description import birth_topic, discovery_payload, divided, part_topic
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.limits import packet_bytes
from serd.mqtt.retained import Document
from serd.mqtt.subscriptions import Handler
from serd.mqtt.topics import NodeTopics

BIRTH: Final = "online"
"""Home Assistant's message on ``birth_topic`` after its start."""

_DOCUMENT: Final = "homeassistant"


class Announcer(Protocol):
    """Publishes retained values and receives messages, over all connections to a broker."""

    topics: NodeTopics

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document that is retained in as many messages as the broker needs."""
        ...

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call a handler with each message on a topic."""
        ...


class Announcement:
    """Describes the node to Home Assistant, at once and after each start of it or of the broker."""

    def __init__(
        self, announcer: Announcer, settings: DiscoverySettings, *, node: str, labels: Sequence[str]
    ) -> None:
        """Wait for a start of Home Assistant; there is no description yet.

        Args:
            announcer: publishes on the topics that the description names.
            settings: settings of the discovery, which must be on.
            node: name of the node.
            labels: labels of the model.
        """
        self._announcer = announcer
        self._settings = settings
        self._node = node
        self._labels = labels
        self._payload = ""
        announcer.subscribe(birth_topic(settings), self._answer)

    def describe(
        self,
        sources: Sequence[str],
        alerts: Sequence[AlertKey] = (),
        gone_alerts: Sequence[AlertKey] = (),
    ) -> None:
        """Describe the node as it is at present.

        Args:
            sources: names of its audio sources.
            alerts: alerts of the sources.
            gone_alerts: alerts whose entities are to be removed.
        """
        self._payload = discovery_payload(
            topics=self._announcer.topics,
            node=self._node,
            sources=sources,
            alerts=alerts,
            gone_alerts=gone_alerts,
            labels=self._labels,
            version=__version__,
        )
        self._announcer.retain_document(_DOCUMENT, self._parts)

    def _parts(self, max_bytes: int) -> dict[str, str]:
        """The description by topic, in packets of at most ``max_bytes`` bytes."""
        longest_topic = part_topic(self._settings, self._node, len(self._payload))
        parts = divided(self._payload, max_bytes - packet_bytes(longest_topic, ""))
        return {
            part_topic(self._settings, self._node, number): part for number, part in enumerate(parts, 1)
        }

    def _answer(self, _topic: str, body: bytes) -> None:
        if body == BIRTH.encode() and self._payload:
            self._announcer.retain_document(_DOCUMENT, self._parts)
