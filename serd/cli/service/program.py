"""A copy of the running serd, with the packages that it needs, as a virtual environment of its own.

The versions are those that run, so that what a person has tried is what becomes the service, and nothing
is downloaded.
"""

import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Final

import serd
from serd.audio.demo import DEMO_PATH
from serd.cli.service.machine import systemd_folder
from serd.daemon.systemd import UNIT
from serd.errors import OperationError
from serd.model.file import default_model_path

EXTRAS: Final = ("broker", "metrics", "web")
"""The extras that a service can use; those that are not installed are left out."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_EXTRA: Final = re.compile(r"extra\s*==\s*[\"']([^\"']+)[\"']")
_HIDDEN: Final = ("/home/", "/root/", "/run/user/")
"""Folders that the unit hides from the service (ProtectHome=)."""


def base_python() -> Path:
    """The Python of the running environment, which its copies use as well.

    Raises:
        OperationError: it lies in a home folder, where the service cannot reach it.
    """
    python = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    if str(python).startswith(_HIDDEN):
        raise OperationError(
            f"this serd runs on {python}, in a home folder, where the service cannot reach it; install"
            " serd with the Python of the system (pipx install --python /usr/bin/python3 ..., or"
            " uv tool install --python /usr/bin/python3 ...), and run this command again"
        )
    return python


def copy_program(slot: Path, seen_at: Path) -> None:
    """Fill a slot with a copy of the running serd, and try it on the bundled recording.

    Args:
        slot: folder of the copy; what is in it is removed.
        seen_at: path of the slot on the machine that it is for.

    Raises:
        OperationError: a file cannot be copied, or the copy does not work.
    """
    venv.EnvBuilder(clear=True, symlinks=True).create(slot)
    (site_packages,) = slot.glob("lib/python3.*/site-packages")
    for package in needed():
        _copy_package(package, site_packages)
    _copy_serd(site_packages / "serd")
    _write_script(slot / "bin" / "serd", seen_at)
    (slot / "systemd").mkdir()
    shutil.copy(systemd_folder() / UNIT, slot / "systemd" / UNIT)
    python = str(slot / "bin" / "python3")
    # The service may not write below /opt, and would compile its modules at each start. What is compiled
    # already has been copied, with the times that it belongs to.
    _run([python, "-m", "compileall", "-q", "-j", "0", str(site_packages)])
    _run([python, "-I", "-m", "serd", "analyze", str(site_packages / "serd" / "data" / DEMO_PATH.name)])


def needed(name: str = "serd", extras: tuple[str, ...] = EXTRAS) -> list[Distribution]:
    """The installed packages that one needs, itself first, each once."""
    found: dict[str, Distribution] = {}
    _find(name, extras, found)
    return list(found.values())


def _find(name: str, extras: tuple[str, ...], found: dict[str, Distribution]) -> None:
    key = re.sub(r"[-_.]+", "-", name).lower()
    if key in found:
        return
    try:
        found[key] = distribution(name)
    except PackageNotFoundError:  # for another system or Python, or of an extra that is not installed
        return
    for other, its_extras in _requirements(found[key], extras):
        _find(other, its_extras, found)


def _requirements(
    package: Distribution, extras: tuple[str, ...]
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Name and extras of each package that one may need; one too many does no harm."""
    for line in package.requires or ():
        requirement, _, marker = line.partition(";")
        wanted_by = _EXTRA.search(marker)
        if wanted_by is not None and wanted_by[1] not in extras:
            continue
        name = _NAME.match(requirement)
        listed = re.search(r"\[([^]]*)\]", requirement)
        if name is not None:
            yield name[0], tuple(each.strip() for each in listed[1].split(",")) if listed else ()


def _copy_package(package: Distribution, site_packages: Path) -> None:
    """Copy the files of a package that are below site-packages; its programs are not needed."""
    for file in package.files or ():
        if file.is_absolute() or ".." in file.parts:
            continue
        source = Path(str(package.locate_file(file)))
        if source.is_file():
            target = site_packages / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _copy_serd(target: Path) -> None:
    """Copy serd's code, models and units, which are beside it in a checkout."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(serd.__file__).parent, target, dirs_exist_ok=True, ignore=ignored)
    for folder in (default_model_path().parent, systemd_folder()):
        shutil.copytree(folder, target / folder.name, dirs_exist_ok=True, ignore=ignored)


def _write_script(path: Path, seen_at: Path) -> None:
    path.write_text(
        f"#!{seen_at}/bin/python3\nimport sys\n\nfrom serd.__main__ import main\n\nsys.exit(main())\n"
    )
    path.chmod(0o755)


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.returncode}"]
        raise OperationError(f"the copy of serd does not work ({' '.join(command[1:4])}): {lines[-1]}")
