"""Does the way to the broker hold, step by step: name, TCP, TLS, login, publish, and back again."""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from serd.cli.doctor.findings import Finding, fail, ok, skipped
from serd.errors import PublishError, SerdError
from serd.mqtt.access import read_password, tls_context
from serd.mqtt.broker import Answer, probe
from serd.mqtt.diagnosis import in_words
from serd.mqtt.link import Link
from serd.mqtt.settings import Settings
from serd.mqtt.topics import topic_level

_STEP_S: Final = 10.0
"""How long a step may take, in seconds."""


def broker_findings(settings: Settings, node: str) -> Iterator[Finding]:
    """Walk the way; behind a step that fails the others are left out."""
    if not settings.enabled:
        yield skipped("broker", "[mqtt] enabled is false")
        return
    settings = replace(settings, password=read_password(settings), password_file="")
    if not settings.host:
        answer = probe("localhost", settings.port, user=settings.user, password=settings.password)
        if answer is not Answer.ACCEPTED:
            why = f"no [mqtt] host is named, and on localhost:{settings.port} {answer.value}"
            yield skipped("broker", f"{why}: serd starts one for this machine alone")
            return
        settings = replace(settings, host="localhost")
    with contextlib.closing(_Visit(settings, node)) as visit:
        yield from _walked(visit)


def _walked(visit: "_Visit") -> Iterator[Finding]:
    failed = ""
    for name, step in visit.steps():
        check = f"broker: {name}"
        if failed:
            yield skipped(check, f"after {failed}")
            continue
        try:
            text = step()
        except (OSError, SerdError) as exc:
            failed = name
            reason = in_words(exc) if isinstance(exc, OSError) else str(exc)
            yield fail(check, f"{visit.address}: {reason}")
        else:
            yield ok(check, text) if text else skipped(check, "[mqtt] tls is off")


class _Visit:
    """One visit to a broker. A step says what it found, or raises OSError or SerdError."""

    def __init__(self, settings: Settings, node: str) -> None:
        self.address = f"{settings.host}:{settings.port}"
        self._settings = settings
        self._name = f"{node}-doctor"
        self._topic = f"{settings.prefix}/{topic_level(node)}/doctor"
        self._token = secrets.token_hex(8)
        self._guest = _Guest(self._token)
        self._link: Link | None = None

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Each step by its name, in their order."""
        yield "name", self._look_up
        yield "TCP", self._connect
        yield "TLS", self._shake_hands
        yield "login", self._log_in
        yield "publish", self._publish
        yield "subscribe", self._hear

    def close(self) -> None:
        """Leave the broker."""
        if self._link is not None:
            self._link.stop(1.0)

    def _look_up(self) -> str:
        found = socket.getaddrinfo(self._settings.host, self._settings.port, type=socket.SOCK_STREAM)
        addresses = dict.fromkeys(str(address[0]) for *_, address in found)
        return f"{self._settings.host} is {', '.join(addresses)}"

    def _connect(self) -> str:
        start_s = time.monotonic()
        self._open().close()
        return f"{self.address} answers after {1000.0 * (time.monotonic() - start_s):.0f} ms"

    def _shake_hands(self) -> str:
        if not self._settings.tls:
            return ""
        context = tls_context(self._settings)
        with self._open() as raw, context.wrap_socket(raw, server_hostname=self._settings.host) as tls:
            certificate = tls.getpeercert() or {}
            return f"{tls.version()}, certificate valid until {certificate.get('notAfter', 'ever')}"

    def _log_in(self) -> str:
        self._link = Link(self._settings, self._guest, name=self._name)
        self._link.start()
        if not self._guest.told.wait(_STEP_S):
            raise PublishError("no answer in time")
        if not self._guest.is_in:
            raise PublishError(self._link.reason)
        return f"as {self._settings.user!r}" if self._settings.user else "without a user"

    def _publish(self) -> str:
        link = self._entered()
        link.subscribe(self._topic)
        start_s = time.monotonic()
        link.publish(self._topic, self._token, is_retained=False)
        if not self._guest.taken.wait(_STEP_S):
            raise PublishError(f"no acknowledgement of a message on {self._topic}")
        if self._guest.refusal:
            raise PublishError(f"a message on {self._topic} is refused: {self._guest.refusal}")
        return f"acknowledged on {self._topic} after {1000.0 * (time.monotonic() - start_s):.0f} ms"

    def _hear(self) -> str:
        if not self._guest.back.wait(_STEP_S / 2):
            raise PublishError(
                f"our message on {self._topic} does not come back; the broker's access list must"
                f" let this user read and write {self._settings.prefix}/#"
            )
        return "our message has come back"

    def _open(self) -> socket.socket:
        return socket.create_connection((self._settings.host, self._settings.port), _STEP_S)

    def _entered(self) -> Link:
        if self._link is None:
            raise PublishError("not logged in")
        return self._link


class _Guest:
    """Remembers what the link says, and whether a message of ours has come back."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.told = threading.Event()
        self.taken = threading.Event()
        self.back = threading.Event()
        self.is_in = False
        self.refusal = ""

    def connected(self) -> None:
        """The broker has let us in."""

    def disconnected(self) -> None:
        """The connection is gone."""

    def acknowledged(self, message_id: int, *, refusal: str) -> None:  # noqa: ARG002
        """The broker has taken our message, or says why not."""
        self.refusal = refusal
        self.taken.set()

    def received(self, topic: str, payload: bytes) -> None:  # noqa: ARG002
        """A message has come."""
        if payload == self._token:
            self.back.set()

    def news(self, line: str, *, is_up: bool) -> None:  # noqa: ARG002
        """We are in, or there is a reason why not."""
        self.is_in = is_up
        self.told.set()
