"""One port for several sources."""

import errno
import gc
import os
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from serd.audio.listener import Listeners
from serd.audio.opening import SourceOpener
from serd.audio.source import MIX, Source, SourceSettings
from serd.audio.tcp import TcpSource, pcm_over_tcp
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.brokers import free_port, wait_until


@pytest.fixture(autouse=True)
def _short_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serd.audio.stream.STALL_S", 0.2)
    monkeypatch.setattr("serd.audio.stream._STALLED_READ_S", 0.2)


class _Hearing:
    """A thread that hears a source across pauses, as a feeder does."""

    def __init__(self, source: Source) -> None:
        self.n_stalls = 0
        self._source = source
        self._parts: list[list[int]] = []
        self._thread = threading.Thread(target=self._hear)
        self._thread.start()

    @property
    def values(self) -> list[int]:
        """The distinct samples so far, in order of arrival."""
        samples = [value for part in tuple(self._parts) for value in part]
        return list(dict.fromkeys(samples))

    def stop(self) -> None:
        """Stop the source, and wait for the thread."""
        self._source.stop()
        self._thread.join()

    def _hear(self) -> None:
        while True:
            try:
                for block in self._source:
                    self._parts.append(block.samples.tolist())
            except SourceStalledError:
                self.n_stalls += 1
            else:
                return


def _send(port: int, address: str, value: int) -> socket.socket:
    """Connect from an address of this machine, and send 100 equal samples."""
    client = socket.create_connection(("127.0.0.1", port), source_address=(address, 0))
    client.sendall(np.full(100, value, "<i2").tobytes())
    return client


def _is_sent_away(client: socket.socket) -> bool:
    """Whether the other side closes the connection."""
    client.settimeout(15.0)
    try:
        return client.recv(1) == b""
    except ConnectionResetError:  # it had sent samples
        return True


def test_each_source_hears_its_own_client() -> None:
    """Whichever connects first, and again after its end; others belong to the source for anybody."""
    port, opener = free_port(), SourceOpener()
    names = ("?from=127.0.0.2", "?from=127.0.0.3", "")
    heard = [_Hearing(opener.open(SourceSettings(input=f"tcp://:{port}{name}"))) for name in names]
    for value, numbers in ((0, (4, 3, 2)), (1, (3, 2, 4)), (2, (2, 3, 4))):
        clients = [_send(port, f"127.0.0.{number}", 10 * number + value) for number in numbers]
        wait_until(lambda value=value: all(len(each.values) > value for each in heard), "all samples")  # type: ignore[misc]
        for client in clients:
            client.close()
    for each in heard:
        each.stop()
    assert [each.values for each in heard] == [[20, 21, 22], [30, 31, 32], [40, 41, 42]]


def test_a_stranger_is_sent_away_and_keeps_nobody_waiting() -> None:
    """Its connection is closed at once, and a source that waits still reports that nobody comes."""
    port = free_port()
    hearing = _Hearing(pcm_over_tcp(f"tcp://:{port}?from=127.0.0.2", channel=MIX, listeners=Listeners()))
    deadline_s = time.monotonic() + 15.0
    while hearing.n_stalls < 3:
        assert time.monotonic() < deadline_s
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            assert _is_sent_away(stranger)
    hearing.stop()
    assert hearing.values == []


def test_a_client_that_connects_twice_waits_with_its_latest_connection() -> None:
    """The first goes on; of those that wait, one is kept, so that nobody fills the memory."""
    port, listeners = free_port(), Listeners()
    sources = [
        pcm_over_tcp(f"tcp://:{port}?from=127.0.0.{number}", channel=MIX, listeners=listeners)
        for number in (2, 3)
    ]
    heard = [_Hearing(source) for source in sources]
    first = _send(port, "127.0.0.2", 1)
    wait_until(lambda: heard[0].values == [1], "the first connection")
    second, third = (_send(port, "127.0.0.2", value) for value in (2, 3))
    assert _is_sent_away(second)
    first.close()
    wait_until(lambda: heard[0].values == [1, 3], "the third connection")
    for each in heard:
        each.stop()
    for client in (second, third):
        client.close()


def test_a_client_of_a_port_belongs_to_one_source_at_a_time() -> None:
    """Two sources for one client are refused; after the end of the sources the port is free again."""
    port, listeners = free_port(), Listeners()
    gc.collect()
    n_open = len(list(Path("/proc/self/fd").iterdir()))

    def opened(query: str) -> TcpSource:
        return pcm_over_tcp(f"tcp://:{port}{query}", channel=MIX, listeners=listeners)

    sources = [opened("?from=127.0.0.2"), opened("")]
    for query in ("?from=127.0.0.2", "?from=::ffff:127.0.0.2", ""):
        with pytest.raises(SourceError, match=r"another source takes clients from .*from=ADDRESS"):
            opened(query)
    sources[0].stop()
    list(sources[0])
    sources.append(opened("?from=127.0.0.2"))
    del sources
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == n_open
    opened("")


def test_without_files_left_a_port_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is then free, and the error is one that a source is opened again after."""
    port, listeners = free_port(), Listeners()

    def fail(*_: int) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr(os, "eventfd", fail)
        with pytest.raises(SourceError, match="cannot be opened: Too many open files"):
            pcm_over_tcp(f"tcp://:{port}", channel=MIX, listeners=listeners)
    gc.collect()
    pcm_over_tcp(f"tcp://:{port}", channel=MIX, listeners=listeners)


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="there is no IPv6")
def test_a_port_of_all_addresses_takes_clients_of_both_versions() -> None:
    """Of IPv4 and IPv6; its name in messages is a URL."""
    source = pcm_over_tcp("tcp://[::]:0", channel=MIX, listeners=Listeners())
    assert source.describe().startswith("clients of tcp://[::]:0 ")
    for address in ("127.0.0.1", "::1"):
        with socket.create_connection((address, source.port)) as client:
            client.sendall(bytes(200))
        with pytest.raises(SourceStalledError, match="the connection ended"):
            list(source)


@pytest.mark.parametrize(
    "url", ["tcp://host:1?from=10.0.0.1", "tcp://:1?from=kitchen", "tcp://:1?from="]
)
def test_a_client_that_cannot_be_meant_is_refused(url: str) -> None:
    """A server has no clients, and names of machines are not looked up."""
    with pytest.raises(SoundFileError, match=r"from|expected"):
        pcm_over_tcp(url, channel=MIX, listeners=Listeners())
