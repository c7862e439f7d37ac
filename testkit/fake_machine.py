"""A machine in a folder, with fakes of Python, pip and systemd, on which the installer can be cut.

The programs that change something can count their calls, and one call can be chosen at which the run is
killed, or at which the program fails.
"""

import copy
import os
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from serd.errors import InputError

ROOT: Final = Path(__file__).parent.parent
Cut = Literal["kill", "fail"]
"""Whether a run is killed at a call, or the program that it calls fails."""

_CHANGING: Final = ("chmod", "cp", "install", "ln", "mkdir", "mv", "rm", "touch")

_COUNT: Final = """#!/bin/sh
read -r n <"$FAKES/count"; n=$((n + 1)); echo $n >"$FAKES/count"
if [ $n = "$CUT_AT" ]; then
    [ "$CUT" = fail ] && exit 1
    half=1
fi
"""
_CUT: Final = """[ "$half" ] && kill -KILL 0
"""
_REAL: Final = """exec {program} "$@"
"""

_PROBED: Final = """#!/bin/sh
case "$1" in -c | --version) exit 0 ;; esac
"""
"""The installer looks for a Python: an answer that cannot be cut, or it would take a real one."""

_PYTHON: Final = """echo "$*" >>"$FAKES/python-calls"
slot=$(dirname "$(dirname "$0")")
case "$*" in
    "-m venv"*)
        for slot; do :; done
        /bin/rm -rf "$slot"; /bin/mkdir -p "$slot/bin"; echo >"$slot/pyvenv.cfg"
        /bin/cp "$0" "$slot/bin/python"
        [ "$half" ] && kill -KILL 0
        echo >"$slot/pip" ;;
    "-m pip"*--require-hashes*)
        [ -e "$slot/pip" ] || exit 1
        [ "$half" ] && kill -KILL 0
        echo >"$slot/packages" ;;
    "-m pip"*)
        [ -e "$slot/packages" ] || exit 1
        for version; do :; done
        echo "#!$FAKES/serd $version" >"$slot/bin/serd"
        [ "$half" ] && kill -KILL 0
        /bin/chmod +x "$slot/bin/serd" ;;
    *) exit 2 ;;
esac
"""
"""Without an end that is reached, each step leaves half of what it makes."""

_SERD: Final = """#!/bin/sh
version=$1; shift 2
case "$1" in
    --version) echo "$version" ;;
    analyze) [ "$version" != untried ] ;;
    config) for path; do :; done; echo '[mqtt]' >"$path" ;;
esac
"""

_SYSTEMCTL: Final = """version() { "$ROOT/opt/serd/bin/serd" --version; }
for last; do :; done
case "$*" in
    *restart*)
        running=$(version) || exit 1
        echo "$running" >"$ROOT/running"
        [ "$running" != unready ] ;;
    is-active*) read -r running <"$ROOT/running"; [ "$running" != stopped ] ;;
    show*)
        read -r running <"$ROOT/running"
        if [ "$running" = restarted ]; then echo $$; else echo 7; fi ;;
esac
"""

_SYSUSERS: Final = """echo "serd:x:$(id -g):" >"$ROOT/etc/group"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """The end of a run of the installer."""

    code: int
    """Exit code; negative for a signal."""
    messages: str
    """What it wrote to standard error."""
    n_calls: int
    """Number of calls of the programs that are counted, up to the cut."""

    @property
    def is_cut(self) -> bool:
        """Whether the run was killed."""
        return self.code == -signal.SIGKILL


class FakeMachine:
    """A folder in place of a machine's root, on which systemd seems to run."""

    def __init__(self, folder: Path) -> None:
        """Make the fakes.

        Args:
            folder: an empty folder.
        """
        self.root = folder / "root"
        self._fakes = folder / "fakes"
        self._cuts = folder / "cuts"
        for path in (self.root / "run" / "systemd" / "system", self._fakes, self._cuts):
            path.mkdir(parents=True)
        _write(self._fakes / "python", _PROBED + _COUNT + _PYTHON)
        _write(self._fakes / "systemctl", _COUNT + _CUT + _SYSTEMCTL)
        _write(self._fakes / "systemd-sysusers", _COUNT + _CUT + _SYSUSERS)
        _write(self._fakes / "sync", _COUNT + _CUT + "exit 0\n")
        _write(self._fakes / "serd", _SERD)
        for name in _CHANGING:
            _write(self._cuts / name, _COUNT + _CUT + _REAL.format(program=f"/bin/{name}"))

    def copy(self, root: Path) -> "FakeMachine":
        """A machine with the same files, and the same fakes."""
        shutil.copytree(self.root, root, symlinks=True)
        other = copy.copy(self)
        other.root = root
        return other

    def run(
        self,
        action: str,
        version: str,
        *,
        cut_at: int = 0,
        cut: Cut = "kill",
        scope: str = "system",
    ) -> Run:
        """Run the installer.

        Args:
            action: "install" or "uninstall".
            version: what ``serd --version`` prints afterwards. "untried" fails at its trial; as a
                service, "unready" does not start, "stopped" ends, and "restarted" changes its process.
            cut_at: number of the call at which the run is cut, from 1; 0 for none.
            cut: whether the run is killed at that call, or its program fails.
            scope: "system" or "user".
        """
        if "/" in version:
            raise InputError(f"version {version!r}, expected a word")
        folders = [self._fakes, *([self._cuts] if cut_at else []), os.environ["PATH"]]
        (self._fakes / "count").write_text("0\n")
        done = subprocess.run(
            [ROOT / "scripts" / "install-service.sh", action],
            env=os.environ
            | {
                "PATH": os.pathsep.join(map(str, folders)),
                "FAKES": str(self._fakes),
                "ROOT": str(self.root),
                "PYTHON": str(self._fakes / "python"),
                "PACKAGE": version,
                "SCOPE": scope,
                "STEADY_S": "0",
                "CUT_AT": str(cut_at),
                "CUT": cut,
            },
            capture_output=True,
            text=True,
            check=False,
            start_new_session=True,
        )
        n_calls = int((self._fakes / "count").read_text())
        return Run(code=done.returncode, messages=done.stderr, n_calls=n_calls)

    @property
    def installed_version(self) -> str:
        """What ``serd --version`` of the installed program prints; empty if it does not run."""
        try:
            command = [str(self.root / "opt" / "serd" / "bin" / "serd"), "--version"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:
            return ""
        return done.stdout.strip()

    @property
    def running_version(self) -> str:
        """The version that the service runs; empty before its first start."""
        path = self.root / "running"
        return path.read_text().strip() if path.exists() else ""

    @property
    def pip_calls(self) -> list[str]:
        """The arguments of pip in each call."""
        calls = (self._fakes / "python-calls").read_text().splitlines()
        return [call.removeprefix("-m pip ") for call in calls if call.startswith("-m pip ")]


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)
