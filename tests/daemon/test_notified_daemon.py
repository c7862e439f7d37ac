"""The whole daemon under a service manager: its start, watchdog, status and stop."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.brokers import DEADLINE_S, free_port
from testkit.daemons import serd
from testkit.notify_sockets import NotifySocket, notify_socket

TIMEOUT_S = 3.0


def variables(manager: NotifySocket) -> Mapping[str, str]:
    """The variables that systemd sets, and a free port for the embedded broker."""
    return {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": str(round(TIMEOUT_S * 1e6)),
        "SERD_MQTT_PORT": str(free_port()),
    }


def test_notifications_from_start_to_stop(tmp_path: Path) -> None:
    """READY, then WATCHDOG and a STATUS with the last emotion, then STOPPING."""
    with (
        notify_socket(tmp_path) as manager,
        serd("run", "--source", "demo", home=tmp_path, extra=variables(manager)) as daemon,
    ):
        manager.read_until("READY", 4 * DEADLINE_S)
        deadline = time.monotonic() + 4 * DEADLINE_S
        messages = manager.read_until("WATCHDOG")
        while not any("mic: " in message.get("STATUS", "") for message in messages):
            assert time.monotonic() < deadline, messages
            messages.append(manager.read())
        assert daemon.stop() == 0
        assert "STOPPING" in {name for message in manager.waiting() for name in message}


def test_a_source_that_hangs_stops_the_notifications(tmp_path: Path) -> None:
    """The watchdog is notified while sound arrives, and no more once the open pipe gives none."""
    with (
        notify_socket(tmp_path) as manager,
        serd(
            "run", "--source", "-", home=tmp_path, stdin=subprocess.PIPE, extra=variables(manager)
        ) as daemon,
    ):
        stdin = daemon.process.stdin
        assert stdin is not None
        stdin.write(bytes(2 * SAMPLE_RATE_HZ))
        stdin.flush()
        manager.read_until("WATCHDOG", 4 * DEADLINE_S)
        assert manager.becomes_silent(TIMEOUT_S)
        stdin.close()
        daemon.wait()
