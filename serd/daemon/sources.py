"""The sources of the daemon, each with its feeder, availability and counters."""

import logging
import time
from collections.abc import Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from serd.audio.opening import SourceOpener, is_live
from serd.audio.source import Source, SourceSettings
from serd.daemon.commands import ControlCommand
from serd.daemon.feeder import Feeder, unexpected_error
from serd.daemon.inbox import (
    Inbox,
    SoundReceived,
    SourceEnded,
    SourceLost,
    SourceOpened,
    SourceRetried,
)
from serd.daemon.models import Models
from serd.daemon.pipelines import SourcePipelines
from serd.daemon.stats import Stats
from serd.daemon.supervisor import Supervisor
from serd.daemon.systemd import ServiceManager
from serd.daemon.watchdog import Watchdog
from serd.errors import SerdError
from serd.events.alert import AlertKey
from serd.events.controls import MUTE
from serd.events.reports import AvailabilityReport, Report, StatsReport
from serd.mqtt.topics import NodeTopics
from serd.publishers.mqtt import SECTION as MQTT
from serd.settings.loader import Settings

_log = logging.getLogger("serd.run")

SOURCE_STOP_S: Final = 0.7
"""Longest time that the daemon waits for a source to stop, in seconds."""

SourceMessage = SoundReceived | SourceOpened | SourceLost | SourceRetried | SourceEnded


