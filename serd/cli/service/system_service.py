"""The service of the machine: ``serd.service``, with the program in /opt/serd.

The new version is built beside the old one, tried, and put into use in one step. If the service is not
healthy with it, the old version returns.
"""

import ctypes.util
import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from serd.cli.service.machine import (
    Machine,
    remove,
    say,
    systemd_folder,
    write_fragments,
    write_settings,
)
from serd.cli.service.program import base_python, copy_program
from serd.cli.service.slots import PROGRAM, SLOTS, Slots
from serd.errors import OperationError

SETTINGS: Final = "/etc/serd/serd.toml"
COMMAND: Final = "/usr/local/bin/serd"
"""The link that puts serd on the PATH, also on that of sudo."""
SYSTEM_UNIT: Final = "/etc/systemd/system/serd.service"
_DEBIAN_PACKAGE: Final = "/var/lib/dpkg/info/serd.list"
_STEADY_S: Final = 10.0
"""How long the service must run to be healthy, in seconds."""


class SystemService:
    """Installs and removes the service of a machine."""

    def __init__(
        self,
        machine: Machine,
        *,
        copy: Callable[[Path, Path], None] = copy_program,
        steady_s: float = _STEADY_S,
    ) -> None:
        """Prepare the installation without changing the machine.

        Args:
            machine: the machine.
            copy: fills a slot with the program; see ``copy_program``.
            steady_s: how long the service must run to be healthy, in seconds.
        """
        self._machine = machine
        self._slots = Slots(machine)
        self._copy = copy
        self._steady_s = steady_s

    def install(self, *fragments: str) -> None:
        """Install or upgrade the service, and start it.

        Args:
            fragments: names of fragments of settings in the folder of the units, which are written.

        Raises:
            OperationError: something is missing or in the way, or the service is not healthy; then the
                earlier version runs again.
        """
        self._check()
        with self._slots.locked():
            self._slots.mend()
            old = self._slots.in_use
            new = self._slots.other(old)
            say(f"copying serd and its packages to {new}")
            self._copy(new, Path(SLOTS) / new.name)
            self._machine.make_user((systemd_folder() / "serd.sysusers").read_text("utf-8"))
            self._write_settings()
            write_fragments(self._machine.path(SETTINGS), fragments)
            self._slots.use(new)
            self._link_command()
            self._start(old, new)

    def uninstall(self) -> None:
        """Remove the service and its program; the settings and the state stay.

        Raises:
            OperationError: the Debian package is installed, or rights are missing.
        """
        self._check_rights("uninstall")
        with self._slots.locked():
            self._machine.disable()
            remove(self._machine.path(SYSTEM_UNIT))
            self._machine.read_units()
            command = self._machine.path(COMMAND)
            if command.is_symlink() and str(command.readlink()).startswith(f"{PROGRAM}/"):
                command.unlink()
            self._slots.remove()
        settings, state = self._machine.path("/etc/serd"), self._machine.path("/var/lib/serd")
        say(f"serd is removed; left are the settings in {settings}, the state in {state}, the user serd")
        say(f"to remove them too: rm -r {settings} {state}; userdel serd")

    def _check(self) -> None:
        self._check_rights("install")
        if shutil.which("systemd-sysusers") is None:
            raise OperationError(
                "there is no systemd on this machine, and the service needs it; serd run works without"
            )
        if self._machine.is_this:
            base_python()
            if ctypes.util.find_library("portaudio") is None:
                say("PortAudio is missing, so no microphone can be opened: apt install libportaudio2")

    def _check_rights(self, action: str) -> None:
        if self._machine.path(_DEBIAN_PACKAGE).exists():
            raise OperationError("serd is here as a Debian package; use apt to upgrade or remove it")
        if self._machine.is_this and os.geteuid() != 0:
            program = Path(sys.prefix) / "bin" / "serd"
            raise OperationError(
                f"the service of the machine needs root: sudo {program} service {action};"
                f" for your desktop alone: serd service {action} --user"
            )

    def _write_settings(self) -> None:
        """Write the settings if there are none; the service alone can read them."""
        settings = self._machine.path(SETTINGS)
        write_settings(settings, 0o640)
        settings.chmod(0o640)
        if os.geteuid() == 0:
            os.chown(settings, -1, self._group())

    def _group(self) -> int:
        """The group of the service."""
        for line in self._machine.path("/etc/group").read_text("utf-8").splitlines():
            name, _, number, *_ = line.split(":")
            if name == "serd":
                return int(number)
        raise OperationError("there is no group serd; systemd-sysusers has not made it")

    def _link_command(self) -> None:
        """Put serd on the PATH, unless there is another one."""
        command = self._machine.path(COMMAND)
        if os.path.lexists(command):
            return
        command.parent.mkdir(parents=True, exist_ok=True)
        command.symlink_to(f"{PROGRAM}/bin/serd")

    def _start(self, old: Path | None, new: Path) -> None:
        machine = self._machine
        if not machine.is_running:
            machine.enable()
            self._slots.keep(new)
            say("systemd does not run here: serd starts with the next boot of a system that has it")
        elif self._is_healthy():
            self._slots.keep(new)
            say("serd runs; see: serd service status, and: journalctl -u serd -f")
            say(f"settings: {machine.path(SETTINGS)}; name your broker there ([mqtt] host)")
        else:
            self._go_back(old, new)

    def _is_healthy(self) -> bool:
        """Start the service; whether it is ready, and some seconds later the same process."""
        self._machine.read_units()
        try:
            self._machine.enable()
        except OperationError as exc:
            say(str(exc))
            return False
        if not self._machine.restart():
            return False
        process = self._machine.property("MainPID")
        time.sleep(self._steady_s)
        return (
            self._machine.property("ActiveState") == "active"
            and self._machine.property("MainPID") == process
        )

    def _go_back(self, old: Path | None, new: Path) -> None:
        reason = self._machine.last_error() or "see: journalctl -u serd -n 50"
        failure = f"the service is not healthy with the new version ({reason})"
        if old is None:
            raise OperationError(
                f"{failure}; there is no earlier version: mend this, and run: systemctl restart serd"
            )
        self._slots.use(old)
        if not self._is_healthy():
            raise OperationError(
                f"{failure}; the earlier version is in use again, and is not healthy either"
            )
        remove(new)
        raise OperationError(f"{failure}; the earlier version runs again")
