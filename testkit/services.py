"""A daemon's service in a thread of its own, with scripted sources and recorded reports."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from serd.audio.source import SourceSettings
from serd.daemon.inbox import Request
from serd.daemon.service import Service
from serd.errors import SoundFileError, SourceError
from serd.events.event import Event
from serd.events.reports import AvailabilityReport, ControlReport, Report, SpeechReport, StateReport
from serd.publishers import Context
from testkit.brokers import wait_until
from testkit.made_sources import MadeSource, Script, blocks
from testkit.voices import quiet_room, synthetic_voice


class ReportRecorder:
    """A substitute for the group of publishers, which records its calls."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        """The published reports, in order."""
        self.contexts: list[Context] = []
        """The contexts that the publishers were created with and changed to."""
        self.raises_errors: bool | None = None
        """The argument of ``close``; None before the call."""

    def __call__(self, _settings: Mapping[str, Any], context: Context) -> "ReportRecorder":
        """Record the context and return the recorder, in place of new publishers."""
        self.contexts.append(context)
        return self

    def publish(self, report: Report) -> None:
        """Record a report."""
        self.reports.append(report)

    def change(self, _settings: object, context: Context, _timeout_s: float) -> None:
        """Record the context of a change of settings."""
        self.contexts.append(context)

    def close(self, _timeout_s: float, *, raises_errors: bool) -> None:
        """Record the close."""
        self.raises_errors = raises_errors

    def of(self, *kinds: type) -> list[Any]:
        """The reports of some types so far."""
        return [report for report in self.reports if isinstance(report, kinds)]


class ScriptedOpener:
    """Opens each source by a script of its own."""

    def __init__(self, **scripts: Script) -> None:
        self._scripts = scripts

    def open(self, settings: SourceSettings) -> MadeSource:
        """The next step of the source's script."""
        return self._scripts[settings.name].open()


class RunningService:
    """A service that runs in a thread of its own."""

    def __init__(self, service: Service, recorder: ReportRecorder) -> None:
        self.service = service
        self.recorder = recorder
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.service.run()
        except Exception as exc:  # noqa: BLE001
            self.error = exc

    def wait_for(self, condition: Callable[[], object], description: str) -> None:
        """Wait until a condition holds."""
        wait_until(condition, description)

    def send_command(self, control: str, value: bytes, source: str = "mic") -> None:
        """Send a control command, as a publisher does."""
        wait_until(lambda: self.recorder.contexts, "the publishers")
        self.recorder.contexts[0].command(source, control, value)

    def end(self) -> None:
        """Request a stop, and wait for the end of the thread."""
        self.service.inbox.put(Request(action="stop"))
        self.thread.join(20.0)
        assert not self.thread.is_alive()


Start = Callable[..., RunningService]
"""Starts a service that ends with the test."""
VOICE = synthetic_voice(3.5)
"""The voice of ``spoken``."""


def spoken(*, error: SourceError | SoundFileError | None = None, stays_open: bool = False) -> MadeSource:
    """A source with 3.5 s of voice, and quiet before and after it."""
    sound = np.concatenate((quiet_room(0.5), VOICE, quiet_room(2.0)))
    return MadeSource(blocks(sound), error=error, stays_open=stays_open)


def abbreviated(reports: list[Report]) -> list[str]:
    """Reports as codes: c controls, s state, v voice, a availability, w window, u utterance."""
    codes = []
    for report in reports:
        match report:
            case Event():
                codes.append(report.kind[0])
            case StateReport():
                codes.append("s:none" if report.emotion == "none" else "s")
            case SpeechReport():
                codes.append("v+" if report.is_speaking else "v-")
            case AvailabilityReport():
                codes.append("a+" if report.is_alive else "a-")
            case ControlReport():
                codes.append("c")
    return codes
