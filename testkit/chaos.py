"""A daemon whose parts are broken one after the other while it hears speech.

The service runs in this process, with a real Mosquitto, so that a break can be placed exactly: the next
call of some method raises, a file is damaged, the broker restarts. After each break, the daemon must be
whole again, or have ended with exit code 1.
"""

import contextlib
import io
import itertools
import json
import sqlite3
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, AudioBlock, CaptureTime
from serd.audio.source import SourceSettings
from serd.daemon.inbox import Request
from serd.daemon.service import Service
from serd.daemon.systemd import ServiceManager
from serd.errors import SerdError, SoundFileError
from serd.events.event import Event
from serd.events.reports import Report, SoundReport
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.settings.loader import Settings, load_settings
from testkit.brokers import Listener, MosquittoBroker, wait_until
from testkit.voices import quiet_room, synthetic_voice

MOST_BROKEN_S: Final = 10.0
"""Longest time until the daemon must be whole again, in seconds."""
KINDS: Final = (
    "sender",
    "link",
    "feeder",
    "metrics",
    "screen",
    "clips",
    "broker",
    "spool sector",
    "reload",
    "refused reload",
)
"""The breaks, in the order in which they follow each other."""
_MISSING: Final = "missing.wav"
_PACE: Final = 6.0
"""Seconds of sound per second."""
_BLOCK_SAMPLES: Final = 1600
_EVENT: Final = "chaos/pi/mic/event"
_SETTINGS: Final = """
[node]
name = "pi"
[smoothing]
threshold = 0.0
[mqtt]
host = "{host}"
port = {port}
prefix = "chaos"
durability = "always"
keepalive_s = {keepalive_s}
[metrics]
enabled = true
port = 0
[clips]
enabled = true
max_clips = 20
[homeassistant]
enabled = "off"
{more}
"""


class Voice:
    """A source that says a short sentence again and again, faster than live."""

    def __init__(self) -> None:
        self.n_dropped_blocks = 0
        self.n_overflows = 0
        self.is_quiet = threading.Event()
        """Set to let nothing but quiet follow."""
        self.must_fail = threading.Event()
        """Set to raise in the thread that reads."""
        self._stopped = threading.Event()

    def open(self, settings: SourceSettings) -> "Voice":
        """A new source in the place of this one; there is no file "missing.wav"."""
        if settings.input == _MISSING:
            raise SoundFileError(f"{_MISSING}: no such file")
        self._stopped.clear()
        return self

    def __iter__(self) -> Iterator[AudioBlock]:
        """Yield blocks without end."""
        sentence = np.concatenate((quiet_room(1.2), synthetic_voice(3.2)))
        quiet = quiet_room(4.4)
        offset = 0
        while not self._stopped.is_set():
            sound = quiet if self.is_quiet.is_set() else sentence
            for start in range(0, sound.size, _BLOCK_SAMPLES):
                if self.must_fail.is_set():
                    self.must_fail.clear()
                    sys.exit("the source is broken")
                samples = sound[start : start + _BLOCK_SAMPLES]
                captured = CaptureTime(epoch_s=time.time(), arrived_s=time.monotonic())
                yield AudioBlock(samples=samples, offset_samples=offset, captured=captured)
                offset += samples.size
                if self._stopped.wait(samples.size / SAMPLE_RATE_HZ / _PACE):
                    return

    def stop(self) -> None:
        """End the iteration."""
        self._stopped.set()

    def describe(self) -> str:
        """A description of the source."""
        return "a voice"

    def summary(self) -> str:
        """An empty summary."""
        return ""


