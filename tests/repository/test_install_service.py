"""`make install-service` and `uninstall-service` work on a folder in place of the machine's root."""

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from serd import __version__

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel of serd, built without network access."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def variables(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables of the script; the libraries are those of the tests, so that pip needs no network."""
    lock = tmp_path_factory.mktemp("lock") / "requirements.lock"
    lock.write_text("")
    return {
        "PACKAGE": str(wheel),
        "LOCK": str(lock),
        "PIP_ARGS": "--no-index --ignore-installed",
        "PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path.endswith("site-packages")),
    }


def run(action: str, root: Path, variables: Mapping[str, str]) -> str:
    """Run the script; returns its messages."""
    done = subprocess.run(
        [ROOT / "scripts" / "install-service.sh", action],
        env=os.environ | {"ROOT": str(root)} | dict(variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def tree(root: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of each file outside the program; links by their target."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith("opt/serd") or (path.is_dir() and not path.is_symlink()):
            continue
        content = str(path.readlink()).encode() if path.is_symlink() else path.read_bytes()
        found[name] = (path.lstat().st_mode & 0o777, content)
    return found


def test_install_and_uninstall(tmp_path: Path, variables: dict[str, str]) -> None:
    """All files are in place, the program runs, and uninstall leaves settings and state."""
    messages = run("install", tmp_path, variables)
    first = tree(tmp_path)
    unit = (ROOT / "systemd" / "serd.service").read_bytes()
    assert first["etc/systemd/system/serd.service"] == (0o644, unit)
    wants = "etc/systemd/system/multi-user.target.wants/serd.service"
    assert first[wants][1] == b"/etc/systemd/system/serd.service"
    mode, settings = first["etc/serd/serd.toml"]
    assert mode == 0o640
    assert b"[mqtt]" in settings
    assert tomllib.loads(settings.decode())["history"] == {"enabled": True}
    assert re.search(
        rb"^serd:x:\d+:\d+:[^:]*:/var/lib/serd:\S*nologin$", first["etc/passwd"][1], re.MULTILINE
    )
    assert re.search(rb"^audio:x:\d+:serd$", first["etc/group"][1], re.MULTILINE)
    assert "systemd does not run here" in messages
    assert "serd.toml" in messages

    program = tmp_path / "opt" / "serd" / "bin" / "serd"
    version = subprocess.run(
        [program, "--version"], env=os.environ | variables, capture_output=True, text=True, check=True
    )
    assert version.stdout.strip() == f"serd {__version__}"

    messages = run("uninstall", tmp_path, variables)
    left = set(tree(tmp_path))
    assert not list((tmp_path / "opt").iterdir())
    assert set(first) - left == {"etc/systemd/system/serd.service", wants}
    assert "etc/serd" in messages
    assert "var/lib/serd" in messages
    assert "is removed" in run("uninstall", tmp_path, variables)


@pytest.mark.parametrize(
    ("arguments", "variables", "expected"),
    [
        ([], {}, "install|uninstall"),
        (["instal"], {}, "install|uninstall"),
        (["install"], {"SCOPE": "planet"}, "system or user"),
    ],
)
def test_wrong_arguments_are_refused(
    tmp_path: Path, arguments: list[str], variables: dict[str, str], expected: str
) -> None:
    """Exit code 2 with the expected values, and nothing is installed."""
    done = subprocess.run(
        [ROOT / "scripts" / "install-service.sh", *arguments],
        env=os.environ | {"ROOT": str(tmp_path)} | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert expected in done.stderr
    assert not list(tmp_path.iterdir())
