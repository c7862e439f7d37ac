"""Checks of serd as a service of systemd."""

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence

from serd.cli.doctor.findings import Finding, fail, ok, skipped
from serd.daemon.systemd import UNIT, ServiceManager

_FIELDS = (
    "LoadState",
    "ActiveState",
    "SubState",
    "UnitFileState",
    "NRestarts",
    "WatchdogUSec",
    "StatusText",
)
_TIMEOUT_S = 10.0

RunCommand = Callable[[Sequence[str]], str | None]
"""Runs a command and returns its output; None if it cannot be run."""


def run_command(command: Sequence[str]) -> str | None:
    """Run a command and return its output; None if it cannot be run."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout


def service_findings(environment: Mapping[str, str], run: RunCommand = run_command) -> Iterator[Finding]:
    """Check the state of the unit, and whether this process has a watchdog."""
    yield _unit_finding(run)
    manager = ServiceManager(environment)
    watchdog_s, is_present = manager.watchdog_s, manager.is_present
    manager.close()
    if watchdog_s is not None:
        yield ok("watchdog", f"systemd watches this process with a timeout of {watchdog_s:g} s")
    elif is_present:
        yield skipped("watchdog", "this process runs under systemd, without WatchdogSec=")
    else:
        yield skipped("watchdog", "this process was not started by systemd as a service")


def _unit_finding(run: RunCommand) -> Finding:
    output = run(["systemctl", "show", UNIT, f"--property={','.join(_FIELDS)}"])
    state = dict(line.partition("=")[::2] for line in (output or "").splitlines())
    if "LoadState" not in state:
        return skipped("service", "systemd does not run on this machine")
    if state["LoadState"] == "not-found":
        return skipped("service", "not installed; to install it: sudo serd service install")
    if state["LoadState"] != "loaded":
        return fail("service", f"{UNIT} does not load", f"systemctl status {UNIT}")
    active = state.get("ActiveState", "")
    start = f"{active} ({state.get('SubState', '')}), {state.get('UnitFileState', '')}"
    if active in {"active", "reloading"}:
        watchdog = f"watchdog {state.get('WatchdogUSec', '0')}"
        restarts = f"{state.get('NRestarts', '0')} restarts"
        status = f": {state['StatusText']}" if state.get("StatusText") else ""
        return ok("service", f"{start}, {watchdog}, {restarts}{status}")
    if active == "inactive":
        return skipped("service", f"{start}; to start it: sudo systemctl start serd")
    return fail("service", start, "see journalctl -u serd -n 50")
