"""A new kind of source is a class and an entry, and works in the daemon like any other."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serd.audio.format import AudioBlock, CaptureTime
from serd.audio.opening import OPENERS, Shared, SourceOpener, is_microphone
from serd.audio.source import Source, SourceSettings
from serd.daemon.service import Service
from serd.daemon.systemd import ServiceManager
from serd.events.event import Event
from serd.settings.loader import Settings, load_settings
from testkit.services import ReportRecorder
from testkit.voices import quiet_room, synthetic_voice


class VoiceSource:
    """A voice of the duration in its URL: ``voice://4`` lasts 4 seconds."""

    n_dropped_blocks = 0
    n_overflows = 0

    def __init__(self, duration_s: float) -> None:
        self._sound = np.concatenate((quiet_room(1.0), synthetic_voice(duration_s), quiet_room(1.5)))
        self._is_stopped = False

    def __iter__(self) -> Iterator[AudioBlock]:
        for start in range(0, self._sound.size, 480):
            if self._is_stopped:
                return
            yield AudioBlock(
                samples=self._sound[start : start + 480],
                offset_samples=start,
                captured=self._captured,
            )

    def stop(self) -> None:
        """End the iteration soon."""
        self._is_stopped = True

    def describe(self) -> str:
        """Return a fixed description."""
        return "a synthetic voice"

    def summary(self) -> str:
        """Return no problem."""
        return ""

    @property
    def _captured(self) -> CaptureTime:
        return CaptureTime(epoch_s=1_700_000_000.0, arrived_s=0.0)


def _open(settings: SourceSettings, shared: Shared) -> Source:
    assert shared.paced
    return VoiceSource(float(settings.input.removeprefix("voice://")))


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """A settings file that names the source, which is registered."""
    monkeypatch.setitem(OPENERS, "voice", _open)
    path = tmp_path / "serd.toml"
    path.write_text('[source]\ninput = "voice://4"\nname = "nowhere"\n')
    return load_settings(path, environment={})


def test_a_registered_scheme_is_neither_a_file_nor_a_microphone(settings: Settings) -> None:
    """The opener of its scheme opens it."""
    assert not is_microphone(settings.sources[0])
    assert isinstance(SourceOpener().open(settings.sources[0]), VoiceSource)


def test_the_daemon_publishes_its_events(settings: Settings, tmp_path: Path) -> None:
    """They have the source's name in the settings, and end with the utterance."""
    manager = ServiceManager({})
    recorder = ReportRecorder()
    service = Service(
        settings,
        load=lambda: settings,
        state_folder=tmp_path,
        opener=SourceOpener(),
        manager=manager,
        publishers=recorder,
    )
    service.run()
    manager.close()
    events = recorder.of(Event)
    assert {event.source for event in events} == {"nowhere"}
    assert [event.kind for event in events].count("utterance") == 1
