"""Versions of what is installed."""

from importlib.metadata import PackageNotFoundError, version


def package_version(*names: str) -> str:
    """Version of the first of the packages that is installed."""
    for name in names:
        try:
            return version(name)
        except PackageNotFoundError:
            continue
    return "unknown"
