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


class Notebook:
    """A stand-in for all publishers that records its calls."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        """The published reports, in order."""
        self.contexts: list[Context] = []
        """The contexts that the publishers were created with and changed to."""
        self.is_patient: bool | None = None
        """The argument of ``close``; None before it."""

    def __call__(self, _settings: Mapping[str, Any], context: Context) -> "Notebook":
        """Record the context and return the recorder, in place of new publishers."""
        self.contexts.append(context)
        return self

    def publish(self, report: Report) -> None:
        """Record a report."""
        self.reports.append(report)

    def change(self, _settings: object, context: Context, _timeout_s: float) -> None:
        """Record the context of a change of settings."""
        self.contexts.append(context)

    def close(self, _timeout_s: float, *, is_patient: bool) -> None:
        """Record the close."""
        self.is_patient = is_patient

    def of(self, *kinds: type) -> list[Any]:
        """The reports of some types so far."""
        return [report for report in self.reports if isinstance(report, kinds)]


class Openings:
    """Opens each source as its own script says."""

    def __init__(self, **scripts: Script) -> None:
        self._scripts = scripts

    def open(self, settings: SourceSettings) -> MadeSource:
        """The next step of the source's script."""
        return self._scripts[settings.name].open()


class Running:
    """A service in a thread of its own."""

    def __init__(self, service: Service, notebook: Notebook) -> None:
        self.service = service
        self.notebook = notebook
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.service.run()
        except Exception as exc:  # noqa: BLE001
            self.error = exc

    def wait_for(self, what: Callable[[], object], name: str) -> None:
        """Wait until a condition holds; ``name`` describes it."""
        wait_until(what, name)

    def ask(self, control: str, value: bytes, source: str = "mic") -> None:
        """Send a command in the way of a broker."""
        wait_until(lambda: self.notebook.contexts, "the publishers")
        self.notebook.contexts[0].command(source, control, value)

    def end(self) -> None:
        """Stop the service, and wait for its end."""
        self.service.inbox.put(Request(what="stop"))
        self.thread.join(20.0)
        assert not self.thread.is_alive()


Start = Callable[..., Running]
"""Starts a service that ends with the test."""
VOICE = synthetic_voice(3.5)
"""The voice of ``spoken``."""


def spoken(*, error: SourceError | SoundFileError | None = None, stays: bool = False) -> MadeSource:
    """A source with 3.5 s of voice, and quiet before and after it."""
    sound = np.concatenate((quiet_room(0.5), VOICE, quiet_room(2.0)))
    return MadeSource(blocks(sound), error=error, stays=stays)


def in_short(reports: list[Report]) -> list[str]:
    """Reports in short: c controls, s state, v voice, a availability, w window, u utterance."""
    words = []
    for report in reports:
        match report:
            case Event():
                words.append(report.kind[0])
            case StateReport():
                words.append("s:none" if report.emotion == "none" else "s")
            case SpeechReport():
                words.append("v+" if report.is_speaking else "v-")
            case AvailabilityReport():
                words.append("a+" if report.is_alive else "a-")
            case ControlReport():
                words.append("c")
    return words
