"""All sources of the daemon: what feeds them, the pipeline of each, their controls and their counts."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from serd.audio.opening import SourceOpener, is_microphone
from serd.audio.source import Source, SourceSettings
from serd.daemon.feeder import Feeder
from serd.daemon.inbox import (
    ControlCommand,
    Inbox,
    SoundReceived,
    SourceEnded,
    SourceLost,
    SourceOpened,
    SourceRetried,
)
from serd.daemon.source_pipeline import SourcePipeline
from serd.daemon.state import ControlStore, SpeakerStore
from serd.daemon.stats import Stats
from serd.daemon.systemd import ServiceManager
from serd.daemon.watchdog import Watchdog
from serd.errors import InputError, SerdError
from serd.events.controls import Controls, with_control
from serd.events.reports import AvailabilityReport, ControlReport, RefusalReport, Report, StatsReport
from serd.model.runtime import TfliteModel
from serd.mqtt.topics import FORGET
from serd.recognizer import event_maker
from serd.settings.loader import Settings

_log = logging.getLogger("serd.run")

SOURCE_STOP_S: Final = 0.7
"""How long a source may take to stop before it is left behind."""
_SAVE_SPEAKERS_S: Final = 300.0
"""Least time between two times that what a source is used to is written: cards wear out."""

SourceMessage = SoundReceived | SourceOpened | SourceLost | SourceRetried | SourceEnded


class Sources:
    """Opens the sources that the settings name, and turns what their feeders tell into reports."""

    def __init__(
        self,
        settings: Settings,
        model: TfliteModel,
        inbox: Inbox,
        opener: SourceOpener,
        manager: ServiceManager,
        *,
        folder: Path,
        waits: bool,
    ) -> None:
        """Open what can be opened; nothing is heard before ``start``.

        Args:
            settings: of everything.
            model: what names emotions.
            inbox: where the feeders' messages go.
            opener: opens sources.
            manager: told once each source is there or known to be away; its watchdog is fed.
            folder: where the controls are kept.
            waits: whether a source that is not there yet is waited for.

        Raises:
            SerdError: no source, and nothing to wait for.
        """
        self._settings = settings
        self._model = model
        self._inbox = inbox
        self._opener = opener
        self._manager = manager
        self._waits = waits
        self._store = ControlStore(folder)
        self._speakers = SpeakerStore(folder)
        self._speakers_at_s: dict[str, float] = {}
        """When what each source is used to was last kept."""
        self._stats = Stats()
        self._alive: dict[str, bool] = {}
        """Whether each source gives sound, as far as is known."""
        self._watchdog = Watchdog(manager, [each.name for each in settings.sources], time.monotonic)
        self._leaving: Counter[str] = Counter()
        """Feeders that were told to stop to make room for another of the same name."""
        self.error: SerdError | None = None
        """Why the first source that failed for good did so."""
        self._pipelines: dict[str, SourcePipeline] = {}
        self._feeders: dict[str, Feeder] = {}
        for source in settings.sources:
            self._new_pipeline(source.name)
            self._feeders[source.name] = self._feeder(source, self._opened(source))

    @property
    def are_over(self) -> bool:
        """Whether no source is left."""
        return not self._feeders

    def start(self) -> None:
        """Begin to listen."""
        for feeder in self._feeders.values():
            feeder.start()

    def stop(self) -> None:
        """End all soon; their ends come through the inbox."""
        for feeder in self._feeders.values():
            feeder.stop()

    def present(self) -> Iterator[Report]:
        """What a subscriber that knows nothing must be told of each source."""
        for name, pipeline in self._pipelines.items():
            yield from pipeline.snapshot()
            if name in self._alive:
                yield AvailabilityReport(source=name, is_alive=self._alive[name])

    def stats(self) -> StatsReport:
        """How the daemon fares."""
        return self._stats.report(self._model.card, self._feeders.values(), self._pipelines.values())

    def count_event(self) -> None:
        """An event has gone out."""
        self._stats.n_events += 1

    def answer(self, message: SourceMessage) -> Iterator[Report]:
        """What follows from a feeder's message."""
        name = message.source
        if self._leaving[name]:
            self._leaving[name] -= isinstance(message, SourceEnded)
            return
        self._watchdog.progress(name)
        match message:
            case SoundReceived(block=block):
                self._stats.hear(block)
                pipeline = self._pipelines[name]
                yield from pipeline.process(block)
                if news := pipeline.rejections.warning():
                    _log.warning("%s", self._called(name, news))
                self._feeders[name].nothing_before(pipeline.idle_until_samples)
                self._save_speakers(name, every_s=_SAVE_SPEAKERS_S)
            case SourceOpened():
                _log.info("listening to %s", self._called(name, message.what))
                yield self._is_alive(name, is_alive=True)
            case SourceLost():
                _log.warning("%s; trying again", self._called(name, message.reason))
                self._stats.n_source_losses += 1
                yield from self.silence(name)
                self._new_pipeline(name)
            case SourceEnded():
                self.error = self.error or message.error
                self._stats.retire(self._feeders.pop(name))
                self._watchdog.forget(name)
                yield from self.silence(name)
                if message.error is None and (last := self._pipelines[name].rejections.closing_line()):
                    _log.info("%s", self._called(name, last))

    def silence_all(self) -> Iterator[Report]:
        """End what is under way at the sources that are left."""
        for name in self._feeders:
            yield from self.silence(name)

    def silence(self, name: str) -> Iterator[Report]:
        """A source gives no more sound: what is under way ends."""
        yield from self._pipelines[name].flush()
        yield from self._pipelines[name].reset_state()
        self._save_speakers(name)
        yield self._is_alive(name, is_alive=False)

    def change_control(self, command: ControlCommand) -> Iterator[Report]:
        """Set a control, or say why not."""
        pipeline = self._pipelines.get(command.source)
        if pipeline is None:
            return
        if command.control == FORGET:
            pipeline.forget_speakers()
            self._write_speakers(command.source)
            _log.info("%s has forgotten the voices that it was used to", command.source)
            return
        try:
            controls = with_control(pipeline.controls, command.control, command.value)
        except InputError as exc:
            yield RefusalReport(source=command.source, control=command.control, reason=str(exc))
            return
        yield from pipeline.set_controls(controls)
        self._store.save(command.source, command.control, controls)
        yield ControlReport(source=command.source, controls=controls)

    def change(self, settings: Settings, model: TfliteModel) -> Iterator[Report]:
        """Take over other settings; sources that they do not touch go on undisturbed."""
        old, self._settings, self._model = self._settings, settings, model
        now = {source.name: source for source in settings.sources}
        for source in old.sources:
            if now.get(source.name) != source:
                yield from self._take_away(source.name)
        is_other = any(
            getattr(settings, part) != getattr(old, part)
            for part in ("pipeline", "report", "model", "node")
        )
        for name, pipeline in list(self._pipelines.items()) if is_other else ():
            yield from pipeline.flush()
            self._save_speakers(name)
            self._new_pipeline(name)
        for name, source in now.items():
            if name not in self._feeders:
                self._new_pipeline(name)
                self._feeders[name] = self._feeder(source, None)
                self._watchdog.progress(name)
                self._feeders[name].start()

    def _take_away(self, name: str) -> Iterator[Report]:
        feeder = self._feeders.pop(name, None)
        if feeder is not None:
            feeder.stop()
            feeder.join(SOURCE_STOP_S)
            self._leaving[name] += 1
            self._stats.retire(feeder)
            self._watchdog.forget(name)
            yield from self.silence(name)
        self._stats.retire_pipeline(self._pipelines.pop(name))
        self._alive.pop(name, None)

    def _is_alive(self, name: str, *, is_alive: bool) -> Report:
        """Note whether a source gives sound; the daemon is ready once that is known of all."""
        is_last = name not in self._alive and len(self._alive) + 1 == len(self._pipelines)
        self._alive[name] = is_alive
        if is_last:
            self._manager.ready("listening")
        return AvailabilityReport(source=name, is_alive=is_alive)

    def _new_pipeline(self, name: str) -> None:
        """A pipeline without a past, in place of the one that is there."""
        settings = self._settings
        events = event_maker(node=settings.node.resolved_name, source=name, card=self._model.card)
        default = Controls(threshold=settings.smoothing.threshold, cooldown_s=settings.report.cooldown_s)
        controls = self._store.controls(name, default)
        if name in self._pipelines:
            self._stats.retire_pipeline(self._pipelines[name])
        speakers = self._speakers.speakers(name, self._model.card.feature_set.name)
        self._pipelines[name] = SourcePipeline(
            name, self._model, settings.pipeline, settings.report, events, controls, speakers
        )

    def _save_speakers(self, name: str, *, every_s: float = 0.0) -> None:
        """Keep what a source is used to, unless that was done a short while ago."""
        if not self._settings.adaptation.enabled:
            return
        now_s = time.monotonic()
        if now_s - self._speakers_at_s.setdefault(name, now_s) >= every_s:
            self._speakers_at_s[name] = now_s
            self._write_speakers(name)

    def _write_speakers(self, name: str) -> None:
        self._speakers.save(name, self._model.card.feature_set.name, self._pipelines[name].speakers)

    def _opened(self, source: SourceSettings) -> Source | None:
        """The source; none if it is not there and is waited for."""
        try:
            return self._opener.open(source)
        except SerdError:
            if not self._waits:
                raise
            # The feeder finds out as well, and then it is said.
            return None

    def _feeder(self, source: SourceSettings, opened: Source | None) -> Feeder:
        is_alone = len(self._settings.sources) == 1
        return Feeder(
            source.name,
            lambda: self._opener.open(source),
            self._inbox,
            retries=self._waits or not is_alone or is_microphone(source) or source.input == "auto",
            opened=opened,
        )

    def _called(self, name: str, text: str) -> str:
        return text if len(self._settings.sources) == 1 else f"{name}: {text}"
