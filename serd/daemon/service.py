"""The daemon's loop: it handles messages from sources, broker and signals, and publishes reports.

Sources run in threads of their own (``serd.daemon.feeder``). Sound, control commands and signals become
messages in the inbox, and the loop handles one message after another; it blocks only on the inbox.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from serd.audio.opening import SourceOpener, is_live
from serd.daemon.commands import ControlCommand, control_command
from serd.daemon.inbox import Inbox, Message, Request, Tick
from serd.daemon.models import load_models
from serd.daemon.sources import SOURCE_STOP_S, Sources
from serd.daemon.supervisor import Supervisor
from serd.daemon.systemd import ServiceManager
from serd.daemon.watchdog import silence_s
from serd.errors import SerdError
from serd.events.event import Event
from serd.events.reports import Report, StateReport
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.settings.loader import Settings

if TYPE_CHECKING:
    from serd.publishers.editing import SettingsEditor

_log = logging.getLogger("serd.run")

DRAIN_S: Final = 10.0
"""Time for the broker to acknowledge all events once the sound has ended, in seconds."""
STOP_S: Final = 1.5
"""The same after Ctrl-C or SIGTERM, in seconds."""


class Service:
    """Runs the sources and publishers until the sound ends or a stop is requested."""

    def __init__(
        self,
        settings: Settings,
        *,
        load: Callable[[], Settings],
        state_folder: Path,
        opener: SourceOpener,
        manager: ServiceManager,
        wait_for_sources: bool = False,
        publishers: Callable[[Mapping[str, Any], Context], PublisherGroup] = PublisherGroup,
        inbox: Inbox | None = None,
    ) -> None:
        """Load the model and open the sources; ``run`` starts them.

        Args:
            settings: all settings.
            load: loads the settings for a reload.
            state_folder: folder of the files that survive a restart.
            opener: opens sources.
            manager: the service manager, which receives notifications.
            wait_for_sources: whether a source that does not open is retried instead of an error.
            publishers: creates the publishers from their settings.
            inbox: may contain requests already; by default it is empty.

        Raises:
            SerdError: the model does not load, an alert names an emotion that it does not know, or a
                source does not open and is not waited for.
        """
        self.inbox = inbox or Inbox()
        self._settings = settings
        self._load = load
        self._state_folder = state_folder
        self._manager = manager
        self._create_publishers = publishers
        self.editor: SettingsEditor | None = None
        """Changes the settings for the page, if it is set before ``run``."""
        self._stats_at_s = time.monotonic() + settings.report.stats_s
        self._stop_at_s: float | None = None
        self._error: SerdError | None = None
        """The error of the first part that was given up."""
        self.supervisor = Supervisor(self._end_with, silence_s=silence_s(manager))
        """Starts and watches the threads."""
        self.must_restart = False
        """Whether a library hangs, so that only a new process can continue."""
        self.models = load_models(settings)
        """The models of the sources."""
        self._sources = Sources(
            settings,
            self.models,
            self.inbox,
            opener,
            manager,
            self.supervisor,
            state_folder=state_folder,
            wait_for_sources=wait_for_sources,
        )

    def run(self) -> None:
        """Listen and publish until the end.

        Raises:
            SerdError: the only source, a pipeline or another part failed for good, or the broker did
                not acknowledge all events.
        """
        publishers = self._create_publishers(self._settings.publishers, self._context())
        try:
            self._publish(publishers, self._sources.snapshot())
            self._sources.start()
            for message in self.inbox:
                self._publish(publishers, self._handle(message, publishers))
                if self._sources.have_ended or self._is_overdue():
                    break
            self._publish(publishers, self._sources.finish_all())
        finally:
            self._sources.stop()
            self._sources.save_state(is_last=True)
            was_stopped = self._stop_at_s is not None
            publishers.close(STOP_S if was_stopped else DRAIN_S, raises_errors=not was_stopped)
        error = self._error or self._sources.error
        if error is not None and not self.must_restart:
            raise error

    def _handle(self, message: Message, publishers: PublisherGroup) -> Iterator[Report]:
        """Handle one message; yields its reports."""
        match message:
            case Tick():
                yield from self._sources.advance_moods()
                self._sources.save_state()
                if n_replaced := self.inbox.commands.report():
                    _log.warning("%d commands came too fast, and later ones replaced them", n_replaced)
                if message.now_s >= self._stats_at_s:
                    self._stats_at_s = message.now_s + self._settings.report.stats_s
                    yield self._sources.stats()
            case Request(action="stop"):
                self.must_restart = False
                self._manager.stopping()
                self._stop()
            case Request(action="restart"):
                self.must_restart = self._stop_at_s is None
                self._stop()
            case Request(action="reload"):
                yield from self._reload(publishers)
            case Request():
                _log.info("stats: %s", json.dumps(asdict(self._sources.stats())))
            case ControlCommand():
                yield from self._sources.change_control(message)
            case _:
                yield from self._sources.handle(message)

    def _end_with(self, error: SerdError) -> None:
        """End the daemon with an error; any thread may call it."""
        self._error = self._error or error
        self.inbox.put(Request(action="stop"))

    def _stop(self) -> None:
        self._stop_at_s = time.monotonic()
        self._sources.stop()

    def _is_overdue(self) -> bool:
        """Whether a source has not ended in time after a stop."""
        return self._stop_at_s is not None and time.monotonic() > self._stop_at_s + SOURCE_STOP_S

    def _publish(self, publishers: PublisherGroup, reports: Iterator[Report]) -> None:
        for report in reports:
            if isinstance(report, Event):
                self._sources.count_event()
            elif isinstance(report, StateReport):
                self._manager.status(f"{report.source}: {report.emotion}")
            publishers.publish(report)

    def _reload(self, publishers: PublisherGroup) -> Iterator[Report]:
        """Reload the settings and restart the parts they change; wrong settings change nothing."""
        self._manager.reloading()
        try:
            new = self._load()
            models = load_models(new, self.models)
        except SerdError as exc:
            _log.error("the settings are unchanged: %s", exc)
        except Exception as exc:  # noqa: BLE001 - a file that serd cannot even refuse must not end it
            _log.error("the settings are unchanged", exc_info=exc)
        else:
            if new.report.stats_s != self._settings.report.stats_s:
                self._stats_at_s = time.monotonic() + new.report.stats_s
            self._settings, self.models = new, models
            yield from self._sources.apply_settings(new, models)
            publishers.change(new.publishers, self._context(), STOP_S)
            yield from self._sources.snapshot()
            _log.info("settings reloaded")
        self._manager.ready("listening")

    def _context(self) -> Context:
        return Context(
            node=self._settings.node.resolved_name,
            sources=tuple(source.name for source in self._settings.sources),
            is_live=any(map(is_live, self._settings.sources)),
            alerts=self._sources.alerts,
            gone_alerts=self._sources.gone_alerts,
            labels=self.models.labels,
            card=self.models.cards[0],
            homeassistant=self._settings.homeassistant,
            state_folder=self._state_folder,
            threads=self.supervisor,
            command=self._queue_command,
            reload=self._queue_reload,
            settings=self.editor,
        )

    def _queue_reload(self) -> None:
        self.inbox.put(Request(action="reload"))

    def _queue_command(self, source: str, control: str, value: bytes) -> None:
        self.inbox.put(control_command(source, control, value))