class Sources:
    """Opens the configured sources, and turns the messages of their feeders into reports."""

    def __init__(
        self,
        settings: Settings,
        models: Models,
        inbox: Inbox,
        opener: SourceOpener,
        manager: ServiceManager,
        supervisor: Supervisor,
        *,
        state_folder: Path,
        wait_for_sources: bool,
    ) -> None:
        """Open the sources; ``start`` starts their feeders.

        Args:
            settings: all settings.
            models: the models of the sources.
            inbox: receives the feeders' messages.
            opener: opens sources.
            manager: receives readiness and the watchdog's notifications.
            supervisor: starts and watches the feeders.
            state_folder: folder of the saved controls, speaker means and alerts.
            wait_for_sources: whether a source that does not open is retried instead of an error.

        Raises:
            SerdError: a source does not open and is not waited for.
        """
        self._settings = settings
        self._models = models
        self._inbox = inbox
        self._opener = opener
        self._manager = manager
        self._wait_for_sources = wait_for_sources
        self._stats = Stats()
        self._alive: dict[str, bool] = {}
        """Availability of each source, once it is known."""
        self._reasons: dict[str, str] = {}
        """Why each source is not available, or what is wrong with its sound."""
        self._logged_problems: set[tuple[str, str]] = set()
        self._supervisor = supervisor
        self._watchdog = Watchdog(manager, supervisor, time.monotonic)
        self._error: SerdError | None = None
        self._pipelines = SourcePipelines(settings, models, inbox, self._stats, state_folder)
        self._feeders: dict[str, Feeder] = {}
        self._n_feeders = 0
        """Feeders made so far."""
        for source in settings.sources:
            self._pipelines.create(source.name)
            self._feeders[source.name] = self._new_feeder(source, self._opened(source))

    @property
    def error(self) -> SerdError | None:
        """The error of the first source, or of the first pipeline, that failed for good."""
        return self._error or self._pipelines.error

    @property
    def have_ended(self) -> bool:
        """Whether all sources have ended."""
        return not self._feeders

    def start(self) -> None:
        """Start all feeders, and log which sources are muted from before."""
        mqtt = self._settings.publishers.get(MQTT)
        for name, feeder in self._feeders.items():
            if self._pipelines[name].controls.mute and mqtt is not None:
                topics = NodeTopics(prefix=mqtt.prefix, node=self._settings.node.resolved_name)
                topic = topics.control_set(name, MUTE)
                _log.warning("%s is muted, as before this start; publish OFF to %s", name, topic)
            feeder.start()

    def stop(self) -> None:
        """Request the end of all sources; a message in the inbox confirms each."""
        for feeder in self._feeders.values():
            feeder.stop()

    def snapshot(self) -> Iterator[Report]:
        """Yield the controls, state, mood, presence of speech and availability of each source."""
        for name, pipeline in self._pipelines.items():
            yield from pipeline.snapshot()
            if name in self._alive:
                yield self._availability(name)

    def stats(self) -> StatsReport:
        """The statistics since the start."""
        return self._stats.totals(
            self._models.description, self._feeders.values(), self._pipelines.values()
        )

    @property
    def alerts(self) -> tuple[AlertKey, ...]:
        """The alerts of all sources."""
        return self._pipelines.moods.alerts

    @property
    def gone_alerts(self) -> tuple[AlertKey, ...]:
        """The alerts of earlier settings."""
        return self._pipelines.moods.gone_alerts

    def advance_moods(self) -> Iterator[Report]:
        """Advance the moods to the present, also without sound; yields their reports."""
        return self._pipelines.moods.advance()

    def count_event(self) -> None:
        """Count a published event."""
        self._stats.n_events += 1

    def handle(self, message: SourceMessage) -> Iterator[Report]:
        """Handle a message of a feeder; yields its reports. One of a removed feeder is dropped."""
        name = message.source
        feeder = self._feeders.get(name)
        if feeder is None or feeder.number != message.feeder:
            return
        feeder.progress()
        self._watchdog.progress()
        match message:
            case SoundReceived(block=block):
                self._stats.count_sound(block)
                yield from self._note_problem(name, block.problem)
                yield from self._pipelines.process(name, block)
                pipeline = self._pipelines[name]
                if warning := pipeline.rejections.warning():
                    _log.warning("%s", self._with_name(name, warning))
                feeder.set_idle_until(pipeline.idle_until_samples)
            case SourceOpened():
                verb = "listening to" if self._alive.get(name, True) else "listening again to"
                self._logged_problems = {each for each in self._logged_problems if each[0] != name}
                _log.info("%s %s", verb, self._with_name(name, message.description))
                yield self._set_alive(name, is_alive=True)
            case SourceLost():
                _log.warning("%s; trying again", self._with_name(name, message.reason))
                self._stats.n_source_losses += 1
                yield from self.finish(name, reason=message.reason)
                self._pipelines.create(name)
            case SourceEnded():
                self._error = self._error or message.error
                self._stats.retire_feeder(self._feeders.pop(name))
                yield from self.finish(name)
                if message.error is None and (last := self._pipelines.closing_line(name)):
                    _log.info("%s", self._with_name(name, last))

    def finish_all(self) -> Iterator[Report]:
        """Finish the current utterance of each source that has not ended; yields the reports."""
        for name in self._feeders:
            yield from self.finish(name)

    def finish(self, name: str, *, reason: str = "") -> Iterator[Report]:
        """Finish a source that gives no more sound: its utterance, state and availability."""
        yield from self._pipelines.finish(name)
        yield self._set_alive(name, is_alive=False, reason=reason)

    def change_control(self, command: ControlCommand) -> Iterator[Report]:
        """Handle a control command; yields the new controls, or the reason for a refusal."""
        return self._pipelines.change_control(command)

    def save_state(self, *, is_last: bool = False) -> None:
        """Write controls and alerts that have changed, if it is time or the daemon ends."""
        self._pipelines.save_state(is_last=is_last)

    def apply_settings(self, settings: Settings, models: Models) -> Iterator[Report]:
        """Apply new settings; sources with the same settings continue, or have ended, as before.

        A source that is to change keeps its settings if it cannot be opened with the new ones. A source
        that is to be added is tried again and again.
        """
        old, self._settings = self._settings, settings
        before, self._models = self._models, models
        self._pipelines.apply_settings(settings, models)
        wanted = {source.name: source for source in settings.sources}
        configured = dict(wanted)
        opened: dict[str, Source | None] = {}
        for source in old.sources:
            new = wanted.get(source.name)
            if new is None:
                yield from self._remove(source.name)
            elif replace(new, model=source.model) == source:
                continue
            elif source.name not in self._feeders:
                self._forget(source.name)
            else:
                in_force, opened[source.name] = yield from self._successor(source, new)
                configured[source.name] = replace(in_force, model=new.model)
        self._settings = replace(settings, sources=tuple(configured.values()))
        needs_new_pipelines = any(
            getattr(settings, part) != getattr(old, part) for part in ("pipeline", "report", "node")
        )
        if needs_new_pipelines:
            yield from self._pipelines.replace_all()
        else:
            yield from self._use_models(before)
        for name, source in configured.items():
            if name not in self._pipelines:  # an unchanged source that has ended keeps its pipeline
                self._pipelines.create(name)
                self._feeders[name] = self._new_feeder(source, opened.get(name))
                self._feeders[name].start()

    def _use_models(self, before: Models) -> Iterator[Report]:
        """Use another model for the sources that have one; those to be added are created with theirs."""
        for name in [name for name, _ in self._pipelines.items() if name in before]:
            if self._models[name] is not before[name]:
                yield from self._pipelines.use_model(name)

    def _successor(
        self, old: SourceSettings, new: SourceSettings
    ) -> Generator[Report, None, tuple[SourceSettings, Source | None]]:
        """Open a source with new settings, and close the earlier one.

        Many microphones and any port of TCP can be open only once, so a second attempt closes the
        earlier one first.

        Returns:
            The settings in force, and the open source that is to be fed; None if a feeder has to open
            it or, where the new settings are refused, has it open already.
        """
        try:
            source = self._opener.open(new)
        except Exception as exc:  # noqa: BLE001 - the earlier source must go on
            if not (is_live(old) and is_live(new)):
                self._log_refusal(old, exc)
                return old, None
        else:
            yield from self._remove(old.name)
            return new, source
        yield from self._remove(old.name)
        try:
            return new, self._opener.open(new)
        except Exception as exc:  # noqa: BLE001 - the earlier source must come back
            self._log_refusal(old, exc)
            return old, None

    def _log_refusal(self, source: SourceSettings, error: Exception) -> None:
        """Log why a source keeps its settings; a defect with its traceback."""
        if isinstance(error, SerdError):
            _log.error("source %s stays as it was: %s", source.name, error)
        else:
            _log.error("source %s stays as it was", source.name, exc_info=error)

    def _remove(self, name: str) -> Iterator[Report]:
        feeder = self._feeders.pop(name, None)
        if feeder is not None:
            feeder.stop()
            feeder.join(SOURCE_STOP_S)
            self._stats.retire_feeder(feeder)
            yield from self.finish(name)
        self._forget(name)

    def _forget(self, name: str) -> None:
        """Remove what is left of a source that has no feeder."""
        self._pipelines.remove(name)
        self._alive.pop(name, None)
        self._reasons.pop(name, None)

    def _note_problem(self, name: str, problem: str) -> Iterator[Report]:
        """Report what is wrong with the sound of a source when that changes; log each problem once."""
        if problem == self._reasons.get(name, ""):
            return
        if problem and (name, problem) not in self._logged_problems:
            self._logged_problems.add((name, problem))
            _log.warning("%s", self._with_name(name, problem))
        yield self._set_alive(name, is_alive=True, reason=problem)

    def _set_alive(self, name: str, *, is_alive: bool, reason: str = "") -> Report:
        """Set the availability of a source; the daemon is ready once that of all sources is known."""
        is_last = name not in self._alive and len(self._alive) + 1 == len(self._pipelines)
        self._alive[name] = is_alive
        self._reasons[name] = reason
        if is_last:
            self._manager.ready("listening")
        return self._availability(name)

    def _availability(self, name: str) -> Report:
        return AvailabilityReport(
            source=name, is_alive=self._alive[name], reason=self._reasons.get(name, "")
        )

    def _opened(self, source: SourceSettings) -> Source | None:
        """The open source; None if it does not open and the feeder will retry."""
        try:
            return self._opener.open(source)
        except Exception as exc:
            if self._wait_for_sources:
                return None  # the feeder meets the same error, and logs it
            if isinstance(exc, SerdError):
                raise
            _log.error("source %s failed unexpectedly", source.name, exc_info=exc)
            raise unexpected_error(source.name, exc) from exc

    def _new_feeder(self, source: SourceSettings, opened: Source | None) -> Feeder:
        is_alone = len(self._settings.sources) == 1
        self._n_feeders += 1
        return Feeder(
            source.name,
            lambda: self._opener.open(source),
            self._inbox,
            self._supervisor,
            retries=self._wait_for_sources or not is_alone or is_live(source),
            number=self._n_feeders,
            opened=opened,
        )

    def _with_name(self, name: str, text: str) -> str:
        """A log message with the name of its source, if there are several sources."""
        return text if len(self._settings.sources) == 1 else f"{name}: {text}"
