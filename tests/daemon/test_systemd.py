"""Notifications to the service manager, on the kinds of socket that systemd uses."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from serd.daemon.systemd import ServiceManager
from testkit.notify_sockets import NotifySocket, notify_socket


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NotifySocket]:
    """The receiving end at each kind of address that systemd uses."""
    with notify_socket(tmp_path, is_abstract=request.param == "abstract") as running:
        yield running


@pytest.fixture
def service(manager: NotifySocket) -> Iterator[ServiceManager]:
    """The daemon's side of that manager."""
    notifier = ServiceManager({"NOTIFY_SOCKET": manager.address})
    yield notifier
    notifier.close()


def test_start_status_watchdog_and_stop_are_notified(
    manager: NotifySocket, service: ServiceManager
) -> None:
    """The variables are those of sd_notify(3)."""
    assert service.is_present
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


def test_a_reload_has_its_time(manager: NotifySocket, service: ServiceManager) -> None:
    """Type=notify-reload requires the monotonic time, in microseconds."""
    before_us = time.monotonic_ns() // 1000
    service.reloading()
    message = manager.read()
    assert message["RELOADING"] == "1"
    assert before_us <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


def test_a_status_is_one_line_and_sent_once(manager: NotifySocket, service: ServiceManager) -> None:
    """A line break would start another variable, and an unchanged status is not repeated."""
    service.status("one\nWATCHDOG=1  two")
    service.status("one\nWATCHDOG=1  two")
    assert manager.waiting() == [{"STATUS": "one WATCHDOG=1 two"}]


def test_nothing_is_sent_after_close(manager: NotifySocket, service: ServiceManager) -> None:
    """A notification to a closed socket is no error."""
    service.close()
    service.ready("late")
    assert not service.is_present
    assert manager.waiting() == []


@pytest.mark.parametrize("address", ["", "relative/path", "vsock:2:1", "/nowhere/at/all", "@nobody"])
def test_without_a_listening_socket_nothing_happens(address: str) -> None:
    """No variable, an unknown kind of address, or an address without a socket."""
    service = ServiceManager({"NOTIFY_SOCKET": address} if address else {})
    service.ready("listening")
    service.watchdog()
    service.stopping()
    service.close()


def test_a_manager_that_does_not_read_does_not_block(tmp_path: Path) -> None:
    """Notifications that do not fit into the socket's queue are dropped."""
    with notify_socket(tmp_path) as manager:
        service = ServiceManager({"NOTIFY_SOCKET": manager.address})
        for _ in range(10_000):
            service.watchdog()
        service.close()
        assert 1 <= len(manager.waiting()) < 10_000


def test_ready_waits_for_room(tmp_path: Path) -> None:
    """Behind a full queue READY is sent as soon as the manager reads, or the start would fail."""
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
def test_the_watchdog_s_timeout_comes_from_the_environment(
    variables: dict[str, str], expected_s: float | None
) -> None:
    """It applies only if WATCHDOG_PID names this process."""
    assert ServiceManager(variables, pid=42).watchdog_s == expected_s
