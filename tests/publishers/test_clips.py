"""Sound is stored only if enabled, beside its event, within limits."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.daemon.supervisor import Supervisor
from serd.errors import SettingsError
from serd.events.reports import SoundReport
from serd.publishers import Context
from serd.publishers.clip_files import event_beside
from serd.publishers.clips import Clips, Settings, create
from testkit.brokers import logged_lines
from testkit.made_events import make_event
from testkit.voices import synthetic_voice

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())


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
    with pytest.raises(SettingsError, match="cannot be created"):
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


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    """The message names a file that is there; nothing is written or deleted."""
    music = tmp_path / "song.wav"
    music.write_bytes(b"music")
    with pytest.raises(SettingsError, match=r"holds other files, such as 'song\.wav'; expected a new"):
        create(Settings(enabled=True, folder=str(tmp_path)), CONTEXT)
    assert [path.name for path in tmp_path.iterdir()] == ["song.wav"]


def test_clips_of_an_earlier_version_are_accepted(tmp_path: Path) -> None:
    """A folder without a marker that holds clips alone goes on being used."""
    Clips(tmp_path, max_clips=10, max_bytes=10**7).publish(_report(1))
    clips = create(Settings(enabled=True, folder=str(tmp_path), max_clips=2), CONTEXT)
    assert clips is not None
    for number in (2, 3):
        clips.publish(_report(number))
    assert [name[:17] for name in _names(tmp_path, ".wav")] == ["2025-03-01T123002", "2025-03-01T123003"]


def test_only_clips_of_serd_are_deleted(tmp_path: Path) -> None:
    """Sound that came into the folder later stays, whatever its name and whatever lies beside it."""
    clips = create(Settings(enabled=True, folder=str(tmp_path / "clips"), max_clips=1), CONTEXT)
    assert clips is not None
    others = ["0-song.wav", "2020-01-01T000000.000p0000-mic-sad-1.wav"]
    for name in others:
        (tmp_path / "clips" / name).write_bytes(b"music")
    (tmp_path / "clips" / "0-song.json").write_text(make_event(7).to_json())
    for number in range(4):
        clips.publish(_report(number))
    assert [name[:17] for name in _names(tmp_path / "clips", ".wav")] == [
        *(name[:17] for name in others),
        "2025-03-01T123003",
    ]


def test_the_oldest_is_that_of_the_earliest_sound(tmp_path: Path) -> None:
    """By the time in the event: names sort otherwise where the clock is put back in autumn."""
    clips = Clips(tmp_path, max_clips=1, max_bytes=10**7)
    summer, winter = "2025-10-26T02:50:00.000+02:00", "2025-10-26T02:10:00.000+01:00"
    for number, time in enumerate((summer, winter)):
        event = make_event(number, kind="window", time=time)
        clips.publish(SoundReport(event=event, samples=synthetic_voice(0.5)))
    (name,) = _names(tmp_path, ".wav")
    assert name.startswith("2025-10-26T021000")


def test_a_clip_stays_whole_if_an_older_one_cannot_be_deleted(tmp_path: Path) -> None:
    """The log says so once, and the older one is deleted as soon as that works."""
    clips = Clips(tmp_path, max_clips=1, max_bytes=10**7)
    clips.publish(_report(1))
    (first,) = tmp_path.glob("*.wav")
    first.unlink()
    first.mkdir()
    with logged_lines() as lines:
        clips.publish(_report(2))
        clips.publish(_report(3))
        assert [len(_names(tmp_path, suffix)) for suffix in (".wav", ".json")] == [3, 3]
        first.rmdir()
        clips.publish(_report(4))
    assert len(lines) == 1
    assert lines[0].startswith(f"old clips cannot be deleted in {tmp_path}: ")
    for suffix in (".wav", ".json"):
        assert [name[:17] for name in _names(tmp_path, suffix)] == ["2025-03-01T123004"]


def test_the_events_of_earlier_clips_are_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There may be 100,000: their names tell the times, and only one that is deleted is looked into."""
    earlier = Clips(tmp_path, max_clips=10, max_bytes=10**7)
    for number in range(5):
        earlier.publish(_report(number))
    read: list[str] = []
    monkeypatch.setattr(
        "serd.publishers.clips.event_beside", lambda path: read.append(path.name) or event_beside(path)
    )
    clips = Clips(tmp_path, max_clips=5, max_bytes=10**7)
    assert read == []
    clips.publish(_report(5))
    assert [name[:17] for name in read] == ["2025-03-01T123000"]
    assert len(_names(tmp_path, ".wav")) == 5


def test_only_the_owner_can_read_clips(tmp_path: Path) -> None:
    """Whatever the umask; a link of the same name is replaced, not followed."""
    target = tmp_path / "target"
    target.write_text("precious")
    folder = tmp_path / "clips"
    before = os.umask(0)
    try:
        clips = create(Settings(enabled=True, folder=str(folder)), CONTEXT)
        assert clips is not None
        report = _report(1)
        stem = "2025-03-01T123001.000p0000-mic-sad-1"
        for suffix in (".part", ".json"):
            (folder / f"{stem}{suffix}").symlink_to(target)
        clips.publish(report)
    finally:
        os.umask(before)
    assert target.read_text() == "precious"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.lstat().st_mode) for path in folder.iterdir()} == {0o600}
    assert _names(folder, ".wav") == [f"{stem}.wav"]


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
