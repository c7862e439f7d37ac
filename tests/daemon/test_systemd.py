"""What the service manager is told, on sockets as systemd makes them."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serd.daemon.systemd import ServiceManager
from testkit.notify_sockets import NotifySocket, notify_socket


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NotifySocket]:
    """Both kinds of address that systemd uses."""
    with notify_socket(tmp_path, is_abstract=request.param == "abstract") as running:
        yield running


@pytest.fixture
def service(manager: NotifySocket) -> Iterator[ServiceManager]:
    """The daemon's side, told of that manager."""
    told = ServiceManager({"NOTIFY_SOCKET": manager.address})
    yield told
    told.close()


def test_each_step_of_a_life_is_told(manager: NotifySocket, service: ServiceManager) -> None:
    """The words are those of sd_notify(3)."""
    assert service.is_there
    service.ready("listening")
    service.status("happy")
    service.watchdog()
    service.stopping()
    assert manager.waiting() == [
        {"READY": "1", "STATUS": "listening"},
        {"STATUS": "happy"},
        {"WATCHDOG": "1"},
        {"STOPPING": "1"},
    ]


def test_a_reload_carries_its_time(manager: NotifySocket, service: ServiceManager) -> None:
    """Type=notify-reload tells reloads apart by it; it is the monotonic clock, in microseconds."""
    before_us = time.monotonic_ns() // 1000
    service.reloading()
    message = manager.read()
    assert message["RELOADING"] == "1"
    assert before_us <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_status_is_one_line_and_told_once(manager: NotifySocket, service: ServiceManager) -> None:
    """A line break would start another variable, and the same words again are no news."""
    service.status("one\nWATCHDOG=1  two")
    service.status("one\nWATCHDOG=1  two")
    assert manager.waiting() == [{"STATUS": "one WATCHDOG=1 two"}]


def test_nothing_is_told_after_the_end(manager: NotifySocket, service: ServiceManager) -> None:
    """A closed socket is no error."""
    service.close()
    service.ready("late")
    assert not service.is_there
    assert manager.waiting() == []


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1", "/nowhere/at/all", "@nobody"])
def test_where_nobody_listens_nothing_happens(address: str) -> None:
    """No variable, an unknown kind of address, or one that leads nowhere."""
    service = ServiceManager({"NOTIFY_SOCKET": address} if address else {})
    service.ready("listening")
    service.watchdog()
    service.stopping()
    service.close()


def test_a_manager_that_does_not_read_never_holds_us_up(tmp_path: Path) -> None:
    """The socket's queue runs full; what does not fit is left out."""
    with notify_socket(tmp_path) as manager:
        service = ServiceManager({"NOTIFY_SOCKET": manager.address})
        for _ in range(10_000):
            service.watchdog()
        service.close()
        assert 1 <= len(manager.waiting()) < 10_000


def test_ready_waits_for_room(tmp_path: Path) -> None:
    """The start would fail without it: behind a full queue it comes as soon as the manager reads."""
    with notify_socket(tmp_path) as manager:
        service = ServiceManager({"NOTIFY_SOCKET": manager.address})
        for _ in range(1000):
            service.watchdog()
        thread = threading.Thread(target=service.ready, args=("listening",))
        thread.start()
        assert manager.read_until("READY")[-1] == {"READY": "1", "STATUS": "listening"}
        thread.join()
        service.close()


@pytest.mark.parametrize(
    ("variables", "expected_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 30.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "41"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "me"}, None),
    ],
)
def test_the_watchdog_is_on_where_the_manager_says_so(
    variables: dict[str, str], expected_s: float | None
) -> None:
    """The time is ours only if the process number is."""
    assert ServiceManager(variables, pid=42).watchdog_s == expected_s
