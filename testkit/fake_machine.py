"""A machine in a folder, with a fake of systemd, on which an installation can be cut."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from serd.cli.service.machine import Machine, systemd_folder
from serd.cli.service.system_service import SystemService
from serd.daemon.systemd import UNIT
from serd.errors import OperationError


class FakeMachine:
    """A folder in place of a machine's root, on which systemd seems to run.

    Versions are words. "untried" fails at its trial; as a service, "unready" does not start, "stopped"
    ends, and "restarted" changes its process.
    """

    def __init__(self, root: Path, step: Callable[[], None] = lambda: None) -> None:
        """Make the folder, unless it is there.

        Args:
            root: the folder.
            step: is called at each run of a program.
        """
        self.root = root
        self._step = step
        self._n_shown = 0
        (root / "run/systemd/system").mkdir(parents=True, exist_ok=True)

    def copy(self, root: Path) -> "FakeMachine":
        """A machine with the same files."""
        shutil.copytree(self.root, root, symlinks=True)
        return FakeMachine(root, self._step)

    def service(self, version: str) -> SystemService:
        """The installer of a version."""

        def copy(slot: Path, seen_at: Path) -> None:
            shutil.rmtree(slot, ignore_errors=True)
            (slot / "bin").mkdir(parents=True)
            (slot / "pyvenv.cfg").write_text("home = /usr/bin\n")
            (slot / "bin" / "serd").write_text(version)
            (slot / "systemd").mkdir()
            shutil.copyfile(systemd_folder() / UNIT, slot / "systemd" / UNIT)
            if version == "untried":
                raise OperationError("the copy of serd does not work")

        return SystemService(Machine(self.root, self._run), copy=copy, steady_s=0.0)

    @property
    def installed_version(self) -> str:
        """The version in use; empty without one."""
        return _text(self.root / "opt/serd/bin/serd")

    @property
    def running_version(self) -> str:
        """The version that the service runs; empty before its first start."""
        return _text(self.root / "running")

    @property
    def unit(self) -> Path:
        """The system unit."""
        return self.root / "etc/systemd/system" / UNIT

    def _run(self, command: Sequence[str], _text: str = "") -> "subprocess.CompletedProcess[str]":
        try:
            self._step()
        except OSError:
            return subprocess.CompletedProcess(command, 1, "", "it fails")
        code, output = 0, ""
        match list(command):
            case ["systemd-sysusers", *_]:
                (self.root / "etc/group").write_text(f"audio:x:29:serd\nserd:x:{os.getgid()}:\n")
            case ["systemctl", ("restart" | "try-restart"), *_]:
                (self.root / "running").write_text(self.installed_version)
                code = int(self.installed_version in {"", "unready"})
            case ["journalctl", *_]:
                output = "no microphone"
            case ["systemctl", "show", "--property=MainPID", *_]:
                self._n_shown += 1
                output = str(self._n_shown) if self.running_version == "restarted" else "7"
            case ["systemctl", "show", "--property=ActiveState", *_]:
                output = "failed" if self.running_version == "stopped" else "active"
        return subprocess.CompletedProcess(command, code, f"{output}\n", "")


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""
