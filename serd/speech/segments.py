"""The types that voice activity detection and segmentation hand on."""

from dataclasses import dataclass

from serd.audio.format import CaptureTime, Samples


@dataclass(frozen=True, kw_only=True, slots=True)
class VoicedFrames:
    """Consecutive frames of sound with the voice detector's decision on each."""

    samples: Samples
    """int16, shape (n_frames * n_samples_per_frame,)."""
    voiced: tuple[bool, ...]
    """Decision on each frame. A tuple, because most blocks complete only a few frames."""
    mean_square: tuple[float, ...]
    """Mean of the squared samples of each frame."""
    offset_samples: int
    """Position of the first sample, counted from the source's start."""
    captured: CaptureTime
    """Capture time of the block that completed the frames."""

    @property
    def end_samples(self) -> int:
        """Position after the last sample, counted from the source's start."""
        return self.offset_samples + self.samples.size


@dataclass(frozen=True, kw_only=True, slots=True)
class SpeechWindow:
    """Up to one window length of speech, without its long pauses."""

    samples: Samples
    """int16, shape (n_samples,); shorter than a full window only in the last window of an utterance and
    in a provisional one."""
    utterance: int
    """Number of the utterance, from 1, within the source."""
    position_samples: int
    """Start of the window in the utterance's retained speech, in samples."""
    start_s: float
    """Time of the first sample, in seconds from the source's start."""
    end_s: float
    """Time after the last sample, in seconds from the source's start."""
    speech_s: float
    """Voiced sound in the window, in seconds."""
    new_speech_s: float
    """Voiced sound that no earlier window holds, in seconds; the weight of the window in an average."""
    level_dbfs: float
    """RMS level of the voiced frames, in dBFS."""
    is_last: bool
    """Whether the utterance ends with this window."""
    captured: CaptureTime
    """Capture time of the block that completed the window."""
    is_provisional: bool = False
    """Whether this is the early, shorter window of an utterance; the full windows that follow hold its
    sound as well."""


@dataclass(frozen=True, kw_only=True, slots=True)
class UtteranceEnd:
    """The end of an utterance that had at least one window."""

    utterance: int
    """Number of the utterance, from 1, within the source."""
    start_s: float
    """Time of its first sample, in seconds from the source's start."""
    end_s: float
    """Time after its last voiced frame, in seconds from the source's start."""
    speech_s: float
    """Voiced sound of the utterance, in seconds."""
    level_dbfs: float
    """RMS level of its voiced frames, in dBFS."""
    captured: CaptureTime
    """Capture time of the block that ended the utterance."""


Segment = SpeechWindow | UtteranceEnd
