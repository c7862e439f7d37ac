"""Publishers: each delivers events and other reports to one kind of subscriber.

A publisher is one module in this folder that declares ``SECTION`` (the name of its table in the
settings), ``Settings`` (a frozen dataclass) and ``create``; see ``PublisherModule``. To add one, add the
file; nothing else changes. A publisher that stores events until they are delivered declares
``KEEPS_EVENTS = True`` and receives each report before the others.
"""

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from serd.events.alert import AlertKey
from serd.events.reports import Report
from serd.model.card import ModelCard
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.threads import Threads
from serd.publishers.editing import SettingsEditor
from serd.publishers.health import BrokerState


class Publisher(Protocol):
    """Delivers reports; an event is one kind of report."""

    def publish(self, report: Report) -> None:
        """Deliver one report, or ignore it; never waits for a subscriber while a source is live.

        Whatever it raises is logged once, and the next report is tried again.
        """
        ...

    def close(self, timeout_s: float) -> None:
        """Deliver the remaining reports within ``timeout_s`` seconds, and end.

        Raises:
            PublishError: some reports could not be delivered.
        """
        ...


@runtime_checkable
class Starting(Protocol):
    """A publisher that holds something which its successor needs, such as a file that it locks.

    At a reload the new publisher is created beside the old one, the old one is closed, and the new one
    is started.
    """

    def start(self) -> None:
        """Take what only one publisher can hold, and begin to work.

        Raises:
            SerdError: that is not available.
        """
        ...


@runtime_checkable
class Adapting(Protocol):
    """A publisher that can follow changes of the daemon. One that cannot is replaced by a new one."""

    def adapt(self, context: "Context") -> bool:
        """Follow a reload that left the settings of this publisher as they are.

        Args:
            context: the daemon, which may have changed.

        Returns:
            Whether the publisher works with it; if not, nothing has changed.
        """
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """The daemon, as far as publishers depend on it."""

    node: str
    """Name of the machine."""
    sources: tuple[str, ...]
    """Names of the audio sources."""
    threads: Threads
    """Starts the threads of publishers that need one."""
    is_live: bool = False
    """Whether a source gives sound that is lost if the daemon waits: no recording, no standard input."""
    broker: Callable[[], BrokerState | None] = lambda: None
    """The connection to the broker; None if no publisher has one. Any thread may call it."""
    command: Callable[[str, str, bytes], None] = lambda _source, _control, _value: None
    """Passes a command to the daemon: source, control, value."""
    alerts: tuple[AlertKey, ...] = ()
    """The alerts of the sources."""
    gone_alerts: tuple[AlertKey, ...] = ()
    """Alerts of earlier settings, whose retained messages are removed."""
    labels: tuple[str, ...] = ()
    """Labels of the model."""
    card: ModelCard | None = None
    """The card of the model."""
    homeassistant: DiscoverySettings = field(default_factory=DiscoverySettings)
    """Home Assistant's discovery of the node."""
    reload: Callable[[], None] = lambda: None
    """Lets the daemon read its settings again, as SIGHUP does. Any thread may call it."""
    settings: SettingsEditor | None = None
    """Describes and changes the settings; None if they cannot be changed."""
    sections: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Settings of all publishers by section, for one that shows what another keeps."""
    state_folder: Path | None = None
    """Folder for files that outlive a restart, which may not exist yet; None for no such folder."""


class PublisherModule(Protocol):
    """The declarations of a module in this folder."""

    SECTION: str
    """Name of its table in the settings file."""
    Settings: type[Any]
    """Its settings: a frozen dataclass whose default values work, with a docstring under each field."""

    def create(self, settings: Any, context: Context) -> Publisher | None:  # noqa: ANN401
        """A publisher that is ready or can be started, or None if the settings disable it.

        At a reload an earlier publisher of this module still works meanwhile.

        Raises:
            SerdError: it cannot work with these settings.
        """
        ...


def publisher_modules() -> dict[str, PublisherModule]:
    """The publishers in this folder by their section, in the order in which they receive reports."""
    modules = (
        importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)
    )
    publishers = [cast("PublisherModule", each) for each in modules if hasattr(each, "SECTION")]
    # An event must be stored before a subscriber of another publisher can see it.
    publishers.sort(key=lambda publisher: not getattr(publisher, "KEEPS_EVENTS", False))
    return {publisher.SECTION: publisher for publisher in publishers}
