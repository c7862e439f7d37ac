"""Part ``size``: installed bytes of the daemon with all it imports, and of the article's way."""

import re
from collections.abc import Iterable, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from typing import Any, Final

from bench.context import Context, Figures
from serd.model.file import card_path, default_model_path

_PEER: Final = ("librosa", "tensorflow-cpu", "keras")
_N_LARGEST: Final = 8


def size(_context: Context) -> Figures:
    """Both, with the largest packages of each."""
    own = _own_bytes()
    daemon, missing = _bytes_of(_required("serd"))
    peer, peer_missing = _bytes_of(_PEER)
    return {
        "serd": _summary(daemon | {"serd with its model": own}, missing),
        "peer": None if peer_missing else _summary(peer, peer_missing),
        "left_out": {"librosa-keras": f"not installed: {', '.join(peer_missing)}"}
        if peer_missing
        else {},
    }


def closure(names: Iterable[str]) -> tuple[dict[str, Distribution], list[str]]:
    """Packages with all that they need here, by name, and the names of those that are missing."""
    found: dict[str, Distribution] = {}
    missing = []
    left = list(names)
    while left:
        name = normalised(left.pop())
        if name in found or name in missing:
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            missing.append(name)
            continue
        left += needs(found[name].requires or [])
    return found, missing


def needs(requirements: Iterable[str]) -> list[str]:
    """The names of the requirements that hold on this machine without any extra."""
    from packaging.requirements import Requirement  # noqa: PLC0415

    kept = []
    for text in requirements:
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            kept.append(requirement.name)
    return kept


def normalised(name: str) -> str:
    """A package's name in the one form of PEP 503."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installed_bytes(package: Distribution) -> int:
    """Size of all files that a package has installed, in bytes."""
    paths = {Path(str(package.locate_file(file))) for file in package.files or []}
    return sum(path.stat().st_size for path in paths if path.is_file())


def _required(name: str) -> list[str]:
    return needs(distribution(name).requires or [])


def _bytes_of(names: Iterable[str]) -> tuple[dict[str, int], list[str]]:
    found, missing = closure(names)
    return {name: installed_bytes(package) for name, package in found.items()}, missing


def _own_bytes() -> int:
    package = Path(default_model_path().parent.parent) / "serd"
    files = [path for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    files += [default_model_path(), card_path(default_model_path())]
    return sum(path.stat().st_size for path in files)


def _summary(sizes: Mapping[str, int], missing: list[str]) -> dict[str, Any]:
    largest = sorted(sizes.items(), key=lambda item: -item[1])[:_N_LARGEST]
    return {
        "bytes": sum(sizes.values()),
        "n_packages": len(sizes),
        "largest": dict(largest),
        "missing": missing,
    }
