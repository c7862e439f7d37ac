"""Checks that every package of the lock has a wheel for aarch64 and x86-64 on Python 3.11 to 3.13.

pip downloads the wheels of systemd/requirements.lock for each platform, so that nothing is compiled on a
small board, and checks their hashes (``--require-hashes``). The exit code is 1 if a package has no
wheel, or one with another hash.

    python scripts/check_wheels.py            all six
    python scripts/check_wheels.py aarch64    one architecture
"""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from make_lock import LOCK, locked_text

PYTHONS: Final = ("3.11", "3.12", "3.13")
ARCHITECTURES: Final = ("aarch64", "x86_64")
GLIBC: Final = range(17, 37)
"""Minor versions of glibc whose wheels run on Debian 12 and its Raspberry Pi OS (glibc 2.36)."""


def pip_command(lock: Path, *, python: str, architecture: str, folder: Path) -> list[str]:
    """The pip command that downloads the wheels of a lock for another platform."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    for minor in reversed(GLIBC):
        command += ["--platform", f"manylinux_2_{minor}_{architecture}"]
    command += ["--platform", f"manylinux2014_{architecture}", "--dest", str(folder)]
    return [*command, "--require-hashes", "--requirement", str(lock)]


def main(arguments: Sequence[str]) -> int:
    """Download the wheels for each platform, and print their names."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("architectures", nargs="*", metavar="ARCHITECTURE", help="default: both")
    args = parser.parse_args(arguments)
    if unknown := set(args.architectures) - set(ARCHITECTURES):
        parser.error(f"got {unknown.pop()!r}, expected one of: {', '.join(ARCHITECTURES)}")
    n_failed = 0
    for architecture in args.architectures or ARCHITECTURES:
        for python in PYTHONS:
            with tempfile.TemporaryDirectory(prefix="serd-wheels-") as name:
                lock = Path(name) / "requirements.lock"
                lock.write_text(
                    locked_text(LOCK.read_text("utf-8"), python=python, machine=architecture), "utf-8"
                )
                command = pip_command(lock, python=python, architecture=architecture, folder=Path(name))
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                wheels = sorted(Path(name).glob("*.whl"))
            where = f"{architecture}, Python {python}"
            if done.returncode:
                n_failed += 1
                errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
                print(f"{where}: {'; '.join(errors) or done.stderr[-300:]}", flush=True)
                continue
            built = [wheel.name for wheel in wheels if not wheel.name.endswith("-any.whl")]
            names = ", ".join("-".join(each.split("-")[:2]) for each in built)
            print(f"{where}: {len(wheels)} wheels, compiled: {names}", flush=True)
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
