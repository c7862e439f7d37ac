"""The pipelines of the daemon's sources, and what survives a restart: controls, voices, alerts."""

import logging
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from serd.audio.format import AudioBlock
from serd.daemon.commands import ControlCommand
from serd.daemon.inbox import Inbox, Request
from serd.daemon.models import Models
from serd.daemon.moods import SourceMoods
from serd.daemon.source_pipeline import SourcePipeline
from serd.daemon.state import ControlStore, SpeakerStore
from serd.daemon.stats import Stats
from serd.errors import OperationError
from serd.events.controls import Controls, with_control
from serd.events.event import EventMaker
from serd.events.reports import ControlReport, RefusalReport, Report
from serd.mqtt.topics import FORGET
from serd.recognizer import event_maker
from serd.settings.loader import Settings

_log = logging.getLogger("serd.run")

MAX_FAILURES: Final = 3
"""Failed pipelines of a source in a row, without a window between them, after which the daemon ends."""

_SAVE_MEAN_S: Final = 300.0
"""Shortest time between two saves of a speaker mean, in seconds; writes wear out SD cards."""
_FORGET_LOG_S: Final = 60.0
"""Shortest time between two lines in the log about a source that forgets its speakers, in seconds."""


class SourcePipelines:
    """Creates the pipeline of each source, and replaces one that fails."""

    def __init__(
        self,
        settings: Settings,
        models: Models,
        inbox: Inbox,
        stats: Stats,
        state_folder: Path,
    ) -> None:
        """Read the state folder; ``create`` creates the pipelines.

        Args:
            settings: all settings.
            models: the models of the sources.
            inbox: receives the request to stop if the pipelines of a source fail again and again.
            stats: receives the counts of replaced pipelines.
            state_folder: folder of the saved controls, speaker means and alerts.
        """
        self._settings = settings
        self._models = models
        self._inbox = inbox
        self._stats = stats
        self._controls = ControlStore(state_folder)
        self._speaker_means = SpeakerStore(state_folder)
        self.moods = SourceMoods(state_folder)
        """The moods of the sources."""
        self.moods.apply_settings(settings.mood, settings.alerts)
        self._mean_saved_s: dict[str, float] = {}
        """Monotonic time at which the speaker mean of each source was last saved, in seconds."""
        self._forget_logged_s: dict[str, float] = {}
        """Monotonic time at which the log last said that a source forgot its speakers, in seconds."""
        self._n_failures: Counter[str] = Counter()
        """Failed pipelines of each source since its latest window."""
        self._n_earlier_windows: Counter[str] = Counter()
        """Windows that earlier pipelines of each source had."""
        self._pipelines: dict[str, SourcePipeline] = {}
        self.error: OperationError | None = None
        """The error of the first source whose pipelines failed again and again."""

    def __getitem__(self, name: str) -> SourcePipeline:
        """The present pipeline of a source."""
        return self._pipelines[name]

    def __contains__(self, name: str) -> bool:
        """Whether a source has a pipeline; it keeps the latest one after its end."""
        return name in self._pipelines

    def __len__(self) -> int:
        """The number of sources that have a pipeline."""
        return len(self._pipelines)

    def items(self) -> tuple[tuple[str, SourcePipeline], ...]:
        """The name and the pipeline of each source."""
        return tuple(self._pipelines.items())

    def values(self) -> tuple[SourcePipeline, ...]:
        """The pipelines of all sources."""
        return tuple(self._pipelines.values())

    def apply_settings(self, settings: Settings, models: Models) -> None:
        """Use other settings and other models for pipelines that are created from now on."""
        self._settings, self._models = settings, models
        self.moods.apply_settings(settings.mood, settings.alerts)

    def create(self, name: str) -> None:
        """Create the pipeline of a source, or replace it."""
        settings, model = self._settings, self._models[name]
        default = Controls(threshold=settings.smoothing.threshold, cooldown_s=settings.report.cooldown_s)
        controls = self._controls.controls(name, default)
        if name in self._pipelines:
            self._n_earlier_windows[name] += self._pipelines[name].rejections.n_windows
            self._stats.retire_pipeline(self._pipelines[name])
        speaker_mean = self._speaker_means.mean(name, model.card.feature_set.name)
        self._pipelines[name] = SourcePipeline(
            name,
            model,
            settings.pipeline,
            settings.report,
            self._event_maker(name),
            controls,
            speaker_mean,
            self.moods.start(name),
        )

    def use_model(self, name: str) -> Iterator[Report]:
        """Use the present model of a source; yields the reports of an utterance that this ends."""
        if self._pipelines[name].use_model(self._models[name], self._event_maker(name)):
            return
        yield from self._replace(name)

    def remove(self, name: str) -> None:
        """Remove the pipeline of a source."""
        self._stats.retire_pipeline(self._pipelines.pop(name))
        self.moods.remove(name)
        self._n_failures.pop(name, None)
        self._n_earlier_windows.pop(name, None)

    def closing_line(self, name: str) -> str:
        """A line for the end of a source that gave no event; empty if it gave one, or a warning."""
        pipeline = self._pipelines[name]
        if self._n_earlier_windows[name] and not pipeline.rejections.n_windows:
            return ""
        return pipeline.closing_line()

    def process(self, name: str, block: AudioBlock) -> Iterator[Report]:
        """Process the next block of sound of a source; yields its reports."""
        yield from self._guarded(name, self._pipelines[name].process(block))
        self._save_speaker_mean(name, min_interval_s=_SAVE_MEAN_S)

    def finish(self, name: str) -> Iterator[Report]:
        """Finish the utterance of a source that gives no more sound; yields the reports."""
        yield from self._guarded(name, self._pipelines[name].flush())
        yield from self._pipelines[name].reset_state()
        self._save_speaker_mean(name)

    def replace_all(self) -> Iterator[Report]:
        """Finish all utterances, and create all pipelines again; yields the reports."""
        for name in list(self._pipelines):
            yield from self._replace(name)

    def change_control(self, command: ControlCommand) -> Iterator[Report]:
        """Handle a control command; yields the new controls, or the reason for a refusal."""
        pipeline = self._pipelines.get(command.source)
        if pipeline is None:
            return
        if command.refusal:
            yield RefusalReport(source=command.source, control=command.control, reason=command.refusal)
            return
        if command.control == FORGET:
            self._forget(command.source, pipeline)
            return
        controls = with_control(pipeline.controls, command.control, command.value)
        self._controls.save(command.source, command.control, controls)
        yield from self._guarded(command.source, pipeline.set_controls(controls))
        yield ControlReport(source=command.source, controls=controls, changed=(command.control,))

    def save_state(self, *, is_last: bool = False) -> None:
        """Write controls and alerts that have changed, if it is time or the daemon ends."""
        self._controls.write_changes(is_last=is_last)
        self.moods.save(is_last=is_last)

    def _replace(self, name: str) -> Iterator[Report]:
        yield from self._guarded(name, self._pipelines[name].flush())
        self._save_speaker_mean(name)
        self.create(name)

    def _event_maker(self, name: str) -> EventMaker:
        node, card = self._settings.node.resolved_name, self._models[name].card
        return event_maker(node=node, source=name, card=card)

    def _forget(self, name: str, pipeline: SourcePipeline) -> None:
        pipeline.reset_adaptation()
        self._write_speaker_mean(name)
        now_s = time.monotonic()
        if now_s - self._forget_logged_s.get(name, -_FORGET_LOG_S) >= _FORGET_LOG_S:
            self._forget_logged_s[name] = now_s
            _log.info("%s: speaker adaptation was reset", name)

    def _guarded(self, name: str, reports: Iterator[Report]) -> Iterator[Report]:
        """Yield the reports of a pipeline; one that raises is replaced.

        If the new pipelines fail as well, before any of them has decided on a window, serd stops.
        """
        try:
            yield from reports
            if self._pipelines[name].rejections.n_windows:
                self._n_failures[name] = 0
        except Exception as exc:  # noqa: BLE001 - one bad block must not end all sources
            self._n_failures[name] += 1
            if self._n_failures[name] <= MAX_FAILURES:
                _log.error("the pipeline of source %s failed; it restarts", name, exc_info=exc)
            if self._n_failures[name] == MAX_FAILURES:
                failure = OperationError(f"the pipeline of source {name} failed {MAX_FAILURES} times")
                self.error = self.error or failure
                self._inbox.put(Request(action="stop"))
            self.create(name)
            yield from self._pipelines[name].snapshot()

    def _save_speaker_mean(self, name: str, *, min_interval_s: float = 0.0) -> None:
        """Save the speaker mean of a source, ``min_interval_s`` or more after the last time."""
        if not self._settings.adaptation.enabled:
            return
        now_s = time.monotonic()
        if now_s - self._mean_saved_s.setdefault(name, now_s) >= min_interval_s:
            self._mean_saved_s[name] = now_s
            self._write_speaker_mean(name)

    def _write_speaker_mean(self, name: str) -> None:
        self._speaker_means.save(
            name, self._models[name].card.feature_set.name, self._pipelines[name].speaker_mean
        )
