"""Two slots for the program, so that a new version never touches the one that runs.

    /opt/serd              a link to the slot in use; the unit starts /opt/serd/bin/serd
    /opt/serd-slots/a, b   a virtual environment each, with the unit of its version in systemd/

A slot with the file "healthy" has been tried. The link changes in one step. An interrupted
installation leaves the link on a complete slot or away, and ``mend`` repairs what is left.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Final

from serd.cli.service.machine import Machine, remove, replace_file, say
from serd.daemon.systemd import UNIT
from serd.errors import OperationError

PROGRAM: Final = "/opt/serd"
SLOTS: Final = "/opt/serd-slots"
_LOCK_TIMEOUT_S: Final = 120.0


class Slots:
    """The slots of a machine."""

    def __init__(self, machine: Machine) -> None:
        """Describe the slots without changing them."""
        self._machine = machine
        self._link = machine.path(PROGRAM)
        self._folder = machine.path(SLOTS)
        self._unit = machine.path(f"/etc/systemd/system/{UNIT}")

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for another installation, and keep later ones out meanwhile.

        Raises:
            OperationError: the other one does not end in two minutes.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as file:
            _lock(file)
            yield

    @property
    def in_use(self) -> Path | None:
        """The slot that the link names; None without a link."""
        return self._folder / self._link.readlink().name if self._link.is_symlink() else None

    def other(self, slot: Path | None) -> Path:
        """The slot that is not the given one."""
        first = self._folder / "a"
        return self._folder / "b" if slot == first else first

    def use(self, slot: Path) -> None:
        """Make a slot the one in use, with its unit."""
        os.sync()  # what the link names must be on the disk before the link
        new = self._link.with_name(f"{self._link.name}.new")
        remove(new)
        new.symlink_to(f"{self._folder.name}/{slot.name}")
        new.replace(self._link)
        unit = slot / "systemd" / UNIT
        if unit.exists():
            replace_file(self._unit, unit.read_bytes(), 0o644)

    def keep(self, slot: Path) -> None:
        """Note that a slot has been tried, and remove the other."""
        (slot / "healthy").touch()
        os.sync()
        remove(self.other(slot))

    def mend(self) -> None:
        """Repair what an interrupted installation left, or convert the layout without slots.

        Raises:
            OperationError: a folder of somebody else is in the way.
        """
        if self._link.is_dir() and not self._link.is_symlink():
            self._adopt_folder()
        current = self.in_use
        if current is not None and (current / "healthy").exists():
            unit = current / "systemd" / UNIT
            if self._unit.exists() and _content(unit) not in {None, _content(self._unit)}:
                self.use(current)
            return
        for slot in (self._folder / "a", self._folder / "b"):
            if (slot / "healthy").exists():
                say("an earlier installation was interrupted; the version before it is in use again")
                self.use(slot)
                if self._machine.is_running:
                    self._machine.read_units()
                    self._machine.restart(waits=False)
                return

    def remove(self) -> None:
        """Remove the program, but no folder of somebody else."""
        if self._link.is_symlink() or (self._link / "pyvenv.cfg").exists():
            remove(self._link)
        remove(self._link.with_name(f"{self._link.name}.new"))
        remove(self._folder)

    def _adopt_folder(self) -> None:
        """Turn a folder at /opt/serd, the environment itself before there were slots, into a slot."""
        if (self._link / "bin" / "serd").exists():
            if self._unit.exists():
                replace_file(self._link / "systemd" / UNIT, self._unit.read_bytes(), 0o644)
            (self._link / "healthy").touch()
            remove(self._folder / "a")
            self._link.rename(self._folder / "a")
        elif (self._link / "pyvenv.cfg").exists():
            remove(self._link)
        else:
            with contextlib.suppress(OSError):
                self._link.rmdir()
            if self._link.exists():
                raise OperationError(
                    f"{self._link} is a folder that serd has not made; move it away and try again"
                )


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _lock(file: IO[str]) -> None:
    end_s = time.monotonic() + _LOCK_TIMEOUT_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            if time.monotonic() > end_s:
                raise OperationError(
                    "another installation has been at work for two minutes; try again when it has ended"
                ) from exc
            time.sleep(0.2)
        else:
            return
