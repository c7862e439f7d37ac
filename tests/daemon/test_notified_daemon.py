"""The whole daemon under a service manager: ready, fed while sound passes, silent when it hangs."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.brokers import DEADLINE_S, free_port
from testkit.daemons import serd
from testkit.notify_sockets import NotifySocket, notify_socket

ALLOWED_S = 3.0


def variables(manager: NotifySocket) -> Mapping[str, str]:
    """What systemd sets, and a broker that is of no interest here."""
    return {
        "NOTIFY_SOCKET": manager.address,
        "WATCHDOG_USEC": str(round(ALLOWED_S * 1e6)),
        "SERD_MQTT_PORT": str(free_port()),
    }


def test_a_life_under_systemd(tmp_path: Path) -> None:
    """READY, then WATCHDOG and a STATUS with the last emotion, then STOPPING."""
    with (
        notify_socket(tmp_path) as manager,
        serd("run", "--source", "demo", home=tmp_path, extra=variables(manager)) as daemon,
    ):
        manager.read_until("READY", 4 * DEADLINE_S)
        deadline = time.monotonic() + 4 * DEADLINE_S
        heard = manager.read_until("WATCHDOG")
        while not any("mic: " in message.get("STATUS", "") for message in heard):
            assert time.monotonic() < deadline, heard
            heard.append(manager.read())
        assert daemon.stop() == 0
        assert "STOPPING" in {name for message in manager.waiting() for name in message}


def test_a_source_that_hangs_makes_the_manager_hear_nothing(tmp_path: Path) -> None:
    """The pipe stays open and gives no more: the watchdog is fed while sound comes, and then starves."""
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
        assert manager.falls_silent(ALLOWED_S)
        stdin.close()
        daemon.wait()
