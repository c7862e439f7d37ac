"""A client of serd's page: requests over a real connection, and the stream of server-sent events."""

import contextlib
import json
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from serd.publishers.web import Web
from testkit.brokers import DEADLINE_S

Command = tuple[str, str, bytes]
"""A command that the page passes to the daemon: source, control, value."""
Start = Callable[..., Web]
"""Starts a page with some settings."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of the server."""

    status: int
    headers: Mapping[str, str]
    """By their names in lower case."""
    content: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401
        """The content as JSON."""
        return json.loads(self.content)


@dataclass(frozen=True, slots=True)
class SentEvent:
    """A server-sent event."""

    id: str
    kind: str
    body: Any


@dataclass(slots=True)
class WebClient:
    """Asks the server on a port of this machine, each time on a new connection."""

    port: int
    headers: dict[str, str] = field(default_factory=dict)
    """Headers of each request."""
    address: str = "127.0.0.1"
    """Address of this client."""

    def ask(
        self, path: str, *, method: str = "GET", body: object = None, headers: Mapping[str, str] = {}
    ) -> Answer:
        """The answer to a request; a body is sent as JSON."""
        with self._asked(path, method, body, headers) as response:
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def change(self, path: str, body: object, **headers: str) -> Answer:
        """The answer to a change, with the token that changes need."""
        token = self.ask("/api/v1/session").json["token"]
        return self.ask(path, method="POST", body=body, headers={"X-CSRF-Token": token, **headers})

    @contextlib.contextmanager
    def stream(self, last_id: str = "") -> Iterator[Iterator[SentEvent]]:
        """The events from now on, or after the one with an id."""
        headers = {"Last-Event-ID": last_id} if last_id else {}
        with self._asked("/api/v1/events", "GET", None, headers) as response:
            assert response.status == 200
            yield _events(response)

    @contextlib.contextmanager
    def _asked(
        self, path: str, method: str, body: object, headers: Mapping[str, str]
    ) -> Iterator[HTTPResponse]:
        source = (self.address, 0)
        connection = HTTPConnection("127.0.0.1", self.port, DEADLINE_S, source_address=source)
        content = None if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        try:
            connection.request(method, path, content, {**self.headers, **kind, **headers})
            yield connection.getresponse()
        finally:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()


def _events(response: HTTPResponse) -> Iterator[SentEvent]:
    fields: dict[str, str] = {}
    while line := response.readline():
        name, _, value = line.decode().rstrip("\n").partition(": ")
        if name:
            fields[name] = value
        elif "data" in fields:
            yield SentEvent(fields.get("id", ""), fields["event"], json.loads(fields["data"]))
            fields = {}
        else:
            fields = {}
