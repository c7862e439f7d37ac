"""The daemon: one loop that takes messages from sources, broker and signals, and publishes what follows.

Nothing here waits but the inbox. Sources live in threads of their own (``serd.sources.feeder``); what
they hear, and everything else that happens, becomes a message, and messages are dealt with one by one.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from serd import __version__
from serd.config import Settings
from serd.control_store import ControlStore
from serd.controls import Controls, changed
from serd.errors import InputError, SerdError
from serd.events import Event
from serd.labels import NONE
from serd.notify import ServiceManager
from serd.pipeline import Lane, event_maker
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.reports import (
    AvailabilityReport,
    ControlRefused,
    ControlReport,
    Report,
    SpeechReport,
    StateReport,
    StatsReport,
)
from serd.runtime import TfliteModel, load_model
from serd.sources import Source, SourceSettings
from serd.sources.feeder import Feeder
from serd.sources.inbox import Asked, Command, Ended, Found, Heard, Inbox, Lost, Message, Retried, Tick
from serd.sources.opening import Opener, is_microphone
from serd.stats import Stats
from serd.watchdog import Watchdog

_log = logging.getLogger("serd.run")

DRAIN_S: Final = 10.0
"""How long events may take to be acknowledged once the sound has ended."""
STOP_S: Final = 1.5
"""How long they may take after Ctrl-C or SIGTERM, the sources' end included."""
_SOURCE_STOP_S: Final = 0.7
"""How long a source may take to stop before it is left behind."""


