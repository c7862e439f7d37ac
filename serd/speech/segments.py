"""What passes between voice activity, segmenter and features."""

from dataclasses import dataclass

from serd.audio.format import CaptureTime, Samples


@dataclass(frozen=True, kw_only=True, slots=True)
class VoicedFrames:
    """Consecutive frames of sound with the voice detector's decision on each."""

    samples: Samples
    """int16, shape (n_frames * n_samples_per_frame,)."""
    voiced: tuple[bool, ...]
    """Of each frame. Plain values: most sound comes a frame or a few at a time."""
    mean_square: tuple[float, ...]
    """Mean of the squared samples of each frame."""
    offset_samples: int
    """Position of the first sample, counted from the source's start."""
    captured: CaptureTime

    @property
    def end_samples(self) -> int:
        """Position behind the last sample, counted from the source's start."""
        return self.offset_samples + self.samples.size


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechWindow:
    """Up to one window length of speech, its long pauses cut out."""

    samples: Samples
    """int16, shape (n_samples,); shorter than a full window only in an utterance's last, and in one that
    is provisional."""
    utterance: int
    """Number of the utterance, from 1, within the source."""
    position_samples: int
    """Where the window begins in the utterance's kept speech, in samples."""
    start_s: float
    """Time of the first sample, in seconds from the source's start."""
    end_s: float
    """Time behind the last sample, in seconds from the source's start."""
    speech_s: float
    """How much of the window is voiced, in seconds."""
    new_speech_s: float
    """How much of that no earlier window held, in seconds; what the window weighs in an average."""
    level_dbfs: float
    """RMS level of the voiced frames, in dBFS."""
    is_last: bool
    """Whether the utterance ends with this window."""
    captured: CaptureTime
    is_provisional: bool = False
    """Whether it left before it was full, as the first word on an utterance; full windows follow that
    hold its sound again, as if it had never been."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UtteranceEnd:
    """An utterance of which at least one window has left is over."""

    utterance: int
    """Number of the utterance, from 1, within the source."""
    start_s: float
    """Time of its first sample, in seconds from the source's start."""
    end_s: float
    """Time behind its last voiced frame, in seconds from the source's start."""
    speech_s: float
    """How much of it was voiced, in seconds."""
    level_dbfs: float
    """RMS level of its voiced frames, in dBFS."""
    captured: CaptureTime


Segment = SpeechWindow | UtteranceEnd
