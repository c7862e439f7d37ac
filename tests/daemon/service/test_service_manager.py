"""The daemon's loop and the service manager that watches it."""

from pathlib import Path

from serd.errors import DeviceError
from serd.model.labels import EMOTIONS
from serd.model.smoothing import SmoothingSettings
from serd.settings.loader import Settings
from testkit.made_sources import MadeSource, Script
from testkit.notify_sockets import NotifySocket, notify_socket
from testkit.services import Openings, Start, spoken


def _watched(manager: NotifySocket, watchdog_s: float) -> dict[str, str]:
    return {"NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}


def test_the_service_manager_reads_ready_status_watchdog_and_stopping(
    start: Start, tmp_path: Path
) -> None:
    """READY once the source is there, the emotion as status, signs of life while sound passes."""
    with notify_socket(tmp_path) as manager:
        running = start(
            Openings(mic=Script(spoken(stays=True))),
            Settings(smoothing=SmoothingSettings(threshold=0.0)),
            environment=_watched(manager, 30.0),
        )
        told = manager.read_until("READY")
        told += manager.read_until("STATUS")
        assert told[-1]["STATUS"].removeprefix("mic: ") in EMOTIONS
        running.end()
        told += manager.read_until("STOPPING")
    assert any("WATCHDOG" in message for message in told)


def test_a_source_that_blocks_for_ever_starves_the_watchdog(start: Start, tmp_path: Path) -> None:
    """Open, but without sound or error: systemd is told nothing more and will start serd anew."""
    with notify_socket(tmp_path) as manager:
        start(Openings(mic=Script(MadeSource(stays=True))), environment=_watched(manager, 1.0))
        manager.read_until("READY")
        assert manager.falls_silent(3.0), "three times as long as the watchdog would wait"


def test_a_source_that_is_away_feeds_the_watchdog(start: Start, tmp_path: Path) -> None:
    """Who looks for the microphone is alive, however long it stays away."""
    away = [DeviceError("no microphone found")] * 100
    with notify_socket(tmp_path) as manager:
        start(Openings(mic=Script(*away)), environment=_watched(manager, 6.0), waits=True)
        manager.read_until("READY")
        for _ in range(3):
            assert "WATCHDOG" in manager.read_until("WATCHDOG")[-1]
