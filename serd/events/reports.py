"""The reports that the daemon hands to its publishers: events, changes of state and measurements."""

from collections.abc import Mapping
from dataclasses import dataclass

from serd.audio.format import Samples
from serd.events.controls import CONTROLS, Controls
from serd.events.event import Event
from serd.events.mood import SourceMood


@dataclass(frozen=True, kw_only=True, slots=True)
class StateReport:
    """The last emotion of a source."""

    source: str
    """Name of the source."""
    emotion: str
    """A label of the model, or "none" after a time without speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MoodReport:
    """The mood of a source, when it has changed."""

    source: str
    """Name of the source."""
    mood: SourceMood
    """The mood over its spans."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AlertReport:
    """An alert of a source at the start, or after it turned on or off."""

    source: str
    """Name of the source."""
    name: str
    """Name of the alert."""
    is_on: bool
    """Whether it is on."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechReport:
    """Speech started or ended at a source."""

    source: str
    """Name of the source."""
    is_speaking: bool
    """Whether an utterance is in progress; the segmenter's start rule and hangover debounce it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundReport:
    """The sound of an event of kind "window", for publishers that store it."""

    event: Event
    """The event."""
    samples: Samples
    """int16, shape (n_samples,), 16 kHz mono: the window, without its long pauses."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelReport:
    """The level of a source, and the current estimate of the emotion."""

    source: str
    """Name of the source."""
    level_dbfs: float
    """RMS level since the last report, in dB relative to full scale; -100 to 0."""
    is_due: bool = True
    """Whether ``[report] level_s`` has passed since the last report with this. The other reports are for
    publishers on this machine, which can take more of them."""
    guesses: Mapping[str, float]
    """The three likeliest emotions of the current utterance with their probabilities, likeliest first;
    empty without speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AvailabilityReport:
    """A source was lost or has recovered, or there is another reason to doubt its sound."""

    source: str
    """Name of the source."""
    is_alive: bool
    """Whether it delivers sound."""
    reason: str = ""
    """Why it was lost, or what is wrong with its sound, for people; empty if nothing is known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlReport:
    """The values of a source's controls at the start, or after a change of one of them."""

    source: str
    """Name of the source."""
    controls: Controls
    """Values of all controls."""
    changed: tuple[str, ...] = CONTROLS
    """Names of the controls that were set."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RefusalReport:
    """The refusal of a change of a control."""

    source: str
    """Name of the source."""
    control: str
    """Name of the control."""
    reason: str
    """The value received, and the values accepted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatsReport:
    """Statistics of the daemon since its start."""

    uptime_s: float
    """Time since the start, in seconds."""
    version: str
    """Version of serd."""
    model: str
    """Name and version of the model."""
    sound_s: float
    """Sound processed, all sources together, in seconds."""
    n_windows: int
    """Windows that the model processed."""
    n_rejected: int
    """Windows that the model rejected as no speech."""
    n_events: int
    """Events created."""
    n_dropped_blocks: int
    """Blocks of sound dropped because the daemon was too slow."""
    n_overflows: int
    """Overflows that sound cards reported."""
    real_time_factor: float
    """CPU time per time of sound; below 1 the daemon keeps up."""
    cpu_s: float
    """CPU time, in seconds."""
    rss_mb: float
    """Resident memory, in megabytes."""
    n_source_losses: int
    """Number of times that a source was lost."""


Report = (
    Event
    | SoundReport
    | StateReport
    | MoodReport
    | AlertReport
    | SpeechReport
    | LevelReport
    | AvailabilityReport
    | ControlReport
    | RefusalReport
    | StatsReport
)
"""Anything that the daemon hands to its publishers."""
