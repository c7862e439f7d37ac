"""The watchdog is fed by the progress of the sound, and starves without it."""

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
    """A monotonic clock that the test winds."""

    now_s = 1000.0

    def __call__(self) -> float:
        """Now, in seconds."""
        return self.now_s


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[NotifySocket]:
    """A service manager that hears what it is told."""
    with notify_socket(tmp_path) as running:
        yield running


@pytest.fixture
def service(manager: NotifySocket) -> Iterator[ServiceManager]:
    """The daemon's side, told of that manager and of its watchdog of 30 s."""
    told = ServiceManager({"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "30000000"})
    yield told
    told.close()


def n_fed(manager: NotifySocket) -> int:
    """How often the watchdog was fed since the last look."""
    return sum("WATCHDOG" in message for message in manager.waiting())


def test_sound_feeds_once_a_second(manager: NotifySocket, service: ServiceManager) -> None:
    """Blocks come 33 times a second; the manager need not hear of each."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic"], clock)
    fed = 0
    for _ in range(1000):
        watchdog.progress("mic")
        clock.now_s += 0.03
        fed += n_fed(manager)
    assert 28 <= fed <= 31


def test_there_is_no_timer(manager: NotifySocket, service: ServiceManager) -> None:
    """No thread feeds it: no call, no food."""
    threads = threading.enumerate()
    Watchdog(service, ["mic"], time.monotonic).progress("mic")
    assert threading.enumerate() == threads
    assert n_fed(manager) == 1


def test_one_stuck_source_starves_it_though_another_goes_on(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """It is fed for half the time that the manager allows, then no more, and that is said once."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic", "door"], clock)
    fed = []
    with logged_lines() as said:
        for _ in range(100):
            watchdog.progress("mic")
            fed.append(n_fed(manager))
            clock.now_s += 1.0
    assert fed == [1] * 16 + [0] * 84
    assert said == ["no sign of source door for more than 15 s: the watchdog is fed no more"]
    watchdog.progress("door")
    clock.now_s += 1.0
    watchdog.progress("mic")
    assert n_fed(manager) >= 1


def test_a_source_that_ended_is_not_missed(manager: NotifySocket, service: ServiceManager) -> None:
    """A file that is over does not end the daemon that still listens to a microphone."""
    clock = Clock()
    watchdog = Watchdog(service, ["mic", "file"], clock)
    watchdog.forget("file")
    clock.now_s += 100.0
    watchdog.progress("mic")
    assert n_fed(manager) == 1


def test_without_a_watchdog_nothing_is_sent(manager: NotifySocket) -> None:
    """Type=notify without WatchdogSec= is fine too."""
    service = ServiceManager({"NOTIFY_SOCKET": manager.address})
    watchdog = Watchdog(service, ["mic"], Clock())
    watchdog.progress("mic")
    watchdog.forget("mic")
    service.close()
    assert manager.waiting() == []


def test_a_source_that_blocks_for_ever_makes_the_socket_fall_silent(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """READY, WATCHDOG and STATUS come while blocks pass; once the source hangs, not a word more."""
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
    heard = manager.read_until("READY")
    for _ in range(3):
        blocks.put(True)
    for _ in range(3):
        heard += manager.read_until("STATUS")
    clock.now_s += 300.0
    with pytest.raises(TimeoutError):
        manager.read(0.5)
    blocks.put(False)
    heard += manager.read_until("STOPPING")
    thread.join()
    words = [next(iter(message)) for message in heard]
    assert words == ["READY", *["WATCHDOG", "STATUS"] * 3, "STOPPING"]
