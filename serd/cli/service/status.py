"""``serd service status``: whether the service runs, its version and its files."""

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

from serd.audio.folders import SERVICE_FOLDER
from serd.cli.doctor.service import run_command
from serd.cli.service.machine import Machine
from serd.cli.service.slots import PROGRAM
from serd.cli.service.system_service import SETTINGS, SYSTEM_UNIT
from serd.daemon.systemd import UNIT

_FIELDS = ("LoadState", "ActiveState", "SubState", "UnitFileState", "StatusText", "FragmentPath")


def show_status(args: argparse.Namespace) -> int:
    """Print the status; the exit code is 0 if the service runs, else 1."""
    machine = Machine(args.root)
    state = _state(["--user"] if args.user else []) if machine.is_this else {}
    is_active = state.get("ActiveState") == "active"
    for name, text in _lines(state, None if args.user else machine):
        print(f"{name:<9} {text}")
    return 0 if is_active else 1


def _state(scope: list[str]) -> dict[str, str]:
    """The state of the unit; empty if systemd does not run."""
    output = run_command(["systemctl", *scope, "show", UNIT, f"--property={','.join(_FIELDS)}"])
    return dict(line.partition("=")[::2] for line in (output or "").splitlines() if "=" in line)


def _lines(state: dict[str, str], machine: Machine | None) -> Iterator[tuple[str, str]]:
    if "LoadState" not in state:
        yield "service", "unknown: systemd does not run here"
    elif state["LoadState"] == "not-found":
        yield "service", "not installed"
    else:
        status = f": {state['StatusText']}" if state.get("StatusText") else ""
        start = f"{state.get('ActiveState')} ({state.get('SubState')}), {state.get('UnitFileState')}"
        yield "service", f"{start}{status}"
        yield "unit", state.get("FragmentPath") or "unknown"
    if machine is None:
        return
    program = machine.path(PROGRAM)
    version = _version(program / "bin" / "python3") if program.exists() else ""
    place = program.resolve() if program.is_symlink() else program
    yield "program", f"{version}, in {place}" if version else "not installed"
    for name, path in (("unit", SYSTEM_UNIT), ("settings", SETTINGS), ("state", str(SERVICE_FOLDER))):
        if (name != "unit" or "FragmentPath" not in state) and machine.path(path).exists():
            yield name, str(machine.path(path))


def _version(python: Path) -> str:
    try:
        done = subprocess.run(
            [python, "-I", "-m", "serd", "--version"],
            capture_output=True,
            text=True,
            check=False,
            timeout=10.0,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "broken"
    return done.stdout.partition("\n")[0] or "broken"
