"""Part ``size``: installed bytes of the daemon with its dependencies, and of the article's method."""

import marshal
import platform
import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from bench.context import Context, Measurements
from bench.tables import Section, Table, left_out, rounded
from serd.model.file import default_model_path

_TENSORFLOW: Final = "tensorflow-cpu" if platform.machine() == "x86_64" else "tensorflow"
"""The package for this processor, as in pyproject.toml."""
_PYC_HEADER_BYTES: Final = 16
_N_LARGEST: Final = 8


def measure(_context: Context) -> Measurements:
    """Measure both, with the largest packages of each."""
    daemon, missing = _bytes_of(required_names(distribution("serd").requires or []))
    peer, peer_missing = _bytes_of(("librosa", _TENSORFLOW, "keras"))
    return {
        "serd": _summary(daemon | {"serd with its models": own_bytes()}, missing),
        "peer": None if peer_missing else _summary(peer, peer_missing),
        "left_out": {"librosa-keras": f"not installed: {', '.join(peer_missing)}"}
        if peer_missing
        else {},
    }


def closure(names: Iterable[str]) -> tuple[dict[str, Distribution], list[str]]:
    """Packages with their dependencies on this machine, by name, and the names of missing ones."""
    found: dict[str, Distribution] = {}
    missing = []
    left = list(names)
    while left:
        name = normalized(left.pop())
        if name in found or name in missing:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        left += required_names(found[name].requires or [])
    return found, missing


def required_names(requirements: Iterable[str]) -> list[str]:
    """The names in the requirements that apply to this machine without any extra."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    names = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            names.append(requirement.name)
    return names


def normalized(name: str) -> str:
    """A package's name, normalized as in PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_bytes(package: Distribution) -> int:
    """Size of all installed files of a package, in bytes."""
    paths = {Path(str(package.locate_file(file))) for file in package.files or []}
    return sum(path.stat().st_size for path in paths if path.is_file())


def _bytes_of(names: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    found, missing = closure(names)
    return {name: installed_bytes(package) for name, package in found.items()}, missing


def own_bytes() -> int:
    """Size of serd with its models as pip installs them, in bytes."""
    models = default_model_path().parent
    files = [*(models.parent / "serd").rglob("*"), *models.rglob("*")]
    installed = [path for path in files if path.is_file() and path.suffix != ".pyc"]
    return sum(path.stat().st_size + compiled_bytes(path) for path in installed)


def compiled_bytes(path: Path) -> int:
    """Size of the file that Python makes of a module, in bytes; 0 for a file that is no module."""
    if path.suffix != ".py":
        return 0
    return _PYC_HEADER_BYTES + len(marshal.dumps(compile(path.read_bytes(), str(path), "exec")))


def _summary(sizes: Mapping[str, int], missing: list[str]) -> dict[str, Any]:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_N_LARGEST]
    return {
        "bytes": sum(sizes.values()),
        "n_packages": len(sizes),
        "largest": dict(largest),
        "missing": missing,
    }


def section(measured: Measurements) -> Section:
    """The section of the report."""
    pairs = [("serd with its dependencies", measured["serd"])]
    if measured["peer"]:
        pairs.append(("(b): librosa, TensorFlow and Keras", measured["peer"]))
    rows = tuple((name, _megabytes(each["bytes"]), str(each["n_packages"])) for name, each in pairs)
    largest = tuple((name, _megabytes(n_bytes)) for name, n_bytes in measured["serd"]["largest"].items())
    return Section(
        title="Size",
        about="Installed bytes, with compiled Python as pip leaves it, without Python itself.",
        tables=[
            Table(head=("", "MB", "packages"), rows=rows),
            Table(head=("largest of serd's", "MB"), rows=largest),
        ],
        notes=left_out(measured),
    )


def _megabytes(n_bytes: float) -> str:
    return rounded(n_bytes / 1e6)
