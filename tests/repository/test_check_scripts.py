"""The check scripts start from any folder in the environment that setup.sh creates."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "name",
    [
        "check_archive",
        "check_chaos",
        "check_flood",
        "check_microphone",
        "check_model_swap",
        "check_recovery",
        "check_rtsp",
        "check_soak",
        "check_streaming",
        "check_web",
        "check_web_load",
    ],
)
def test_a_check_needs_no_pythonpath(name: str, tmp_path: Path) -> None:
    """The scripts find testkit, since serd is installed in editable mode."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {name}.py" in done.stdout