class Service:
    """Listens and publishes until the sound ends or it is asked to stop."""

    def __init__(
        self,
        settings: Settings,
        *,
        reload: Callable[[], Settings],
        folder: Path,
        opener: Opener,
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
        self._opener = opener
        self._waits = waits
        self._manager = manager
        self._unknown = {source.name for source in settings.sources}
        """Sources of which nothing is known yet; READY waits for them."""
        self._watchdog = Watchdog(manager, self._unknown, time.monotonic)
        self._make_publishers = publishers
        self._store = ControlStore(folder)
        self._stats = Stats()
        self._stats_at_s = self._stats.started_s + settings.report.stats_s
        self._stop_at_s: float | None = None
        self._error: SerdError | None = None
        self._leaving: Counter[str] = Counter()
        """Feeders that were told to stop to make room for another of the same name."""
        self._model = self._load_model(settings)
        self._lanes: dict[str, Lane] = {}
        for source in settings.sources:
            self._new_lane(source.name)
        self._feeders = {source.name: self._first_feeder(source) for source in settings.sources}

    def run(self) -> None:
        """Listen and publish.

        Raises:
            SerdError: the only source failed and does not come back, or events were left that no
                broker took.
        """
        publishers = self._make_publishers(self._settings.publishers, self._context())
        try:
            for source in self._lanes:
                self._publish_all(publishers, self._introduce(source))
            for feeder in self._feeders.values():
                feeder.start()
            for message in self.inbox:
                self._publish_all(publishers, self._answer(message, publishers))
                if not self._feeders or self._is_overdue():
                    break
            for source in self._feeders:
                self._publish_all(publishers, self._silence(source))
        finally:
            for feeder in self._feeders.values():
                feeder.stop()
            is_stopped = self._stop_at_s is not None
            publishers.close(STOP_S if is_stopped else DRAIN_S, is_patient=not is_stopped)
        if self._error is not None:
            raise self._error

    def _answer(self, message: Message, publishers: PublisherGroup) -> Iterator[Report]:
        """What follows from one message."""
        match message:
            case Tick():
                yield from self._tick(message.now_s)
            case Asked(what="stop"):
                self._stop()
            case Asked(what="reload"):
                yield from self._take_new_settings(publishers)
            case Asked(what="stats"):
                _log.info("%s", self._stats_report())
            case Ended(source=name) if self._leaving[name]:
                self._leaving[name] -= 1
            case Heard() | Found() | Lost() | Retried() | Ended() if not self._leaving[message.source]:
                yield from self._answer_source(message)
            case Command():
                yield from self._change_control(message)

    def _answer_source(self, message: Heard | Found | Lost | Retried | Ended) -> Iterator[Report]:
        name = message.source
        lane = self._lanes[name]
        self._watchdog.progress(name)
        match message:
            case Heard():
                self._stats.sound_s += message.block.samples.size / 16_000
                yield from lane.hear(message.block)
            case Found():
                _log.info("listening to %s", self._called(name, message.what))
                yield AvailabilityReport(source=name, is_alive=True)
            case Lost():
                _log.warning("%s; trying again", self._called(name, message.reason))
                self._stats.n_source_losses += 1
                yield from self._silence(name)
                self._new_lane(name)
            case Ended():
                self._error = self._error or message.error
                self._stats.retire(self._feeders.pop(name))
                self._watchdog.forget(name)
                yield from self._silence(name)
        self._know(name)

    def _know(self, name: str) -> None:
        """A source is there or known to be away; once that is true of all, the daemon is ready."""
        if name in self._unknown:
            self._unknown.discard(name)
            if not self._unknown:
                self._manager.ready("listening")

    def _silence(self, name: str) -> Iterator[Report]:
        """A source gives no more sound: what is under way ends."""
        lane = self._lanes[name]
        yield from lane.end()
        yield from lane.forget()
        yield AvailabilityReport(source=name, is_alive=False)

    def _introduce(self, name: str) -> Iterator[Report]:
        """What subscribers must know of a source before anything happens."""
        yield ControlReport(source=name, controls=self._lanes[name].controls)
        yield StateReport(source=name, emotion=NONE)
        yield SpeechReport(source=name, is_speaking=False)

    def _change_control(self, command: Command) -> Iterator[Report]:
        lane = self._lanes.get(command.source)
        if lane is None:
            return
        try:
            controls = changed(lane.controls, command.control, command.value)
        except InputError as exc:
            yield ControlRefused(source=command.source, control=command.control, reason=str(exc))
            return
        yield from lane.set_controls(controls)
        self._store.keep(command.source, command.control, controls)
        yield ControlReport(source=command.source, controls=controls)

    def _tick(self, now_s: float) -> Iterator[Report]:
        if now_s >= self._stats_at_s:
            self._stats_at_s = now_s + self._settings.report.stats_s
            yield self._stats_report()

    def _stats_report(self) -> StatsReport:
        return self._stats.report(self._model.card, self._feeders.values(), self._lanes.values())

    def _stop(self) -> None:
        self._stop_at_s = time.monotonic()
        self._manager.stopping()
        for feeder in self._feeders.values():
            feeder.stop()

    def _is_overdue(self) -> bool:
        """Whether a source does not stop though it was told to."""
        return self._stop_at_s is not None and time.monotonic() > self._stop_at_s + _SOURCE_STOP_S

    def _publish_all(self, publishers: PublisherGroup, reports: Iterator[Report]) -> None:
        for report in reports:
            self._stats.n_events += isinstance(report, Event)
            if isinstance(report, StateReport):
                self._manager.status(f"{report.source}: {report.emotion}")
            publishers.publish(report)

    def _take_new_settings(self, publishers: PublisherGroup) -> Iterator[Report]:
        """Read the settings again and start anew what they change; nothing if they are wrong."""
        old = self._settings
        self._manager.reloading()
        try:
            new = self._reload()
            model = self._model if new.model == old.model else self._load_model(new)
        except SerdError as exc:
            _log.error("the settings stay as they were: %s", exc)
            self._manager.ready("listening")
            return
        self._settings, self._model = new, model
        kept = {each.name: each for each in new.sources}
        for source in old.sources:
            if kept.get(source.name) != source:
                yield from self._take_away(source.name)
        try:
            publishers.change(new.publishers, self._context(), STOP_S)
        except SerdError as exc:
            _log.error("%s", exc)
        is_other = (new.pipeline, new.model, new.node) != (old.pipeline, old.model, old.node)
        for source in new.sources:
            name = source.name
            if is_other and name in self._lanes:
                yield from self._lanes[name].end()
                self._new_lane(name)
            if name not in self._feeders:
                self._new_lane(name)
                self._feeders[name] = self._feeder(source, None)
                self._watchdog.progress(name)
                self._feeders[name].start()
            yield from self._introduce(name)
        self._manager.ready("listening")
        _log.info("the settings were read again")

    def _take_away(self, name: str) -> Iterator[Report]:
        feeder = self._feeders.pop(name, None)
        if feeder is not None:
            feeder.stop()
            feeder.join(_SOURCE_STOP_S)
            self._leaving[name] += 1
            self._stats.retire(feeder)
            self._watchdog.forget(name)
            yield from self._silence(name)
        self._stats.n_windows += self._lanes.pop(name).n_windows

    def _load_model(self, settings: Settings) -> TfliteModel:
        model = load_model(settings.model)
        _log.info(
            "version %s, model %s %s on %s",
            __version__,
            model.card.name,
            model.card.version,
            model.runtime,
        )
        return model

    def _new_lane(self, name: str) -> None:
        """A lane without a past, in place of the one that is there."""
        settings = self._settings
        events = event_maker(node=settings.node.resolved_name, source=name, card=self._model.card)
        default = Controls(threshold=settings.smoothing.threshold, cooldown_s=settings.report.cooldown_s)
        controls = self._store.controls(name, default)
        if name in self._lanes:
            self._stats.n_windows += self._lanes[name].n_windows
        self._lanes[name] = Lane(name, self._model, settings.pipeline, events, controls)

    def _first_feeder(self, source: SourceSettings) -> Feeder:
        """A feeder with its source open; one that is not there is an error, or is waited for."""
        opened = None
        try:
            opened = self._opener.open(source)
        except SerdError as exc:
            if not self._waits:
                raise
            _log.warning("%s; waiting for it", self._called(source.name, str(exc)))
        return self._feeder(source, opened)

    def _feeder(self, source: SourceSettings, opened: Source | None) -> Feeder:
        is_alone = len(self._settings.sources) == 1
        return Feeder(
            source.name,
            lambda: self._opener.open(source),
            self.inbox,
            retries=self._waits or not is_alone or is_microphone(source) or source.input == "auto",
            opened=opened,
        )

    def _called(self, name: str, text: str) -> str:
        return text if len(self._settings.sources) == 1 else f"{name}: {text}"

    def _context(self) -> Context:
        return Context(
            node=self._settings.node.resolved_name,
            sources=tuple(source.name for source in self._settings.sources),
            command=self._command,
        )

    def _command(self, source: str, control: str, value: bytes) -> None:
        self.inbox.put(Command(source=source, control=control, value=value))
