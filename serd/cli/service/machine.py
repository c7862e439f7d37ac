"""The machine that a service is installed on: its root folder, and the programs of systemd."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from serd.cli.config import service_values
from serd.daemon.systemd import UNIT
from serd.errors import OperationError
from serd.settings.files import FRAGMENTS
from serd.settings.template import settings_template

SMALL_BOARD: Final = "small-board.toml"
"""The fragment of settings for small boards, in the folder of the units."""
_TIMEOUT_S: Final = 120.0
"""Longest run of a program, in seconds; a start may take the 90 s of the unit's TimeoutStartSec=."""

Run = Callable[[Sequence[str], str], "subprocess.CompletedProcess[str]"]
"""Runs a command with a text on standard input, and returns its exit code and output."""


def run(command: Sequence[str], text: str = "") -> "subprocess.CompletedProcess[str]":
    """Run a command with a text on standard input.

    Raises:
        OperationError: the program is not there, or does not end in time.
    """
    try:
        return subprocess.run(
            command, input=text, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except FileNotFoundError as exc:
        raise OperationError(
            f"there is no {command[0]} on this machine: the service needs systemd;"
            " serd run works without"
        ) from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise OperationError(f"{' '.join(command)}: {exc}") from exc


def say(text: str) -> None:
    """Print progress on standard error."""
    print(f"serd: {text}", file=sys.stderr, flush=True)


def systemd_folder() -> Path:
    """The folder of the units: inside the package or, in a checkout, beside it."""
    package = Path(__file__).parents[2]
    inside = package / "systemd"
    return inside if inside.is_dir() else package.parent / "systemd"


class Machine:
    """A machine, or the root folder of one."""

    def __init__(self, root: Path = Path("/"), run: Run = run) -> None:
        """Describe the machine without changing it.

        Args:
            root: its root folder.
            run: runs the programs of systemd.
        """
        self.root = root
        self._run = run

    def path(self, name: str) -> Path:
        """The path of a file, which is given with its absolute path on the machine."""
        return self.root / name.lstrip("/")

    @property
    def is_this(self) -> bool:
        """Whether it is the machine that serd runs on, and not a folder."""
        return self.root.resolve() == Path("/")

    @property
    def is_running(self) -> bool:
        """Whether systemd runs on it."""
        return self.path("/run/systemd/system").is_dir()

    def make_user(self, sysusers: str) -> None:
        """Create users and groups.

        Args:
            sysusers: lines of sysusers.d(5).

        Raises:
            OperationError: systemd is not there, or refuses.
        """
        self.path("/etc").mkdir(exist_ok=True)
        self._checked(["systemd-sysusers", f"--root={self.root}", "-"], sysusers)

    def enable(self) -> None:
        """Enable the service at boot.

        Raises:
            OperationError: as ``make_user``.
        """
        self._checked(self._systemctl("enable", "--quiet", UNIT))

    def disable(self) -> None:
        """Stop the service, if systemd runs, and do not start it with the machine any more."""
        self._run(
            self._systemctl("disable", "--quiet", *(["--now"] if self.is_running else []), UNIT), ""
        )

    def read_units(self) -> None:
        """Have systemd read its units again, if it runs."""
        if self.is_running:
            self._run(["systemctl", "daemon-reload"], "")

    def restart(self, *, waits: bool = True) -> bool:
        """Start the service again; return whether it is ready.

        Args:
            waits: whether to wait until it is, and to start one that does not run as well.
        """
        how = ["restart"] if waits else ["try-restart", "--no-block"]
        return self._run(["systemctl", *how, UNIT], "").returncode == 0

    def property(self, name: str) -> str:
        """A property of the unit, as systemctl show gives it."""
        return self._run(["systemctl", "show", f"--property={name}", "--value", UNIT], "").stdout.strip()

    def last_error(self) -> str:
        """The latest error of the service in the journal; empty without one."""
        command = ["journalctl", f"--unit={UNIT}", "--priority=err", "--lines=1", "--output=cat"]
        done = self._run([*command, "--no-pager", "--quiet"], "")
        return done.stdout.strip() if done.returncode == 0 else ""

    def _systemctl(self, *arguments: str) -> list[str]:
        elsewhere = [] if self.is_this else [f"--root={self.root}"]
        return ["systemctl", *([] if self.is_running else elsewhere), *arguments]

    def _checked(self, command: Sequence[str], text: str = "") -> None:
        done = self._run(command, text)
        if done.returncode:
            reason = done.stderr.strip() or f"exit code {done.returncode}"
            raise OperationError(f"{command[0]} failed: {reason}")


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Write a file in one step, so that an interruption leaves the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_bytes(content)
    new.chmod(mode)
    new.replace(path)


def write_settings(settings: Path, mode: int) -> None:
    """Write the settings of a service that starts with the packages that are here, if there are none."""
    if settings.exists():
        say(f"{settings} is kept as it is")
        return
    values = service_values()
    replace_file(settings, settings_template(values).encode(), mode)
    say(f"wrote {settings}, with every setting described")
    if "web" not in values:
        say("the page is off, since its packages are missing; serd[web] has them")


def write_fragments(settings: Path, names: Sequence[str]) -> None:
    """Write fragments of settings from the folder of the units, beside a settings file."""
    folder = settings.parent / FRAGMENTS
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        replace_file(folder / name, (systemd_folder() / name).read_bytes(), 0o644)
        say(f"wrote {folder / name}")


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it is there."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
