"""The check scripts start from any folder, and see what fails."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import check_flood
import check_wheels
import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
OTHERS = {"check_blueprint", "check_discovery", "check_sandbox"}
"""Two run where Home Assistant is installed, and one has no options, but tests of its own."""
NAMES = sorted({path.stem for path in SCRIPTS.glob("check_*.py")} - OTHERS)


@pytest.mark.parametrize("name", NAMES)
def test_a_check_needs_no_pythonpath(name: str, tmp_path: Path) -> None:
    """The scripts find testkit, since serd is installed in editable mode."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {name}.py" in done.stdout


def test_an_unknown_architecture_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Debian's name of aarch64 is arm64, for which pip would find no wheel of any package."""
    with pytest.raises(SystemExit):
        check_wheels.main(["arm64"])
    assert "got 'arm64', expected one of: aarch64, x86_64" in capsys.readouterr().err


def _step(command: str) -> "subprocess.CompletedProcess[str]":
    """Run a step of chroot.sh, with this machine in place of the new system."""
    code = 'set -euo pipefail; speaker=test; . ./lib.sh; . ./chroot.sh; inside() { "$@"; }; step "$@"'
    return subprocess.run(
        ["bash", "-c", code, "test", "sh", "-c", command],
        cwd=SCRIPTS,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_step_in_a_new_system_has_the_exit_code_of_its_command() -> None:
    """A package that cannot be installed ends the check, whatever is printed."""
    assert _step("exit 0").returncode == 0
    silent, telling = _step("exit 3"), _step("echo Selecting; echo why; exit 3")
    assert (silent.returncode, telling.returncode) == (3, 3)
    assert telling.stdout.splitlines()[-1] == "    why"
    assert "test: exit code 3: sh -c" in telling.stderr


def test_a_flood_that_stops_events_or_answers_is_found() -> None:
    """No event in the flood is none that is late, and without an answer nothing was handled."""
    fine = check_flood.Figures(
        n_commands=1,
        handled_s=0.5,
        late_s=0.1,
        gap_s=2.0,
        quiet_gap_s=1.8,
        watchdog_gap_s=1.0,
        stop_s=0.2,
        exit_code=0,
        growth_mb=0.1,
        n_written=1,
        n_lines=1,
    )
    assert fine.is_fine
    assert not replace(fine, late_s=-0.1, gap_s=12.0).is_fine
    assert not replace(fine, handled_s=float("nan")).is_fine
