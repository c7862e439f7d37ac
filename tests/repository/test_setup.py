"""The scripts that install from a checkout: its virtual environment, and the one of the service."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
_PYTHON = """#!/bin/bash
# Stands for Python: notes what it is asked for, and makes virtual environments with a link to itself.
case "$*" in
    "-m venv"*)
        echo "venv ${!#}" >>"$LOG"
        rm -rf "${!#}"; mkdir -p "${!#}/bin"; ln -s "$(readlink -f "$0")" "${!#}/bin/python"
        [ -z "$INTERRUPTED" ] || exit 130
        echo "VIRTUAL_ENV='$(pwd -P)/${!#}'" >"${!#}/bin/activate" ;;
    "-I -c import pip") [ -z "$UPGRADED" ] ;;
    "-m pip"*) echo "pip ${!#}" >>"$LOG" ;;
    *version_info*) [ -z "$TOO_OLD" ] ;;
esac
"""
ALL = ["venv .venv", "pip .[broker,web]"]


def setup_in(checkout: Path, script: str = "setup.sh", **variables: str) -> list[str]:
    """What a script of a checkout asks Python for, and then its error if it fails."""
    log = checkout.parent / "log"
    log.write_text("")
    stubs = checkout.parent / "stubs"
    done = subprocess.run(
        [checkout / "scripts" / script, "run"],
        env={"PATH": f"{stubs}:{os.environ['PATH']}", "LOG": str(log), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    return [*log.read_text().splitlines(), *([done.stderr.strip()] if done.returncode else [])]


@pytest.mark.parametrize("target", re.findall(r"^([a-z0-9-]+):.*##", MAKEFILE, re.MULTILINE))
def test_a_target_installs_what_it_needs(target: str) -> None:
    """Whoever has just cloned the project can begin with any of them."""
    command = ["make", "--dry-run", "--always-make", f"--directory={ROOT}", target]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    steps = [line for line in printed.splitlines() if ".venv/bin/" in line or "setup.sh" in line]
    assert not steps or "setup.sh" in steps[0]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout in a folder with a space in its name, on a machine that has all packages of Debian."""
    folder = tmp_path / "my serd"
    (folder / "scripts").mkdir(parents=True)
    for name in ("scripts/setup.sh", "scripts/install-service.sh", "scripts/lib.sh", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    stubs = tmp_path / "stubs"
    stubs.mkdir()
    pythons = dict.fromkeys(("python3", "python3.11", "python3.12", "python3.13"), _PYTHON)
    others = {"dpkg-query": "#!/bin/sh\necho ' installed'\n", "id": "#!/bin/sh\necho 0\n"}
    for name, script in (pythons | others).items():
        (stubs / name).write_text(script)
        (stubs / name).chmod(0o755)
    return folder


def test_packages_are_installed_once(checkout: Path) -> None:
    """And again when pyproject.toml has changed."""
    assert setup_in(checkout) == ALL
    assert setup_in(checkout) == []
    with (checkout / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert setup_in(checkout) == ALL[1:]


def test_an_interrupted_installation_is_finished(checkout: Path) -> None:
    """Ctrl-C leaves an environment without pip."""
    assert setup_in(checkout, INTERRUPTED="1") == [ALL[0], "setup: making a virtual environment with"]
    assert setup_in(checkout) == ALL


def test_a_checkout_that_moves_gets_a_new_environment(checkout: Path) -> None:
    """Else it would run the serd of the folder that it was copied from."""
    setup_in(checkout)
    copy = shutil.copytree(checkout, checkout.with_name("copy"), symlinks=True)
    assert setup_in(copy) == ALL
    assert setup_in(checkout) == []


def test_an_upgrade_of_the_systems_python_is_survived(checkout: Path) -> None:
    """The packages of the version before are no longer found."""
    setup_in(checkout)
    assert setup_in(checkout, UPGRADED="1") == ALL


def test_a_python_that_is_named_is_taken_or_refused(checkout: Path) -> None:
    """Another one in its place would surprise."""
    (line,) = setup_in(checkout, PYTHON="python3", TOO_OLD="1")
    assert line == "setup: PYTHON=python3: expected a Python 3.11, 3.12 or 3.13"
    (line,) = setup_in(checkout, TOO_OLD="1")
    assert line.startswith("setup: no Python 3.11, 3.12 or 3.13 found")
    assert setup_in(checkout, PYTHON="python3") == ALL


def test_the_service_is_not_built_in_memory(checkout: Path) -> None:
    """In Debian 13 /tmp is half of the memory, too little on a small board."""
    built, *_ = setup_in(checkout, "install-service.sh", PYTHON="python3")
    assert built.startswith("venv /var/tmp/")
