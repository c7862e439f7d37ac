"""Where events and reports go.

A publisher is one module in this folder. It declares ``SECTION`` (the name of its table in the
settings), ``Settings`` (a frozen dataclass) and ``create``; adding the file is all it takes. One that
keeps events until they are delivered declares ``KEEPS_EVENTS = True`` and is told before the others.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast

from serd.events.reports import Report
from serd.mqtt.homeassistant import DiscoverySettings


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
    labels: tuple[str, ...] = ()
    """Classes of the model."""
    homeassistant: DiscoverySettings = field(default_factory=DiscoverySettings)
    """Whether and where the node is described to Home Assistant."""
    state_folder: Path | None = None
    """Where a publisher may keep what outlives a restart; None for nowhere. It need not exist yet."""


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
    """All modules in this folder that declare a publisher, by their section, in the order of telling."""
    modules = (
        importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)
    )
    publishers = [cast("PublisherModule", each) for each in modules if hasattr(each, "SECTION")]
    # An event must be in safe keeping before anybody reads of it.
    publishers.sort(key=lambda publisher: not getattr(publisher, "KEEPS_EVENTS", False))
    return {publisher.SECTION: publisher for publisher in publishers}
