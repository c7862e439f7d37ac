"""``serd service`` installs the running serd below a folder in place of the machine's root."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from serd import __version__
from serd.cli import main
from serd.cli.service import program
from serd.cli.service.user_service import UserService
from serd.errors import OperationError

ROOT = Path(__file__).parents[3]


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


def test_install_and_uninstall(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All files are in place, the program runs alone, and uninstall leaves settings and state."""
    where = ["--root", str(tmp_path)]
    assert main(["service", "install", "--small-board", *where]) == 0
    messages = capsys.readouterr().err
    first = tree(tmp_path)
    unit = (ROOT / "systemd" / "serd.service").read_bytes()
    assert first["etc/systemd/system/serd.service"] == (0o644, unit)
    wants = "etc/systemd/system/multi-user.target.wants/serd.service"
    assert first[wants][1] == b"/etc/systemd/system/serd.service"
    mode, settings = first["etc/serd/serd.toml"]
    assert mode == 0o640
    assert tomllib.loads(settings.decode())["history"] == {"enabled": True}
    assert re.search(
        rb"^serd:x:\d+:\d+:[^:]*:/var/lib/serd:\S*nologin$", first["etc/passwd"][1], re.MULTILINE
    )
    assert re.search(rb"^audio:x:\d+:serd$", first["etc/group"][1], re.MULTILINE)
    assert first["usr/local/bin/serd"][1] == b"/opt/serd/bin/serd"
    assert first["etc/serd/conf.d/small-board.toml"][0] == 0o644
    assert "systemd does not run here" in messages

    python = tmp_path / "opt/serd/bin/python3"
    script = (tmp_path / "opt/serd/bin/serd").read_text().splitlines()
    assert script[0] == "#!/opt/serd-slots/a/bin/python3"
    command = [python, "-I", "-c", "import serd, amqtt; print(serd.__file__, serd.__version__)"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    path, version = done.stdout.split()
    assert version == __version__
    assert Path(path).is_relative_to((tmp_path / "opt").resolve())
    assert not [*tmp_path.rglob("tensorflow"), *tmp_path.rglob("pytest")]

    assert main(["service", "status", *where]) == 1
    assert f"serd {__version__}" in capsys.readouterr().out
    assert main(["service", "uninstall", *where]) == 0
    messages = capsys.readouterr().err
    left = set(tree(tmp_path))
    assert not list((tmp_path / "opt").iterdir())
    gone = {"etc/systemd/system/serd.service", wants, "usr/local/bin/serd"}
    assert set(first) - left == gone
    assert "etc/serd" in messages
    assert "var/lib/serd" in messages
    assert main(["service", "uninstall", *where]) == 0


def test_a_python_that_the_service_cannot_reach_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The unit hides home folders, and uv keeps its Pythons in one."""
    monkeypatch.setattr(sys, "_base_executable", "/home/pi/.local/share/uv/python/bin/python3.12")
    with pytest.raises(OperationError, match=r"--python /usr/bin/python3"):
        program.base_python()


def test_the_packages_of_a_service_are_found() -> None:
    """Those that serd needs with its extras, and what these need in turn."""
    names = {str(each.metadata["Name"]).lower() for each in program.needed()}
    assert {"serd", "numpy", "cffi", "amqtt", "prometheus_client"} <= {
        name.replace("-", "_") for name in names
    }
    assert not names & {"tensorflow", "dask", "mypy", "shtab"}


class Systemctl:
    """Notes the calls of systemctl; one of them fails."""

    def __init__(self, failing: str = "") -> None:
        self.calls: list[str] = []
        self._failing = failing

    def run(self, command: Sequence[str], _text: str) -> "subprocess.CompletedProcess[str]":
        """Note a call."""
        self.calls.append(" ".join(command))
        code = int(bool(self._failing) and self._failing in command)
        return subprocess.CompletedProcess(command, code, "", "no such bus")


def test_the_service_of_a_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its unit starts this environment's serd; new settings are private, and those of the user stay."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "my 1% env"))
    command = tmp_path / "my 1% env" / "bin" / "serd"
    command.parent.mkdir(parents=True)
    command.touch()
    systemctl = Systemctl()
    service = UserService({"HOME": str(tmp_path)}, systemctl.run)
    service.install()
    unit = tmp_path / ".config/systemd/user/serd.service"
    assert f'ExecStart="{str(command).replace("%", "%%")}" run --wait\n' in unit.read_text()
    assert "/opt/serd" not in unit.read_text()
    settings = tmp_path / ".config/serd/serd.toml"
    assert settings.stat().st_mode & 0o777 == 0o600
    assert systemctl.calls[-1] == "systemctl --user restart serd.service"
    settings.write_text("[node]\n")
    service.install()
    service.uninstall()
    assert settings.read_text() == "[node]\n"
    assert not unit.exists()


def test_a_user_without_systemd_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error has what systemctl said."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/serd").touch()
    with pytest.raises(OperationError, match="daemon-reload failed: no such bus"):
        UserService({"HOME": str(tmp_path)}, Systemctl("daemon-reload").run).install()


def test_the_page_is_off_where_its_packages_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A wheel that is installed without extras gives services that start, and says what is missing."""
    program_file = tmp_path / "bin" / "serd"
    program_file.parent.mkdir()
    program_file.touch()
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert main(["service", "install", "--root", str(tmp_path)]) == 0
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    UserService({"HOME": str(tmp_path)}, Systemctl().run).install()
    for file in ("etc/serd/serd.toml", ".config/serd/serd.toml"):
        settings = tomllib.loads((tmp_path / file).read_text("utf-8"))
        assert settings["history"] == {"enabled": True}
        assert settings["web"] == {}
    told = "the page is off, since its packages are missing; serd[web] has them"
    assert capsys.readouterr().err.count(told) == 2
