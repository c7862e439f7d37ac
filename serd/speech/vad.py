"""Voice activity: cuts sound into frames and asks a voice detector about each."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, AudioBlock, Samples
from serd.errors import LibraryError
from serd.speech.segments import VoicedFrames

BACKGROUND_DBFS: Final = -66.0
"""Level that the background is brought to at most. webrtcvad takes steady noise above about -40 for
speech, and fainter noise for a moment while it is fresh; this lies below the gate of ``voice``."""
FOREGROUND_DBFS: Final = -35.0
"""Level that the loudest frames are brought to at most; webrtcvad hears speech from there on well."""
DRIFT_DB_PER_S: Final = 3.0
"""How fast the two follow a background that has become louder, a foreground that has become fainter."""

_MOST_BACKGROUND: Final = FULL_SCALE**2 * 10.0 ** (BACKGROUND_DBFS / 10.0)
_MOST_FOREGROUND: Final = FULL_SCALE**2 * 10.0 ** (FOREGROUND_DBFS / 10.0)
_TINY: Final = 1e-9
"""Takes the place of a power of zero."""
_DOUBLING_DB: Final = 6.0
"""20 log10(2), as it is called."""

WEBRTC: Final = "webrtc"


class GainControl:
    """How far the sound of a source may be amplified for a voice detector.

    webrtcvad detects nothing in faint speech, for its thresholds are absolute; amplified by a fixed
    gain, the noise of most rooms would be speech to it. Two levels decide: that of the background, a
    minimum that falls at once and rises slowly, and that of the foreground, a maximum that rises at once
    and falls slowly. It is the simplest form of R. Martin, "Noise power spectral density estimation
    based on optimal smoothing and minimum statistics", IEEE Transactions on Speech and Audio
    Processing, 2001.
    """

    def __init__(self, *, frame_s: float, max_gain_db: float) -> None:
        """Begin without a past; the first frame with sound in it is background and foreground.

        Args:
            frame_s: length of a frame, in seconds.
            max_gain_db: most that sound may be amplified by, in dB.
        """
        self._drift = 10.0 ** (DRIFT_DB_PER_S * frame_s / 10.0)
        self._background = math.inf
        self._foreground = 0.0
        self._most = int(max_gain_db / _DOUBLING_DB)

    def doublings(self, mean_square: float) -> int:
        """Take the next frame, and say how often its amplitude may be doubled.

        Args:
            mean_square: of its 16-bit samples. Digital silence is no background.
        """
        if mean_square > 0.0:
            self._background = min(mean_square, self._background * self._drift)
        self._foreground = max(mean_square, self._foreground / self._drift, _TINY)
        headroom = min(_MOST_BACKGROUND / self._background, _MOST_FOREGROUND / self._foreground)
        # Each doubling takes a factor of 4 of it, two of its binary exponent.
        return max(0, min(self._most, (math.frexp(headroom)[1] - 1) // 2))


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceSettings:
    """What counts as voice."""

    detector: str = WEBRTC
    """The voice detector: "webrtc"."""
    min_probability: float = 0.5
    """Probability of speech from which on a frame is voiced, above 0, at most 1; webrtc gives 0 or 1."""
    frame_ms: int = 30
    """Length of a frame of webrtc, in milliseconds: 10, 20 or 30."""
    aggressiveness: int = 1
    """How readily webrtcvad calls sound no speech: 0 (least) to 3 (most)."""
    min_level_dbfs: float = -65.0
    """RMS level, after amplification, below which a frame is silence whatever webrtcvad says, in dBFS;
    -100 to 0."""
    max_gain_db: float = 36.0
    """Most that faint sound is amplified for webrtcvad, in steps of 6 dB, where the background is faint
    too; 0 to 48. What is recognised is the sound as it came."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if self.detector not in DETECTORS:
            yield "detector", f"one of: {', '.join(DETECTORS)}"
        if not 0.0 < self.min_probability <= 1.0:
            yield "min_probability", "above 0, at most 1"
        if self.frame_ms not in {10, 20, 30}:
            yield "frame_ms", "10, 20 or 30"
        if self.aggressiveness not in {0, 1, 2, 3}:
            yield "aggressiveness", "0, 1, 2 or 3"
        if not -100.0 <= self.min_level_dbfs <= 0.0:
            yield "min_level_dbfs", "-100 to 0 dBFS"
        if not 0.0 <= self.max_gain_db <= 48.0:
            yield "max_gain_db", "0 to 48 dB"


class VoiceDetector(Protocol):
    """Gives the probability of speech in one frame after the other; it may remember earlier frames."""

    @property
    def frame_samples(self) -> int:
        """Length of its frames, in samples of 16 kHz."""
        ...

    def speech_probability(self, frame: Samples) -> float:
        """The probability that a frame holds speech; 0 or 1 from a detector that only decides.

        Args:
            frame: int16, shape (frame_samples,), 16 kHz mono.
        """
        ...


