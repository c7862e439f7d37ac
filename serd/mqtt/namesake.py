"""Notices other daemons that use the name of this node, and repairs what they leave behind.

Two daemons with the same name write to the same topics. When one ends, it or its last will says
"offline" for both, so the other one publishes its own state again. Each daemon introduces itself on the
topic ``instance`` once a connection, and answers an introduction from a daemon that it does not know, so
that each logs the other.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

from serd.mqtt.topics import OFFLINE, ONLINE

_log = logging.getLogger("serd.mqtt")

_MAX_KNOWN: Final = 20
"""Most other daemons that are remembered and logged."""
_MAX_HOST_CHARS: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Instance:
    """One run of a daemon."""

    id: str
    """Random text, different in each run."""
    host: str
    """Name of the machine."""
    pid: int
    """Number of the process."""

    def to_json(self) -> str:
        """The payload of an introduction."""
        return json.dumps(asdict(self))


def parse_instance(payload: bytes) -> Instance | None:
    """The daemon that introduces itself; None if the payload is not an introduction."""
    try:
        body = json.loads(payload[:1000])
        host = "".join(char if char.isprintable() else "?" for char in str(body["host"]))
        return Instance(
            id=str(body["id"])[:_MAX_HOST_CHARS], host=host[:_MAX_HOST_CHARS], pid=int(body["pid"])
        )
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None


class NamesakeWatch:
    """Follows the status topic of the node and the introductions on it; one thread calls it."""

    def __init__(
        self,
        node: str,
        own: Instance,
        *,
        introduce: Callable[[], None],
        restore: Callable[[], None],
    ) -> None:
        """Begin without a connection.

        Args:
            node: name of the node, for the log.
            own: this daemon.
            introduce: publishes ``own``.
            restore: publishes the whole state of this daemon again.
        """
        self._node = node
        self._own = own
        self._introduce = introduce
        self._restore = restore
        self._known: set[str] = {own.id}
        self._connection = 0
        """Number of the latest connection on which this daemon was online."""

    def status_received(self, payload: bytes, connection: int) -> None:
        """Follow the status of the node.

        Args:
            payload: ``online`` or ``offline``. What was retained before the first ``online`` of a
                connection belongs to an earlier one.
            connection: number of the present connection.
        """
        if payload == ONLINE.encode() and self._connection != connection:
            self._connection = connection
            self._introduce()
        elif payload == OFFLINE.encode() and self._connection == connection:
            self._restore()

    def instance_received(self, payload: bytes) -> None:
        """Follow an introduction: log another daemon once, and introduce this one to it."""
        other = parse_instance(payload)
        if other is None or other.id in self._known or len(self._known) > _MAX_KNOWN:
            return
        self._known.add(other.id)
        _log.warning(
            "another serd is called %s too: process %d on %s; give one of them another [node] name",
            self._node,
            other.pid,
            other.host,
        )
        self._introduce()
