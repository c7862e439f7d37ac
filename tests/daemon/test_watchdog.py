"""The watchdog is notified while every source makes progress, and by no timer."""

import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serd.daemon.systemd import ServiceManager
from serd.daemon.watchdog import Watchdog
from testkit.brokers import logged_lines
from testkit.notify_sockets import NotifySocket, notify_socket


class Clock:
    """A monotonic clock that only the test advances."""

    now_s = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now_s


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[NotifySocket]:
    """The receiving end of a service manager."""
    with notify_socket(tmp_path) as running:
        yield running


@pytest.fixture
def service(manager: NotifySocket) -> Iterator[ServiceManager]:
    """The daemon's side of that manager, with a watchdog of 30 s."""
    notifier = ServiceManager({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    yield notifier
    notifier.close()


def n_notified(manager: NotifySocket) -> int:
    """Number of watchdog notifications since the previous call."""
    return sum("WATCHDOG" in message for message in manager.waiting())


def test_sound_notifies_once_a_second(manager: NotifySocket, service: ServiceManager) -> None:
    """33 blocks a second cause one notification a second."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic"], clock)
    notified = 0
    for _ in range(1000):
        watchdog.progress("mic")
        clock.now_s += 0.03
        notified += n_notified(manager)
    assert 28 <= notified <= 31


def test_there_is_no_timer(manager: NotifySocket, service: ServiceManager) -> None:
    """Without a call there is no notification, since no thread sends any."""
    threads = threading.enumerate()
    Watchdog(service, ["mic"], time.monotonic).progress("mic")
    assert threading.enumerate() == threads
    assert n_notified(manager) == 1


def test_one_stuck_source_stops_it_despite_another(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """Notifications stop after half the timeout, with one line in the log."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic", "door"], clock)
    notified = []
    with logged_lines() as lines:
        for _ in range(100):
            watchdog.progress("mic")
            notified.append(n_notified(manager))
            clock.now_s += 1.0
    assert notified == [1] * 16 + [0] * 84
    assert lines == ["no progress of source door for more than 15 s: watchdog notifications stop"]
    watchdog.progress("door")
    clock.now_s += 1.0
    watchdog.progress("mic")
    assert n_notified(manager) >= 1


def test_a_source_that_ended_does_not_stop_it(manager: NotifySocket, service: ServiceManager) -> None:
    """The daemon may still listen to a microphone after a file has ended."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic", "file"], clock)
    watchdog.forget("file")
    clock.now_s += 100.0
    watchdog.progress("mic")
    assert n_notified(manager) == 1


def test_without_a_watchdog_nothing_is_sent(manager: NotifySocket) -> None:
    """Type=notify works without WatchdogSec= too."""
    service = ServiceManager({"NOTIFY_SOCKET": manager.address})
    watchdog = Watchdog(service, ["mic"], Clock())
    watchdog.progress("mic")
    watchdog.forget("mic")
    service.close()
    assert manager.waiting() == []


def test_a_source_that_blocks_stops_all_notifications(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """READY, then WATCHDOG and STATUS while blocks arrive, and nothing while the source hangs."""
    clock = Clock()
    blocks: queue.SimpleQueue[bool] = queue.SimpleQueue()
    watchdog = Watchdog(service, ["mic"], clock)

    def listen() -> None:
        service.ready("listening")
        while blocks.get():
            clock.now_s += 1.0
            watchdog.progress("mic")
            service.status(f"{clock.now_s:.0f} s")
        service.stopping()

    thread = threading.Thread(target=listen)
    thread.start()
    messages = manager.read_until("READY")
    for _ in range(3):
        blocks.put(True)
    for _ in range(3):
        messages += manager.read_until("STATUS")
    clock.now_s += 300.0
    with pytest.raises(TimeoutError):
        manager.read(0.5)
    blocks.put(False)
    messages += manager.read_until("STOPPING")
    thread.join()
    names = [next(iter(message)) for message in messages]
    assert names == ["READY", *["WATCHDOG", "STATUS"] * 3, "STOPPING"]
