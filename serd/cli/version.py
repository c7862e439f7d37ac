"""``serd --version``: the version, the build and the models."""

import argparse
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from serd import __version__
from serd.errors import SerdError

_STAMP = Path(__file__).parents[1] / "data" / "build.txt"
_MAX_STAMP_CHARS = 60


class VersionAction(argparse.Action):
    """Prints the version and ends; the models are looked up only then."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,  # noqa: ARG002
        values: str | Sequence[Any] | None,  # noqa: ARG002
        option_string: str | None = None,  # noqa: ARG002
    ) -> None:
        """Print and end with exit code 0."""
        for line in version_lines():
            print(line)
        parser.exit(0)


def version_lines() -> Iterator[str]:
    """Yield the version with its build, and each model that the settings name."""
    yield f"serd {__version__} (build {build()}, Python {platform.python_version()})"
    yield from _model_lines()


def build() -> str:
    """The commit that this serd was built from; "checkout" if it runs from a source tree."""
    try:
        return _STAMP.read_text("utf-8").strip()[:_MAX_STAMP_CHARS] or "unknown"
    except OSError:
        return "checkout"


def _model_lines() -> Iterator[str]:
    # Here, because every command imports this module, and these import NumPy.
    from serd.daemon.models import model_settings  # noqa: PLC0415
    from serd.model.runtime import model_path, read_card  # noqa: PLC0415
    from serd.settings.loader import load_settings  # noqa: PLC0415

    try:
        settings = load_settings()
        for each in dict.fromkeys(model_settings(settings).values()):
            card = read_card(each)
            path = model_path(each)
            yield f"model {card.name} {card.version} ({card.network_sha256[:12]}, {path})"
    except SerdError as exc:
        yield f"model unknown: {exc}"
