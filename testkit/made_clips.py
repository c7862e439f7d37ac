"""Folders of stored sound."""

from pathlib import Path

from serd.events.reports import SoundReport
from serd.publishers.clips import Clips
from testkit.made_events import make_event
from testkit.made_history import NOON_S
from testkit.voices import synthetic_voice


def clip_time_s(number: int) -> float:
    """The time of a clip of ``make_clips``, in seconds since 1970."""
    return NOON_S + number


def make_clips(state: Path, *numbers: int, max_clips: int = 100) -> Path:
    """A folder of clips in a state folder, one second after the other; each is called angry."""
    folder = state / "clips"
    folder.mkdir(parents=True, exist_ok=True)
    clips = Clips(folder, max_clips=max_clips, max_bytes=10**9)
    for number in numbers:
        time = f"2026-11-28T12:00:{number:02d}.000+00:00"
        event = make_event(number, kind="window", emotion="angry", time=time)
        clips.publish(SoundReport(event=event, samples=synthetic_voice(1.0, seed=number)))
    return folder
