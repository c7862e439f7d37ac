"""Addresses at which publishers listen."""

import socket

import pytest

from serd.errors import PublishError
from serd.publishers.listening import address_of, host_here, listener


@pytest.mark.parametrize(
    ("host", "address", "here"),
    [
        ("127.0.0.1", "127.0.0.1:80", "127.0.0.1"),
        ("0.0.0.0", "0.0.0.0:80", "127.0.0.1"),
        ("::1", "[::1]:80", "::1"),
        ("::", "[::]:80", "::1"),
        ("pi.local", "pi.local:80", "pi.local"),
    ],
)
def test_an_address_is_written_as_in_a_url(host: str, address: str, here: str) -> None:
    """And a listener on all addresses is reached by the loopback of its family."""
    assert address_of(host, 80) == address
    assert host_here(host) == here


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_in_use_is_named(host: str) -> None:
    """With its section and what to do."""
    with listener("web", host, 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(PublishError) as caught:
            listener("web", host, port)
    text = str(caught.value)
    assert text.startswith(f"[web] cannot listen on {address_of(host, port)}: Address already in use")
    assert text.endswith("name another host or port")


def test_a_host_that_is_none_is_named() -> None:
    """Also one that no encoding of names accepts."""
    with pytest.raises(PublishError, match=r"\[metrics\] cannot listen on a\.\.b:0: "):
        listener("metrics", "a..b", 0)


def test_ipv6_is_told_by_its_colons() -> None:
    """The socket has the family of its host."""
    with listener("web", "::1", 0) as here:
        assert here.family is socket.AF_INET6
