"""``serd doctor`` checks the systemd unit and the watchdog."""

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
    ("output", "verdict", "text"),
    [
        (None, "skipped", "does not run on this machine"),
        ("", "skipped", "does not run on this machine"),
        ("LoadState=not-found\nActiveState=inactive\n", "skipped", "sudo serd service install"),
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
def test_the_state_of_the_unit_is_found(output: str | None, verdict: str, text: str) -> None:
    """The states are those of systemctl show."""
    finding = next(service_findings({}, lambda _command: output))
    assert finding.check == "service"
    assert finding.verdict == verdict
    assert text in finding.text


def test_the_watchdog_of_this_process_is_named(tmp_path: Path) -> None:
    """The doctor may run as a service itself."""

    def watchdog(variables: dict[str, str]) -> Finding:
        return list(service_findings(variables, lambda _command: None))[1]

    with notify_socket(tmp_path) as manager:
        variables = {"NOTIFY_SOCKET": manager.address}
        assert "without WatchdogSec" in watchdog(variables).text
        finding = watchdog(variables | {"WATCHDOG_USEC": "30000000"})
        assert finding.verdict is Verdict.OK
        assert "a timeout of 30 s" in finding.text
        assert manager.waiting() == []
    assert watchdog({}).verdict is Verdict.SKIPPED
