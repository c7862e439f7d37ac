"""Writes systemd/requirements.lock: every package that the service needs, with version and hashes.

uv resolves the dependencies of the daemon, of its extras ``broker``, ``metrics`` and ``web``, and of the
build. The lock is for all platforms and for Python 3.11 and later. Without ``--upgrade``, versions that
are in it stay as they are.

    python scripts/make_lock.py
    python scripts/make_lock.py --upgrade
"""

import argparse
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

ROOT: Final = Path(__file__).parent.parent
LOCK: Final = ROOT / "systemd" / "requirements.lock"
EXTRAS: Final = ("broker", "metrics", "web")
"""The extras that the service has."""
_HEAD: Final = """\
# The packages of the service, with the hashes of their wheels and archives. Written by `make lock`.
"""


def wanted(pyproject: str) -> list[str]:
    """The requirements of the service and of the build of its wheel.

    Args:
        pyproject: the text of pyproject.toml.
    """
    body = tomllib.loads(pyproject)
    extras: dict[str, list[str]] = body["project"]["optional-dependencies"]
    found: list[str] = body["project"]["dependencies"] + body["build-system"]["requires"]
    return found + [each for name in EXTRAS for each in extras[name]]


def locked(lock: str, *, python: str, machine: str) -> list[Requirement]:
    """The packages that pip takes from a lock on Linux, each with its one version.

    Args:
        lock: the text of the lock.
        python: version of Python, such as "3.11".
        machine: architecture, such as "aarch64".
    """
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": machine,
    }
    found = [requirement for requirement, _ in _entries(lock)]
    return [each for each in found if each.marker is None or each.marker.evaluate(here)]


def locked_text(lock: str, *, python: str, machine: str) -> str:
    """The same packages as lines for pip, with their hashes and without markers.

    pip compares markers with the Python and the machine that it runs on, whatever it downloads for.
    """
    taken = [str(pin) for pin in locked(lock, python=python, machine=machine)]
    return "".join(
        f"{pin.name}{pin.specifier} \\\n{hashes}" for pin, hashes in _entries(lock) if str(pin) in taken
    )


def _entries(lock: str) -> list[tuple[Requirement, str]]:
    """Each package of a lock, with the lines that have its hashes."""
    found: list[tuple[Requirement, str]] = []
    for line in lock.splitlines(keepends=True):
        if line[:1].isalnum():
            found.append((Requirement(line.rstrip(" \\\n")), ""))
        elif line.lstrip().startswith("--hash"):
            requirement, hashes = found.pop()
            found.append((requirement, hashes + line))
    return found


def main(arguments: list[str]) -> int:
    """Write the lock; the exit code is that of uv."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--upgrade", action="store_true", help="use the latest versions")
    args = parser.parse_args(arguments)
    command = [sys.executable, "-m", "uv", "pip", "compile", "-", "--output-file", str(LOCK)]
    command += ["--universal", "--python-version", "3.11", "--generate-hashes", "--no-header"]
    command += ["--no-annotate", "--quiet", *(["--upgrade"] if args.upgrade else [])]
    requirements = "\n".join(wanted((ROOT / "pyproject.toml").read_text("utf-8")))
    done = subprocess.run(command, input=requirements, text=True, cwd=ROOT, check=False)
    if done.returncode == 0:
        LOCK.write_text(_HEAD + LOCK.read_text("utf-8").removeprefix(_HEAD), "utf-8")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
