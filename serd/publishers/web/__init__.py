"""Serves a page for the browser, and the API behind it: what serd hears now, and what it has heard.

The page has its own thread with an asyncio loop, and a second thread for what blocks: the file of the
history and the hashes of passwords. ``publish`` only stores the report for them.
"""

import ipaddress
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from serd.errors import LibraryError
from serd.events.reports import Report
from serd.publishers import Context
from serd.publishers.listening import address_of
from serd.publishers.web.feed import Feed
from serd.publishers.web.log_tail import LogTail

if TYPE_CHECKING:
    from serd.publishers.web.server import WebServer

SECTION: Final = "web"

_log = logging.getLogger("serd.web")


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """A page for the browser, with an API."""

    enabled: bool = False
    """Whether http://host:port/ shows what serd hears; serd run --web and the settings of the service
    turn it on. It needs the packages of serd[web]."""
    host: str = field(default="127.0.0.1", metadata={"form": "host"})
    """Address to listen on; by default only this machine can connect. Any other address needs a
    password; 0.0.0.0 and :: are all addresses."""
    port: int = 8765
    """Port to listen on, 0 to 65535; 0 for any free port."""
    password_hash: str = field(default="", metadata={"secret": True})
    """Hash of the password of the page, as serd web password prints it; empty for no password."""
    names: str = ""
    """Further names of this machine in the browser's address bar, separated by spaces, such as that of a
    proxy. Its host name and all addresses in numbers are accepted anyway."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not self.host:
            yield "host", "an address of this machine"
        if not 0 <= self.port <= 65535:
            yield "port", "0 to 65535"
        if self.password_hash and not self.password_hash.startswith("$argon2"):
            yield "password_hash", "the hash that serd web password prints"
        if self.host and not self.password_hash and not is_loopback(self.host):
            yield "host", "127.0.0.1, or another address with a password_hash (see serd web password)"


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def create(settings: Settings, context: Context) -> "Web | None":
    """A publisher that can be started, or None if it is disabled.

    Raises:
        LibraryError: a package of serd[web] is not installed.
    """
    if not settings.enabled:
        return None
    check_libraries()
    return Web(settings, context)


def check_libraries() -> None:
    """Load the packages of serd[web].

    Raises:
        LibraryError: one of them is not installed.
    """
    try:
        import argon2  # noqa: F401, PLC0415
        import starlette  # noqa: F401, PLC0415
        import uvicorn  # noqa: F401, PLC0415
    except ImportError as exc:
        raise LibraryError(
            f"[web] enabled needs a library that does not load ({exc}): pip install 'serd[web]'"
        ) from exc


class Web:
    """Keeps what the page shows up to date, and serves it."""

    def __init__(self, settings: Settings, context: Context) -> None:
        """Listen to nothing until ``start``.

        Args:
            settings: address and password.
            context: the daemon.
        """
        self._settings = settings
        self._context = context
        self._feed = Feed(context)
        self._tail = LogTail()
        self._server: WebServer | None = None

    @property
    def port(self) -> int:
        """Port that the server listens on; 0 before the start."""
        return self._server.port if self._server is not None else 0

    def start(self) -> None:
        """Listen, and answer.

        Raises:
            PublishError: the port is not available.
        """
        from serd.publishers.web.server import WebServer  # noqa: PLC0415

        server = WebServer(self._settings, self._context, self._feed, self._tail)
        self._server = server
        self._feed.wake = server.wake
        logging.getLogger().addHandler(self._tail)
        _log.info("page on http://%s/", address_of(self._settings.host, server.port))

    def publish(self, report: Report) -> None:
        """Take a report for the pages that are open, and for those that will be."""
        self._feed.publish(report)

    def adapt(self, context: Context) -> bool:
        """Follow a change of the sources, the alerts and the model."""
        self._feed.follow(context)
        return True

    def close(self, timeout_s: float) -> None:
        """Stop listening, and end all connections."""
        logging.getLogger().removeHandler(self._tail)
        if self._server is not None:
            self._server.stop(timeout_s)
