"""The checks by hand start from any folder, with nothing but the environment that setup.sh makes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize("name", ["check_microphone", "check_recovery", "check_soak"])
def test_a_check_needs_no_pythonpath(name: str, tmp_path: Path) -> None:
    """What they share with the tests is found, since serd is installed as it stands in its folder."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [sys.executable, str(SCRIPTS / f"{name}.py"), "--help"]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {name}.py" in done.stdout