class _CountedGroup(PublisherGroup):
    """Notes the id of each event before any publisher gets it."""

    def __init__(self, settings: Mapping[str, Any], context: Context, ids: list[str]) -> None:
        super().__init__(settings, context)
        self._ids = ids
        self.n_changes = 0
        """Reloads so far."""
        self.n_sounds = 0
        """Windows whose sound every publisher has got."""

    def publish(self, report: Report) -> None:
        """Note an event, and pass it on."""
        if isinstance(report, Event):
            self._ids.append(report.id)
        super().publish(report)
        self.n_sounds += isinstance(report, SoundReport)

    def change(self, settings: Mapping[str, Any], context: Context, timeout_s: float) -> None:
        """Apply new settings, and count the call."""
        super().change(settings, context, timeout_s)
        self.n_changes += 1

    def publisher(self, section: str) -> Any:  # noqa: ANN401
        """The present publisher of a section."""
        return self._publishers[section]


def _nothing() -> None:
    """Mend nothing: the break was a moment."""


def strike(owner: object, name: str, error: BaseException) -> None:
    """Let the next call of a method raise an error; later calls are as before."""
    method: Callable[..., Any] = getattr(owner, name)
    is_struck = threading.Event()

    def struck(*args: object, **kwargs: object) -> Any:  # noqa: ANN401
        if not is_struck.is_set():
            is_struck.set()
            raise error
        return method(*args, **kwargs)

    setattr(owner, name, struck)


@dataclass(frozen=True, kw_only=True)
class Break:
    """One break, and what came of it."""

    kind: str
    broken_s: float
    """Time until the daemon was whole again, in seconds."""
    has_ended: bool
    """Whether the process would have ended with exit code 1, and was restarted."""


