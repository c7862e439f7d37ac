"""What ``serd doctor`` says of the unit and of the watchdog."""

from pathlib import Path

import pytest

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.service import service_findings
from testkit.notify_sockets import notify_socket

RUNNING = """LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NRestarts=2
WatchdogUSec=30s
StatusText=happy=0.8
"""


@pytest.mark.parametrize(
    ("said", "verdict", "words"),
    [
        (None, "skipped", "does not run here"),
        ("", "skipped", "does not run here"),
        ("LoadState=not-found\nActiveState=inactive\n", "skipped", "sudo make install-service"),
        ("LoadState=bad-setting\nActiveState=inactive\n", "fail", "does not load"),
        (
            RUNNING,
            "ok",
            "active (running), enabled, watchdog 30s, 2 restarts: happy=0.8",
        ),
        ("LoadState=loaded\nActiveState=inactive\nSubState=dead\n", "skipped", "systemctl start serd"),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\n", "fail", "failed (failed)"),
        ("LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n", "fail", "auto-restart"),
    ],
)
def test_the_unit_is_asked_for(said: str | None, verdict: str, words: str) -> None:
    """In the words of systemctl show."""
    finding = next(service_findings({}, lambda _command: said))
    assert finding.check == "service"
    assert finding.verdict == verdict
    assert words in finding.text


def test_the_watchdog_of_this_process_is_named(tmp_path: Path) -> None:
    """Where the doctor runs as a service itself."""

    def watchdog(variables: dict[str, str]) -> Finding:
        return list(service_findings(variables, lambda _command: None))[1]

    with notify_socket(tmp_path) as manager:
        variables = {"NOTIFY_SOCKET": manager.address}
        assert "without WatchdogSec" in watchdog(variables).text
        finding = watchdog(variables | {"WATCHDOG_USEC": "30000000"})
        assert finding.verdict is Verdict.OK
        assert "each 30 s" in finding.text
        assert manager.waiting() == []
    assert watchdog({}).verdict is Verdict.SKIPPED
