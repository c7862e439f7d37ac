"""What the daemon tells its publishers: events, and one thing that changed or was measured each."""

from collections.abc import Mapping
from dataclasses import dataclass

from serd.audio.format import Samples
from serd.events.controls import Controls
from serd.events.event import Event


@dataclass(frozen=True, kw_only=True, slots=True)
class StateReport:
    """The last stable emotion of a source."""

    source: str
    """Name of the source."""
    emotion: str
    """A label of the model, or "none" after a quiet time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechReport:
    """Somebody began or stopped speaking."""

    source: str
    """Name of the source."""
    is_speaking: bool
    """Whether an utterance is under way; the segmenter's start and hangover keep it from fluttering."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SoundReport:
    """The sound behind an event of kind "window", for those who are asked to keep it."""

    event: Event
    """The event."""
    samples: Samples
    """int16, shape (n_samples,), 16 kHz mono: the window, its long pauses cut out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LevelReport:
    """How loud it is."""

    source: str
    """Name of the source."""
    level_dbfs: float
    """RMS level since the last report, in dB relative to full scale; -100 to 0."""
    guesses: Mapping[str, float]
    """The three likeliest emotions of the utterance under way with their probabilities, likeliest first;
    empty where nobody speaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AvailabilityReport:
    """A source of sound went away or came back."""

    source: str
    """Name of the source."""
    is_alive: bool
    """Whether it delivers sound."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlReport:
    """The controls of a source have these values from now on."""

    source: str
    """Name of the source."""
    controls: Controls
    """All of them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ControlRefused:
    """A change of a control was refused."""

    source: str
    """Name of the source."""
    control: str
    """Name of the control."""
    reason: str
    """What was got and what was expected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StatsReport:
    """How the daemon fares since its start."""

    uptime_s: float
    """Time since the start, in seconds."""
    version: str
    """Version of serd."""
    model: str
    """Name and version of the model."""
    sound_s: float
    """Sound heard, all sources together, in seconds."""
    n_windows: int
    """Windows that went through the model."""
    n_rejected: int
    """Windows of these that the model took for no speech."""
    n_events: int
    """Events made."""
    n_dropped_blocks: int
    """Blocks of sound dropped because the daemon was too slow."""
    n_overflows: int
    """Overflows that sound cards reported."""
    real_time_factor: float
    """CPU time per time of sound heard; below 1 the daemon keeps up."""
    cpu_s: float
    """CPU time, in seconds."""
    rss_mb: float
    """Resident memory, in megabytes."""
    n_source_losses: int
    """How often a source went away."""


Report = (
    Event
    | SoundReport
    | StateReport
    | SpeechReport
    | LevelReport
    | AvailabilityReport
    | ControlReport
    | ControlRefused
    | StatsReport
)