@dataclass
class Chaos:
    """A running daemon, and the means to break it."""

    broker: MosquittoBroker
    listener: Listener
    folder: Path
    ids: list[str] = field(default_factory=list)
    """Ids of all events so far."""
    voice: Voice = field(default_factory=Voice)

    def __post_init__(self) -> None:
        """Start the daemon."""
        self._settings = self.folder / "serd.toml"
        self._n_reloads = itertools.count()
        self._screen = io.StringIO()
        self._error: BaseException | None = None
        self._groups: list[_CountedGroup] = []
        self._write_settings()
        self._start()
        self._await_whole(0)

    def breaks(self, n_breaks: int) -> Iterator[Break]:
        """Break one part after the other, and yield each break once the daemon is whole again.

        Raises:
            AssertionError: it is not whole again in time, or ended in another way than with an error of
                serd.
        """
        for kind in itertools.islice(itertools.cycle(KINDS), n_breaks):
            n_events = len(self.ids)
            began_s = time.monotonic()
            mend = self._break(kind)
            self._await_effect(kind)
            mend()
            has_ended = self._restarted()
            self._await_whole(n_events)
            yield Break(kind=kind, broken_s=time.monotonic() - began_s, has_ended=has_ended)

    def end(self) -> set[str]:
        """Let all events arrive, end the daemon, and return the ids of those that are lost."""
        self.voice.is_quiet.set()
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self._lost(), "all events")
        self._service.inbox.put(Request(action="stop"))
        self._thread.join(30.0)
        return self._lost()

    @property
    def n_restarts(self) -> Mapping[str, int]:
        """How often each part was restarted since the daemon started."""
        return self._service.supervisor.n_restarts()

    @property
    def _group(self) -> _CountedGroup:
        """The publishers of the present run."""
        return self._groups[-1]

    def _lost(self) -> set[str]:
        return set(self.ids) - {json.loads(each)["id"] for each in self.listener.of(_EVENT)}

    def _start(self) -> None:
        def create(settings: Mapping[str, Any], context: Context) -> PublisherGroup:
            self._groups.append(_CountedGroup(settings, context, self.ids))
            return self._groups[-1]

        self._service = Service(
            self._load(),
            load=self._load,
            state_folder=self.folder / "state",
            opener=self.voice,  # type: ignore[arg-type]
            manager=ServiceManager({}),
            wait_for_sources=True,
            publishers=create,
        )
        self._groups.clear()
        self._thread = threading.Thread(target=self._run, name="chaos", daemon=True)
        self._thread.start()
        wait_until(lambda: self._groups, "the publishers")

    def _run(self) -> None:
        try:
            with contextlib.redirect_stdout(self._screen):
                self._service.run()
        except Exception as exc:  # noqa: BLE001 - ``_restarted`` looks at it
            self._error = exc

    def _load(self) -> Settings:
        return load_settings(self._settings, environment={})

    def _write_settings(self, more: str = "") -> None:
        text = _SETTINGS.format(
            host=self.broker.host,
            port=self.broker.port,
            keepalive_s=30 + next(self._n_reloads) % 2,
            more=more,
        )
        # A reload must never see half of the file.
        new = self._settings.with_suffix(".new")
        new.write_text(text)
        new.replace(self._settings)

    def _break(self, kind: str) -> Callable[[], object]:
        """Break a part; returns what mends the cause."""
        match kind:
            case "feeder":
                self.voice.must_fail.set()
            case "clips":
                return self._hide_clips()
            case "broker":
                self.broker.stop()
                return self.broker.start
            case "reload" | "refused reload":
                more = "" if kind == "reload" else f'[[source]]\ninput = "{_MISSING}"'
                n_changes = self._group.n_changes
                self._write_settings(more)
                self._service.inbox.put(Request(action="reload"))
                wait_until(lambda: self._group.n_changes > n_changes, "the reload")
                return self._write_settings if more else _nothing
            case _:
                self._strike(kind)
        return _nothing

    def _strike(self, kind: str) -> None:
        """Let the thread of a part fail, or its next call."""
        mqtt, metrics = self._group.publisher("mqtt"), self._group.publisher("metrics")
        match kind:
            case "sender":
                strike(mqtt._queue.link, "publish", SystemExit("the sender is broken"))
            case "link":
                strike(mqtt._link._client, "loop", SystemExit("the link is broken"))
            case "metrics":
                metrics._server._loop.call_soon_threadsafe(sys.exit, "the server is broken")
            case "screen":
                strike(self._group.publisher("screen"), "publish", OSError(28, "No space left"))
            case "spool sector":
                strike(mqtt._spool, "_update", sqlite3.DatabaseError("the disk image is malformed"))

    def _hide_clips(self) -> Callable[[], object]:
        clips, hidden = self.folder / "state" / "clips", self.folder / "hidden"
        clips.rename(hidden)
        return lambda: hidden.rename(clips)

    def _await_effect(self, kind: str) -> None:
        """Wait until events met the break, where that does not show by itself."""
        n_events, n_sounds = len(self.ids) + 2, self._group.n_sounds + 2
        if kind == "broker":
            wait_until(lambda: len(self.ids) >= n_events, "events during the break")
        elif kind == "clips":
            wait_until(lambda: self._group.n_sounds >= n_sounds, "clips during the break")

    def _restarted(self) -> bool:
        """Start the daemon again if it has ended, as the service manager would; whether it had."""
        if self._thread.is_alive():
            return False
        assert isinstance(self._error, SerdError), self._error
        assert self._error.exit_code == 1
        self._start()
        return True

    def _await_whole(self, n_events: int) -> None:
        """Wait until everything works, and events that were made after ``n_events`` have arrived."""

        def is_whole() -> bool:
            state = self._group.broker_state()
            new = self.ids[n_events + 1 :]
            return (
                state is not None
                and state.is_connected
                and not self._service.supervisor.silent()
                and len(new) >= 1
                and new[0] not in self._lost()
                and self._answers()
            )

        try:
            wait_until(is_whole, "a daemon that is whole", MOST_BROKEN_S)
        except AssertionError as exc:
            states = dict(self._service.supervisor.states())
            raise AssertionError(f"{exc}; {self._group.broker_state()}; {states}") from exc

    def _answers(self) -> bool:
        """Whether the health is good."""
        port = self._group.publisher("metrics").port
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5.0) as page:
                return bool(page.status == 200)
        except OSError:
            return False
