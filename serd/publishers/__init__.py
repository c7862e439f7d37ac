"""Where events and reports go.

A publisher is one module in this folder. It declares ``SECTION`` (the name of its table in the
settings), ``Settings`` (a frozen dataclass) and ``create``; adding the file is all it takes.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from serd.reports import Report


class Publisher(Protocol):
    """Takes reports, of which events are one kind."""

    def publish(self, report: Report) -> None:
        """Take one report, or pass over a kind it has no use for; never waits for a subscriber."""
        ...

    def close(self, timeout_s: float) -> None:
        """Hand over what is left, for at most ``timeout_s`` seconds, and end.

        Raises:
            PublishError: something is left that nobody took.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """What a publisher may need to know of the daemon."""

    node: str
    """Name of the machine."""
    sources: tuple[str, ...]
    """Names of the sound sources."""
    command: Callable[[str, str, bytes], None] = lambda _source, _control, _value: None
    """Passes a change of a control on to the daemon: source, control, value."""


class PublisherModule(Protocol):
    """What a module in this folder declares."""

    SECTION: str
    """Name of its table in the settings file."""
    Settings: type[Any]
    """Its settings, a frozen dataclass whose defaults work."""

    def create(self, settings: Any, context: Context) -> Publisher | None:  # noqa: ANN401
        """A publisher that is ready, or None if the settings ask for none."""
        ...


def publisher_modules() -> dict[str, PublisherModule]:
    """All modules in this folder that declare a publisher, by their section."""
    modules = (
        importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)
    )
    publishers = (cast("PublisherModule", each) for each in modules if hasattr(each, "SECTION"))
    return {publisher.SECTION: publisher for publisher in publishers}
