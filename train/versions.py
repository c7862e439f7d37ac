"""Versions of what a network is made with."""

import platform
from importlib.metadata import PackageNotFoundError, version

import serd


def versions() -> dict[str, str]:
    """Versions of what a network is made with."""
    return {
        "serd": serd.__version__,
        "tensorflow": _version("tensorflow", "tensorflow-cpu"),
        "keras": _version("keras"),
        "numpy": _version("numpy"),
        "python": platform.python_version(),
    }


def _version(*names: str) -> str:
    """Version of the first of the packages that is installed."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
