"""The watchdog is notified while every part gives signs of life, and by no timer."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serd.daemon.supervisor import Supervisor
from serd.daemon.systemd import ServiceManager
from serd.daemon.watchdog import Watchdog, silence_s
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


def watching(service: ServiceManager, clock: Callable[[], float]) -> Supervisor:
    """A supervisor with the limit that follows from the timeout of the watchdog."""
    return Supervisor(silence_s=silence_s(service), monotonic=clock)


def n_notified(manager: NotifySocket) -> int:
    """Number of watchdog notifications since the previous call."""
    return sum("WATCHDOG" in message for message in manager.waiting())


def test_sound_notifies_once_a_second(manager: NotifySocket, service: ServiceManager) -> None:
    """33 blocks a second cause one notification a second."""
    clock = Clock()
    supervisor = watching(service, clock)
    mic, watchdog = supervisor.watch("source-mic"), Watchdog(service, supervisor, clock)
    notified = 0
    for _ in range(1000):
        mic.progress()
        watchdog.progress()
        clock.now_s += 0.03
        notified += n_notified(manager)
    assert 28 <= notified <= 31


def test_there_is_no_timer(manager: NotifySocket, service: ServiceManager) -> None:
    """Without a call there is no notification, since no thread sends any."""
    threads = threading.enumerate()
    Watchdog(service, watching(service, time.monotonic), time.monotonic).progress()
    assert threading.enumerate() == threads
    assert n_notified(manager) == 1


def test_one_stuck_source_stops_it_despite_another(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """Notifications stop after half the timeout, with one line in the log."""
    clock = Clock()
    supervisor = watching(service, clock)
    mic, door = supervisor.watch("source-mic"), supervisor.watch("source-door")
    watchdog = Watchdog(service, supervisor, clock)
    notified = []
    with logged_lines() as lines:
        for _ in range(100):
            mic.progress()
            watchdog.progress()
            notified.append(n_notified(manager))
            clock.now_s += 1.0
    assert notified == [1] * 16 + [0] * 84
    assert lines == ["no sign of life of source-door for more than 15 s: watchdog notifications stop"]
    door.progress()
    clock.now_s += 1.0
    mic.progress()
    watchdog.progress()
    assert n_notified(manager) >= 1


def test_a_source_that_ended_does_not_stop_it(manager: NotifySocket, service: ServiceManager) -> None:
    """The daemon may still listen to a microphone after a file has ended."""
    clock = Clock()
    supervisor = watching(service, clock)
    mic, file = supervisor.watch("source-mic"), supervisor.watch("source-file")
    watchdog = Watchdog(service, supervisor, clock)
    supervisor.forget(file)
    clock.now_s += 100.0
    mic.progress()
    watchdog.progress()
    assert n_notified(manager) == 1


def test_without_a_watchdog_nothing_is_sent(manager: NotifySocket) -> None:
    """Type=notify works without WatchdogSec= too."""
    service = ServiceManager({"NOTIFY_SOCKET": manager.address})
    clock = Clock()
    watchdog = Watchdog(service, watching(service, clock), clock)
    watchdog.progress()
    service.close()
    assert manager.waiting() == []


def test_a_source_that_blocks_stops_all_notifications(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """READY, then WATCHDOG and STATUS while blocks arrive, and nothing while the source hangs."""
    clock = Clock()
    blocks: queue.SimpleQueue[bool] = queue.SimpleQueue()
    supervisor = watching(service, clock)
    mic, watchdog = supervisor.watch("source-mic"), Watchdog(service, supervisor, clock)

    def listen() -> None:
        service.ready("listening")
        while blocks.get():
            clock.now_s += 1.0
            mic.progress()
            watchdog.progress()
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


def test_another_thread_without_a_sign_of_life_stops_it(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """Sound goes on, but the sender of events hangs: systemd must restart serd."""
    clock = Clock()
    supervisor = watching(service, clock)
    mic, _ = supervisor.watch("source-mic"), supervisor.watch("mqtt")
    watchdog = Watchdog(service, supervisor, clock)
    clock.now_s += 16.0
    mic.progress()
    with logged_lines() as lines:
        watchdog.progress()
    assert n_notified(manager) == 0
    assert lines == ["no sign of life of mqtt for more than 15 s: watchdog notifications stop"]
