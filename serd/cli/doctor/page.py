"""Checks of the page."""

import socket
from collections.abc import Iterator

from serd.cli.doctor.findings import Finding, fail, ok
from serd.errors import PublishError
from serd.publishers.listening import address_of, host_here, listener
from serd.publishers.web import Settings, check_libraries

_TIMEOUT_S = 1.0


def page_findings(settings: Settings) -> Iterator[Finding]:
    """Check that the page can be served, or is; no finding if it is off.

    Raises:
        LibraryError: a package of serd[web] is not installed.
    """
    if not settings.enabled:
        return
    check_libraries()
    address = address_of(settings.host, settings.port)
    access = "with a password" if settings.password_hash else "without a password"
    try:
        with listener("web", settings.host, settings.port):
            yield ok("page", f"{address}, {access}; it is not running")
    except PublishError:
        if _is_page(settings):
            yield ok("page", f"http://{address}/, {access}; it is running")
        else:
            advice = "name another host or port in [web]"
            yield fail("page", f"{address} cannot be used, or another program listens there", advice)


def _is_page(settings: Settings) -> bool:
    """Whether a page of serd answers at an address."""
    request = b"GET /static/icon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host_here(settings.host), settings.port), _TIMEOUT_S) as client:
            client.sendall(request)
            return b"content-security-policy" in client.recv(4096)
    except OSError:
        return False
