"""Checks of the page."""

import socket
from collections.abc import Iterator

from serd.cli.doctor.findings import Finding, fail, ok
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
    address = f"{settings.host}:{settings.port}"
    access = "with a password" if settings.password_hash else "without a password"
    try:
        with socket.create_server((settings.host, settings.port), family=_family(settings.host)):
            yield ok("page", f"{address}, {access}; it is not running")
    except OSError:
        if _is_page(settings):
            yield ok("page", f"http://{address}/, {access}; it is running")
        else:
            advice = "name another host or port in [web]"
            yield fail("page", f"{address} cannot be used, or another program listens there", advice)


def _is_page(settings: Settings) -> bool:
    """Whether a page of serd answers at an address."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    request = b"GET /static/icon.svg HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        with socket.create_connection((host, settings.port), _TIMEOUT_S) as client:
            client.sendall(request)
            return b"content-security-policy" in client.recv(4096)
    except OSError:
        return False


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET
