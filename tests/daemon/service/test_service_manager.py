"""The daemon's loop under a service manager."""

from pathlib import Path

from serd.errors import DeviceError
from serd.model.labels import EMOTIONS
from serd.model.smoothing import SmoothingSettings
from serd.settings.loader import Settings
from testkit.made_sources import MadeSource, Script
from testkit.notify_sockets import NotifySocket, notify_socket
from testkit.services import ScriptedOpener, Start, spoken


def _watched(manager: NotifySocket, watchdog_s: float) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}


def test_the_service_manager_reads_ready_status_watchdog_and_stopping(
    start: Start, tmp_path: Path
) -> None:
    """READY once the source is open, the emotion as status, WATCHDOG while sound arrives, STOPPING."""
    with notify_socket(tmp_path) as manager:
        running = start(
            ScriptedOpener(mic=Script(spoken(stays_open=True))),
            Settings(smoothing=SmoothingSettings(threshold=0.01)),
            environment=_watched(manager, 30.0),
        )
        notifications = manager.read_until("READY")
        notifications += manager.read_until("STATUS")
        assert notifications[-1]["STATUS"].removeprefix("mic: ") in EMOTIONS
        running.end()
        notifications += manager.read_until("STOPPING")
    assert any("WATCHDOG" in message for message in notifications)


def test_a_source_that_blocks_for_ever_starves_the_watchdog(start: Start, tmp_path: Path) -> None:
    """A source without sound or error stops the notifications, so that systemd restarts serd."""
    with notify_socket(tmp_path) as manager:
        start(
            ScriptedOpener(mic=Script(MadeSource(stays_open=True))), environment=_watched(manager, 1.0)
        )
        manager.read_until("READY")
        assert manager.becomes_silent(3.0), "three times the timeout of the watchdog"


def test_retries_of_a_lost_source_feed_the_watchdog(start: Start, tmp_path: Path) -> None:
    """A missing microphone does not restart serd, however long it is missing."""
    missing = [DeviceError("no microphone found")] * 100
    with notify_socket(tmp_path) as manager:
        start(
            ScriptedOpener(mic=Script(*missing)),
            environment=_watched(manager, 6.0),
            wait_for_sources=True,
        )
        manager.read_until("READY")
        for _ in range(3):
            assert "WATCHDOG" in manager.read_until("WATCHDOG")[-1]
