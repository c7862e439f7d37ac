"""Sound is stored only if enabled, beside its event, within limits."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.errors import SettingsError
from serd.events.reports import SoundReport
from serd.publishers import Context
from serd.publishers.clips import Clips, Settings, create
from testkit.brokers import logged_lines
from testkit.made_events import make_event
from testkit.voices import synthetic_voice

CONTEXT = Context(node="pi", sources=("mic",))


def _report(number: int, *, duration_s: float = 0.5) -> SoundReport:
    """The sound of a window; the number is the second of its time."""
    event = make_event(
        number, kind="window", emotion="sad", time=f"2025-03-01T12:30:{number:02d}.000+00:00"
    )
    return SoundReport(event=event, samples=synthetic_voice(duration_s, seed=number))


def _names(folder: Path, suffix: str) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix == suffix)


def test_nothing_is_stored_by_default() -> None:
    """With the default settings there is no publisher."""
    assert create(Settings(), CONTEXT) is None


def test_storage_is_logged_and_needs_a_folder(tmp_path: Path) -> None:
    """At each start one line names the folder; a missing or bad folder is an error."""
    with logged_lines() as lines:
        assert create(Settings(enabled=True, folder=str(tmp_path / "clips")), CONTEXT) is not None
    (line,) = lines
    assert "sound of each window is stored" in line
    assert str(tmp_path / "clips") in line
    with pytest.raises(SettingsError, match="name one"):
        create(Settings(enabled=True), CONTEXT)
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be made"):
        create(Settings(enabled=True, folder=str(tmp_path / "file" / "clips")), CONTEXT)


def test_a_window_is_stored_beside_its_event(tmp_path: Path) -> None:
    """The same samples, and the same event."""
    clips = Clips(tmp_path, max_clips=10, max_bytes=10**7)
    report = _report(1)
    clips.publish(report)
    clips.publish(report.event)
    (wav,) = _names(tmp_path, ".wav")
    assert wav.startswith("2025-03-01T123001.000")
    assert "-mic-sad-" in wav
    samples, rate_hz = soundfile.read(tmp_path / wav, dtype="int16")
    assert rate_hz == 16_000
    assert np.array_equal(samples, report.samples)
    event = json.loads((tmp_path / wav).with_suffix(".json").read_text("utf-8"))
    assert event["id"] == "1"


@pytest.mark.parametrize(("max_clips", "max_bytes"), [(3, 10**7), (100, 3 * 16_100)])
def test_the_oldest_are_deleted(tmp_path: Path, max_clips: int, max_bytes: int) -> None:
    """By number, or by size: the newest three of eight are left, each with its event."""
    clips = Clips(tmp_path, max_clips=max_clips, max_bytes=max_bytes)
    for number in range(8):
        clips.publish(_report(number))
    left = [name[:17] for name in _names(tmp_path, ".wav")]
    assert left == ["2025-03-01T123005", "2025-03-01T123006", "2025-03-01T123007"]
    assert [name[:-5] for name in _names(tmp_path, ".json")] == [
        name[:-4] for name in _names(tmp_path, ".wav")
    ]


def test_a_missing_folder_is_logged_once(tmp_path: Path) -> None:
    """The daemon runs on, and goes on storing once the folder is back."""
    folder = tmp_path / "clips"
    clips = Clips(folder, max_clips=10, max_bytes=10**7)
    with logged_lines() as lines:
        clips.publish(_report(1))
        clips.publish(_report(2))
        folder.mkdir()
        clips.publish(_report(3))
    assert len(lines) == 1
    assert len(_names(folder, ".wav")) == 1