class WebrtcDetector:
    """The voice detector of WebRTC, through the module webrtcvad."""

    def __init__(self, settings: VoiceSettings) -> None:
        """Load the module.

        Raises:
            LibraryError: webrtcvad is not installed. There is no fallback: a daemon without voice
                detection would take every noise for speech.
        """
        try:
            import webrtcvad  # noqa: PLC0415
        except ImportError as exc:
            raise LibraryError(
                f"the voice detector does not load ({exc}): pip install webrtcvad-wheels"
            ) from exc
        self._vad = webrtcvad.Vad(settings.aggressiveness)
        self.frame_samples = settings.frame_ms * SAMPLE_RATE_HZ // 1000

    def speech_probability(self, frame: Samples) -> float:
        """1 where webrtcvad decides for speech, else 0."""
        return float(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ))


DETECTORS: Final[dict[str, Callable[[VoiceSettings], VoiceDetector]]] = {WEBRTC: WebrtcDetector}
"""What makes each voice detector, by its name in the settings. Another one is a file and a line here."""


def voice_detector(settings: VoiceSettings) -> VoiceDetector:
    """A new detector of the kind that the settings name.

    Raises:
        LibraryError: its library is not installed.
    """
    return DETECTORS[settings.detector](settings)


class VoiceActivity:
    """Audio blocks of any size in, whole frames with a decision on each out."""

    FRESH_AFTER_S = 1.0
    """Digital silence after which the detector and the levels of the gain are reset, in seconds."""

    def __init__(self, new_detector: Callable[[], VoiceDetector], settings: VoiceSettings) -> None:
        """Make a detector.

        Args:
            new_detector: makes one. Another one replaces it after ``FRESH_AFTER_S`` of digital silence
                (a muted microphone, a stream that paused): what it has learned of the background is out
                of date then, and the sound that follows is treated like the beginning of a file.
            settings: what counts as voice.
        """
        self._new_detector = new_detector
        self._max_gain_db = settings.max_gain_db
        self._min_probability = settings.min_probability
        self._reset()
        self.frame_samples = self._detector.frame_samples
        """Length of a frame, in samples."""
        self._n_silent_frames = 0
        self._n_fresh_frames = round(self.FRESH_AFTER_S * SAMPLE_RATE_HZ / self.frame_samples)
        self._min_mean_square = FULL_SCALE**2 * 10.0 ** (settings.min_level_dbfs / 10.0)
        self._rest: Samples = np.empty(0, np.int16)
        self._next_offset_samples = 0

    def process(self, block: AudioBlock) -> VoicedFrames:
        """Decide on every frame that the block completes; the rest waits for the next block.

        Lost sound before the block drops the rest of what came before it.
        """
        if block.offset_samples != self._next_offset_samples:
            self._rest = self._rest[:0]
        self._next_offset_samples = block.end_samples
        offset_samples = block.offset_samples - self._rest.size
        samples = np.concatenate((self._rest, block.samples)) if self._rest.size else block.samples
        n_whole = samples.size // self.frame_samples * self.frame_samples
        self._rest = samples[n_whole:].copy()
        whole = samples[:n_whole]
        mean_square = self._mean_square(whole)
        return VoicedFrames(
            samples=whole,
            voiced=self._voiced(whole, mean_square),
            mean_square=mean_square,
            offset_samples=offset_samples,
            captured=block.captured,
        )

    def _mean_square(self, whole: Samples) -> tuple[float, ...]:
        """Of each frame; sums of squared integers are exact in float64, in whatever order."""
        size = self.frame_samples
        exact = whole.astype(np.float64)
        frames = [exact[start : start + size] for start in range(0, whole.size, size)]
        return tuple(float(frame.dot(frame)) / size for frame in frames)

    def _voiced(self, whole: Samples, mean_square: Sequence[float]) -> tuple[bool, ...]:
        """The decision on each frame."""
        size = self.frame_samples
        voiced: list[bool] = []
        for start, power in zip(range(0, whole.size, size), mean_square, strict=True):
            detector, n_doublings = self._follow(power)
            frame = _doubled(whole[start : start + size], n_doublings)
            is_speech = detector.speech_probability(frame) >= self._min_probability
            voiced.append(is_speech and power >= self._min_mean_square / 4.0**n_doublings)
        return tuple(voiced)

    def _follow(self, power: float) -> tuple[VoiceDetector, int]:
        """Take the next frame's power: who decides on it, and how often it is doubled for that."""
        if power == 0.0:
            self._n_silent_frames += 1
        elif self._n_silent_frames:
            if self._n_silent_frames >= self._n_fresh_frames:
                self._reset()
            self._n_silent_frames = 0
        return self._detector, self._gain.doublings(power)

    def _reset(self) -> None:
        self._detector = self._new_detector()
        frame_s = self._detector.frame_samples / SAMPLE_RATE_HZ
        self._gain = GainControl(frame_s=frame_s, max_gain_db=self._max_gain_db)


def _doubled(samples: Samples, n_doublings: int) -> Samples:
    """Amplified by powers of two, and clipped."""
    if not n_doublings:
        return samples
    amplified = np.left_shift(samples, n_doublings, dtype=np.int32)
    clipped: Samples = amplified.clip(-FULL_SCALE, FULL_SCALE - 1).astype(np.int16)
    return clipped
