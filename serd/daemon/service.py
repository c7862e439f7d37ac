"""The daemon: one loop that takes messages from sources, broker and signals, and publishes what follows.

Nothing here waits but the inbox. Sources live in threads of their own (``serd.daemon.feeder``); what
they hear, and everything else that happens, becomes a message, and messages are dealt with one by one.
"""

import json
import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from serd import __version__
from serd.audio.opening import SourceOpener
from serd.daemon.inbox import ControlCommand, Inbox, Message, Request, Tick
from serd.daemon.sources import SOURCE_STOP_S, Sources
from serd.daemon.systemd import ServiceManager
from serd.errors import SerdError
from serd.events.event import Event
from serd.events.reports import Report, StateReport
from serd.model.runtime import TfliteModel, load_model
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.settings.loader import Settings

_log = logging.getLogger("serd.run")

DRAIN_S: Final = 10.0
"""How long events may take to be acknowledged once the sound has ended."""
STOP_S: Final = 1.5
"""How long they may take after Ctrl-C or SIGTERM."""


class Service:
    """Listens and publishes until the sound ends or it is asked to stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        reload: Callable[[], Settings],
        folder: Path,
        opener: SourceOpener,
        manager: ServiceManager,
        waits: bool = False,
        publishers: Callable[[Mapping[str, Any], Context], PublisherGroup] = PublisherGroup,
    ) -> None:
        """Load the model and open what can be opened; nothing is heard before ``run``.

        Args:
            settings: of everything.
            reload: reads the settings again.
            folder: where what outlives a restart is kept.
            opener: opens sources.
            manager: who started the daemon, and is told how it fares.
            waits: whether a source that is not there yet is waited for.
            publishers: makes them from their settings.

        Raises:
            SerdError: no model, or no source and nothing to wait for.
        """
        self.inbox = Inbox()
        self._settings = settings
        self._reload = reload
        self._folder = folder
        self._manager = manager
        self._make_publishers = publishers
        self._stats_at_s = time.monotonic() + settings.report.stats_s
        self._stop_at_s: float | None = None
        self.must_restart = False
        """Whether a library hangs, so that only a new process can go on."""
        self._model = _model(settings)
        self._sources = Sources(
            settings, self._model, self.inbox, opener, manager, folder=folder, waits=waits
        )

    def run(self) -> None:
        """Listen and publish.

        Raises:
            SerdError: the only source failed and does not come back, or events were left that no
                broker took.
        """
        publishers = self._make_publishers(self._settings.publishers, self._context())
        try:
            self._publish(publishers, self._sources.present())
            self._sources.start()
            for message in self.inbox:
                self._publish(publishers, self._answer(message, publishers))
                if self._sources.are_over or self._is_overdue():
                    break
            self._publish(publishers, self._sources.silence_all())
        finally:
            self._sources.stop()
            is_stopped = self._stop_at_s is not None
            publishers.close(STOP_S if is_stopped else DRAIN_S, is_patient=not is_stopped)
        if self._sources.error is not None and not self.must_restart:
            raise self._sources.error

    def _answer(self, message: Message, publishers: PublisherGroup) -> Iterator[Report]:
        """What follows from one message."""
        match message:
            case Tick():
                if message.now_s >= self._stats_at_s:
                    self._stats_at_s = message.now_s + self._settings.report.stats_s
                    yield self._sources.stats()
            case Request(what="stop"):
                self.must_restart = False
                self._manager.stopping()
                self._stop()
            case Request(what="restart"):
                self.must_restart = self._stop_at_s is None
                self._stop()
            case Request(what="reload"):
                yield from self._take_new_settings(publishers)
            case Request():
                _log.info("stats: %s", json.dumps(asdict(self._sources.stats())))
            case ControlCommand():
                yield from self._sources.change_control(message)
            case _:
                yield from self._sources.answer(message)

    def _stop(self) -> None:
        self._stop_at_s = time.monotonic()
        self._sources.stop()

    def _is_overdue(self) -> bool:
        """Whether a source does not stop though it was told to."""
        return self._stop_at_s is not None and time.monotonic() > self._stop_at_s + SOURCE_STOP_S

    def _publish(self, publishers: PublisherGroup, reports: Iterator[Report]) -> None:
        for report in reports:
            if isinstance(report, Event):
                self._sources.count_event()
            elif isinstance(report, StateReport):
                self._manager.status(f"{report.source}: {report.emotion}")
            publishers.publish(report)

    def _take_new_settings(self, publishers: PublisherGroup) -> Iterator[Report]:
        """Read the settings again and start anew what they change; nothing if they are wrong."""
        self._manager.reloading()
        try:
            new = self._reload()
            model = self._model if new.model == self._settings.model else _model(new)
        except SerdError as exc:
            _log.error("the settings stay as they were: %s", exc)
        else:
            if new.report.stats_s != self._settings.report.stats_s:
                self._stats_at_s = time.monotonic() + new.report.stats_s
            self._settings, self._model = new, model
            yield from self._sources.change(new, model)
            try:
                publishers.change(new.publishers, self._context(), STOP_S)
            except SerdError as exc:
                _log.error("%s", exc)
            yield from self._sources.present()
            _log.info("the settings were read again")
        self._manager.ready("listening")

    def _context(self) -> Context:
        return Context(
            node=self._settings.node.resolved_name,
            sources=tuple(source.name for source in self._settings.sources),
            labels=self._model.card.labels,
            homeassistant=self._settings.homeassistant,
            state_folder=self._folder,
            command=self._command,
        )

    def _command(self, source: str, control: str, value: bytes) -> None:
        self.inbox.put(ControlCommand(source=source, control=control, value=value))


def _model(settings: Settings) -> TfliteModel:
    model = load_model(settings.model)
    card = model.card
    _log.info("version %s, model %s %s on %s", __version__, card.name, card.version, model.runtime)
    return model
