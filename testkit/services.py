"""A daemon's loop in a thread of its own, with scripted sources, whose reports are written down."""

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
    """Stands for all publishers: writes down what they would be told."""

    def __init__(self) -> None:
        self.reports: list[Report] = []
        """What was told, in order."""
        self.contexts: list[Context] = []
        """What they were made for, and then changed to."""
        self.is_patient: bool | None = None
        """How they were closed; None while they are not."""

    def __call__(self, _settings: Mapping[str, Any], context: Context) -> "Notebook":
        """Be made."""
        self.contexts.append(context)
        return self

    def publish(self, report: Report) -> None:
        """Take one report."""
        self.reports.append(report)

    def change(self, _settings: object, context: Context, _timeout_s: float) -> None:
        """Take over other settings."""
        self.contexts.append(context)

    def close(self, _timeout_s: float, *, is_patient: bool) -> None:
        """Be closed."""
        self.is_patient = is_patient

    def of(self, *kinds: type) -> list[Any]:
        """The reports of some kinds so far."""
        return [report for report in self.reports if isinstance(report, kinds)]


class Openings:
    """Opens each source by its own script."""

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
        """Wait for something to be told."""
        wait_until(what, name)

    def ask(self, control: str, value: bytes, source: str = "mic") -> None:
        """Send a command as a broker would."""
        wait_until(lambda: self.notebook.contexts, "the publishers")
        self.notebook.contexts[0].command(source, control, value)

    def end(self) -> None:
        """Ask it to stop, and wait for its end."""
        self.service.inbox.put(Request(what="stop"))
        self.thread.join(20.0)
        assert not self.thread.is_alive()


Start = Callable[..., Running]
"""Starts a service that ends with the test."""
VOICE = synthetic_voice(3.5)
"""What is said."""


def spoken(*, error: SourceError | SoundFileError | None = None, stays: bool = False) -> MadeSource:
    """A source in which a voice speaks for 3.5 s, with quiet around it."""
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
