"""The ports at which publishers serve clients, and how their addresses are written and reached."""

import socket
from typing import Final

from serd.errors import PublishError

_BACKLOG: Final = 128
_HERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}
"""The address of this machine by which a listener on all addresses is reached."""


def listener(section: str, host: str, port: int) -> socket.socket:
    """A socket that listens.

    Args:
        section: the section of the settings that names the address, for the message.
        host: address of this machine, IPv6 without brackets.
        port: 0 to 65535; 0 for any free port.

    Raises:
        PublishError: the port is not available.
    """
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except (OSError, ValueError) as exc:
        reason = getattr(exc, "strerror", None) or exc
        raise PublishError(
            f"[{section}] cannot listen on {address_of(host, port)}: {reason}; name another host or port"
        ) from exc


def address_of(host: str, port: int) -> str:
    """Host and port as in a URL: an IPv6 address is in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_here(host: str) -> str:
    """The host by which this machine reaches a listener, which may listen on all addresses."""
    return _HERE.get(host, host)
