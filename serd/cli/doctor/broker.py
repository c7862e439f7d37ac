"""Checks the connection to the broker step by step: name, TCP, TLS, login, publish, subscribe."""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from serd.cli.doctor.findings import Finding, fail, ok, skipped
from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError, SerdError
from serd.mqtt.access import read_password, tls_context
from serd.mqtt.broker import ProbeResult, embedded_broker_advice, local_broker
from serd.mqtt.diagnosis import describe_connection_error
from serd.mqtt.link import Link
from serd.mqtt.settings import Settings
from serd.mqtt.topics import topic_level

_STEP_S: Final = 10.0
"""Longest time for one step, in seconds."""


def broker_findings(settings: Settings, node: str, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Check each step in turn; the steps after one that fails are skipped.

    Args:
        settings: the broker.
        node: name of the node, which is part of the topic of the test message.
        environment: variables of the daemon, which may name its credential.
    """
    if not settings.enabled:
        yield skipped("broker", "[mqtt] enabled is false")
        return
    settings = replace(settings, password=read_password(settings, environment), password_file="")
    if not settings.host:
        port, result = local_broker(settings)
        if result is not ProbeResult.ACCEPTED:
            reason = f"[mqtt] host is empty; localhost:{settings.port}: {result.value}"
            if advice := embedded_broker_advice():
                yield fail("broker", f"{reason}; {advice}")
            else:
                yield skipped("broker", f"{reason}; serd starts a broker for this machine")
            return
        settings = replace(settings, host="localhost", port=port)
    with contextlib.closing(_BrokerCheck(settings, node)) as check:
        yield from _step_findings(check)


def _step_findings(check: "_BrokerCheck") -> Iterator[Finding]:
    failed = ""
    for name, step in check.steps():
        title = f"broker: {name}"
        if failed:
            yield skipped(title, f"after {failed}")
            continue
        try:
            text = step()
        except (OSError, SerdError) as exc:
            failed = name
            reason = describe_connection_error(exc) if isinstance(exc, OSError) else str(exc)
            yield fail(title, f"{check.address}: {reason}")
        else:
            yield ok(title, text) if text else skipped(title, "[mqtt] tls is off")


class _BrokerCheck:
    """The steps of a check. Each returns its finding, or raises OSError or SerdError."""

    def __init__(self, settings: Settings, node: str) -> None:
        self.address = settings.address
        self._settings = settings
        self._name = f"{node}-doctor"
        self._topic = f"{settings.prefix}/{topic_level(node)}/doctor"
        self._token = secrets.token_hex(8)
        self._listener = _CheckListener(self._token)
        self._link: Link | None = None

    def steps(self) -> Iterator[tuple[str, Callable[[], str]]]:
        """Yield the steps in order, each with its name."""
        yield "name", self._look_up
        yield "TCP", self._connect
        yield "TLS", self._shake_hands
        yield "login", self._log_in
        yield "publish", self._publish
        yield "subscribe", self._receive

    def close(self) -> None:
        """Disconnect from the broker."""
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
        self._link = Link(self._settings, self._listener, name=self._name)
        self._link.start(Supervisor())
        if not self._listener.is_answered.wait(_STEP_S):
            raise PublishError("no answer in time")
        if not self._listener.is_connected:
            raise PublishError(self._link.reason)
        return f"as {self._settings.user!r}" if self._settings.user else "without a user"

    def _publish(self) -> str:
        link = self._logged_in()
        link.subscribe(self._topic)
        start_s = time.monotonic()
        link.publish(self._topic, self._token, is_retained=False)
        if not self._listener.is_acknowledged.wait(_STEP_S):
            raise PublishError(f"no acknowledgement of a message on {self._topic}")
        if self._listener.refusal:
            raise PublishError(f"a message on {self._topic} is refused: {self._listener.refusal}")
        return f"acknowledged on {self._topic} after {1000.0 * (time.monotonic() - start_s):.0f} ms"

    def _receive(self) -> str:
        if not self._listener.is_received.wait(_STEP_S / 2):
            raise PublishError(
                f"the test message on {self._topic} does not arrive; the broker's access list must"
                f" let this user read and write {self._settings.prefix}/#"
            )
        return "the test message has arrived"

    def _open(self) -> socket.socket:
        return socket.create_connection((self._settings.host, self._settings.port), _STEP_S)

    def _logged_in(self) -> Link:
        if self._link is None:
            raise PublishError("not logged in")
        return self._link


class _CheckListener:
    """Records the answers of the broker, and whether the test message has arrived."""

    def __init__(self, token: str) -> None:
        self._token = token.encode()
        self.is_answered = threading.Event()
        self.is_acknowledged = threading.Event()
        self.is_received = threading.Event()
        self.is_connected = False
        self.refusal = ""

    def connected(self) -> None:
        """Do nothing: ``status_changed`` follows."""

    def disconnected(self) -> None:
        """Do nothing: ``status_changed`` follows."""

    def acknowledged(self, message_id: int, *, refusal: str, is_final: bool) -> None:  # noqa: ARG002
        """Record the answer to the test message."""
        self.refusal = refusal
        self.is_acknowledged.set()

    def received(self, topic: str, payload: bytes) -> None:  # noqa: ARG002
        """Record whether it is the test message."""
        if payload == self._token:
            self.is_received.set()

    def status_changed(self, line: str, *, is_up: bool) -> None:  # noqa: ARG002
        """Record whether the broker accepts the connection."""
        self.is_connected = is_up
        self.is_answered.set()
