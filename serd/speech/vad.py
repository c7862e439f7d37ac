"""Voice activity detection: cuts sound into frames, and decides on each with a voice detector."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, AudioBlock, Samples
from serd.errors import LibraryError
from serd.speech.gain import GainControl, amplify
from serd.speech.high_pass import HighPass
from serd.speech.segments import VoicedFrames

WEBRTC: Final = "webrtc"


@dataclass(frozen=True, kw_only=True, slots=True)
class VoiceSettings:
    """Voice activity detection."""

    detector: str = WEBRTC
    """The voice detector: "webrtc"."""
    min_probability: float = 0.5
    """Minimum probability of speech of a voiced frame, above 0, up to 1; webrtc gives 0 or 1."""
    frame_ms: int = 30
    """Length of a frame of webrtc, in milliseconds: 10, 20 or 30."""
    aggressiveness: int = 1
    """How strictly webrtcvad rejects sound as no speech: 0 (least) to 3 (most)."""
    min_level_dbfs: float = -65.0
    """RMS level, after amplification, below which a frame is silence whatever webrtcvad decides, in
    dBFS; -100 to 0."""
    max_gain_db: float = 36.0
    """Maximum gain for faint sound with a faint background, in dB, in steps of 6; 0 to 48. Only the
    voice detector gets the amplified sound."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.detector not in DETECTORS:
            yield "detector", f"one of: {', '.join(DETECTORS)}"
        if not 0.0 < self.min_probability <= 1.0:
            yield "min_probability", "above 0, up to 1"
        if self.frame_ms not in {10, 20, 30}:
            yield "frame_ms", "10, 20 or 30"
        if self.aggressiveness not in {0, 1, 2, 3}:
            yield "aggressiveness", "0, 1, 2 or 3"
        if not -100.0 <= self.min_level_dbfs <= 0.0:
            yield "min_level_dbfs", "-100 to 0 dBFS"
        if not 0.0 <= self.max_gain_db <= 48.0:
            yield "max_gain_db", "0 to 48 dB"


class VoiceDetector(Protocol):
    """Estimates the probability of speech in consecutive frames; it may have a state."""

    @property
    def frame_samples(self) -> int:
        """Length of a frame, in samples of 16 kHz."""
        ...

    def speech_probability(self, frame: Samples) -> float:
        """Return the probability that a frame holds speech; 0 or 1 from a binary detector.

        Args:
            frame: int16, shape (frame_samples,), 16 kHz mono.
        """
        ...


class WebrtcDetector:
    """The voice detector of WebRTC, from the module webrtcvad."""

    def __init__(self, settings: VoiceSettings) -> None:
        """Load the module.

        Raises:
            LibraryError: webrtcvad is not installed. There is no fallback: without voice detection the
                daemon would take every noise for speech.
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
        """Return 1 if webrtcvad detects speech, else 0."""
        return float(self._vad.is_speech(frame.tobytes(), SAMPLE_RATE_HZ))


DETECTORS: Final[dict[str, Callable[[VoiceSettings], VoiceDetector]]] = {WEBRTC: WebrtcDetector}
"""Factory of each voice detector, by its name in the settings; a new one is an entry here."""


def voice_detector(settings: VoiceSettings) -> VoiceDetector:
    """Create the detector that the settings name.

    Raises:
        LibraryError: its library is not installed.
    """
    return DETECTORS[settings.detector](settings)


class VoiceActivity:
    """Turns blocks of sound of any size into whole frames with a voice decision on each."""

    RESET_SILENCE_S = 1.0
    """Digital silence after which the detector and the gain control are replaced, in seconds."""

    def __init__(
        self,
        new_detector: Callable[[], VoiceDetector],
        settings: VoiceSettings,
        high_pass: HighPass | None = None,
    ) -> None:
        """Create a detector.

        Args:
            new_detector: creates a detector. A new one replaces it after ``RESET_SILENCE_S`` of digital
                silence (a muted microphone, a paused stream), when its estimate of the background is
                out of date; the sound that follows is treated like the start of a file.
            settings: settings of voice activity detection.
            high_pass: filters the frames; None to leave them as they are.
        """
        self._high_pass = high_pass
        self._new_detector = new_detector
        self._max_gain_db = settings.max_gain_db
        self._min_probability = settings.min_probability
        self._reset()
        self.frame_samples = self._detector.frame_samples
        """Length of a frame, in samples."""
        self._n_silent_frames = 0
        self._n_reset_frames = round(self.RESET_SILENCE_S * SAMPLE_RATE_HZ / self.frame_samples)
        self._min_mean_square = FULL_SCALE**2 * 10.0 ** (settings.min_level_dbfs / 10.0)
        self._remainder: Samples = np.empty(0, np.int16)
        self._next_offset_samples = 0

    def process(self, block: AudioBlock) -> VoicedFrames:
        """Return the frames that the block completes; the remainder waits for the next block.

        A gap before the block discards the remainder of the earlier sound.
        """
        if block.offset_samples != self._next_offset_samples:
            self._remainder = self._remainder[:0]
            if self._high_pass is not None:
                self._high_pass.reset()
        self._next_offset_samples = block.end_samples
        offset_samples = block.offset_samples - self._remainder.size
        samples = (
            np.concatenate((self._remainder, block.samples)) if self._remainder.size else block.samples
        )
        n_whole = samples.size // self.frame_samples * self.frame_samples
        self._remainder = samples[n_whole:].copy()
        whole = samples[:n_whole]
        if self._high_pass is not None:
            whole = self._high_pass.filter(whole)
        mean_square = self._mean_square(whole)
        return VoicedFrames(
            samples=whole,
            voiced=self._voiced(whole, mean_square),
            mean_square=mean_square,
            offset_samples=offset_samples,
            captured=block.captured,
        )

    def _mean_square(self, whole: Samples) -> tuple[float, ...]:
        """Return the mean square of each frame; sums of squared integers are exact in float64."""
        size = self.frame_samples
        exact = whole.astype(np.float64)
        frames = [exact[start : start + size] for start in range(0, whole.size, size)]
        return tuple(float(frame.dot(frame)) / size for frame in frames)

    def _voiced(self, whole: Samples, mean_square: Sequence[float]) -> tuple[bool, ...]:
        """Return the decision on each frame."""
        size = self.frame_samples
        voiced: list[bool] = []
        for start, power in zip(range(0, whole.size, size), mean_square, strict=True):
            detector, n_doublings = self._update(power)
            frame = amplify(whole[start : start + size], n_doublings)
            is_speech = detector.speech_probability(frame) >= self._min_probability
            voiced.append(is_speech and power >= self._min_mean_square / 4.0**n_doublings)
        return tuple(voiced)

    def _update(self, power: float) -> tuple[VoiceDetector, int]:
        """Update the state with the next frame's power; returns its detector and number of doublings."""
        if power == 0.0:
            self._n_silent_frames += 1
        elif self._n_silent_frames:
            if self._n_silent_frames >= self._n_reset_frames:
                self._reset()
            self._n_silent_frames = 0
        return self._detector, self._gain.doublings(power)

    def _reset(self) -> None:
        self._detector = self._new_detector()
        frame_s = self._detector.frame_samples / SAMPLE_RATE_HZ
        self._gain = GainControl(frame_s=frame_s, max_gain_db=self._max_gain_db)
