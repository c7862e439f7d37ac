"""Segments frames with voice decisions into utterances and windows of speech.

A pure state machine over frames of equal length, without a clock, a thread or a detector. An utterance
starts once enough of the latest frames are voiced, and ends after a hangover without speech; after a
long pause, a click alone does not continue it. Only the two ends of a long pause are retained, so that a
window holds speech and not silence:

    frames      ..vv.vvvvvv.....vvvvvv..........
    retained      [vv.vvvvvv..vvvvvv]
                   |- pre-roll      |- the hangover is not retained
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime
from serd.speech.segments import Segment, VoicedFrames
from serd.speech.utterance import Frame, Utterance


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmenterSettings:
    """Start, retained sound and end of utterances, and the hop of their windows."""

    start_voiced_frames: int = 8
    """Voiced frames, among the latest start_span_frames, that start an utterance, or continue it after
    a pause longer than pause_s; 1 or more."""
    start_span_frames: int = 10
    """Number of latest frames that are examined for a start; start_voiced_frames or more."""
    pre_roll_s: float = 0.3
    """Sound retained from before the decision to start, in seconds; 0 or more. The frames that led to
    the decision are always retained."""
    pause_s: float = 0.3
    """Longest pause that is retained whole, in seconds; longer ones are shortened to it."""
    hangover_s: float = 0.9
    """Silence that ends an utterance, in seconds; more than pause_s."""
    dynamic_range_db: float = 35.0
    """Level below an utterance's loudest frame at which sound at its two ends is background, in dB."""
    hop_s: float = 1.0
    """Distance from one full window to the next, in seconds of speech; a multiple of 0.01."""
    min_speech_s: float = 0.6
    """Minimum voiced sound of an utterance, and of its last window, in seconds; less is discarded."""
    max_utterance_s: float = 30.0
    """Length of retained speech at which an utterance ends even without a pause, in seconds."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if self.start_voiced_frames < 1:
            yield "start_voiced_frames", "1 or more"
        if self.start_span_frames < self.start_voiced_frames:
            yield "start_span_frames", "at least start_voiced_frames"
        if self.pre_roll_s < 0:
            yield "pre_roll_s", "0 or more seconds"
        if self.pause_s < 0:
            yield "pause_s", "0 or more seconds"
        if self.hangover_s <= self.pause_s:
            yield "hangover_s", "more than pause_s"
        if self.dynamic_range_db < 10:
            yield "dynamic_range_db", "10 or more dB"
        if self.hop_s < 0.01 or abs(self.hop_s * 100 - round(self.hop_s * 100)) > 1e-6:
            yield "hop_s", "a multiple of 0.01 seconds, above 0"
        if self.min_speech_s < 0.1:
            yield "min_speech_s", "0.1 or more seconds"
        if self.max_utterance_s < 5:
            yield "max_utterance_s", "5 or more seconds"


class Segmenter:
    """Segments frames into utterances and windows by the rules in the module docstring."""

    def __init__(
        self,
        settings: SegmenterSettings,
        *,
        frame_samples: int,
        window_samples: int,
        provisional_s: float = 0.0,
    ) -> None:
        """Create a segmenter for one source.

        Args:
            settings: settings of utterances and windows.
            frame_samples: length of a frame, in samples.
            window_samples: length of a full window, in samples.
            provisional_s: retained speech at which an utterance has a provisional window, in seconds; 0,
                or the length of a full window or more, for none.
        """
        self._settings = settings
        self._frame_samples = frame_samples
        self._window_samples = window_samples
        self._hop_samples = round(settings.hop_s * SAMPLE_RATE_HZ)
        self._pause_frames = self._to_frames(settings.pause_s)
        self._hangover_frames = max(1, self._to_frames(settings.hangover_s))
        self._provisional_samples = round(provisional_s * SAMPLE_RATE_HZ) or window_samples
        self._max_samples = round(settings.max_utterance_s * SAMPLE_RATE_HZ)
        n_recent = max(settings.start_span_frames, self._to_frames(settings.pre_roll_s))
        self._recent: deque[Frame] = deque(maxlen=n_recent)
        self._utterance: Utterance | None = None
        self._n_utterances = 0
        self._next_offset_samples = 0

    def push(self, frames: VoicedFrames) -> Iterator[Segment]:
        """Yield the windows and ends of utterances that the next frames complete."""
        if frames.offset_samples != self._next_offset_samples:
            yield from self.flush(frames.captured)
        size = self._frame_samples
        start = 0
        for voiced, mean_square in zip(frames.voiced, frames.mean_square, strict=True):
            samples = frames.samples[start : start + size]
            frame = Frame(frames.offset_samples + start, samples, voiced, mean_square)
            start += size
            utterance = self._add(frame)
            if utterance is not None and self._is_due(utterance):
                yield from self._segments(utterance, frames.captured)
        self._next_offset_samples = frames.end_samples

    def flush(self, captured: CaptureTime) -> Iterator[Segment]:
        """End the current utterance, if any, because the sound has ended or is interrupted."""
        self._recent.clear()
        if self._utterance is not None:
            yield from self._close(self._utterance, captured)

    @property
    def in_speech(self) -> bool:
        """Whether an utterance is in progress."""
        return self._utterance is not None

    @property
    def idle_samples(self) -> int:
        """Samples until the earliest possible start, window or end; at least one frame."""
        size = self._frame_samples
        utterance = self._utterance
        if utterance is None:
            return max(1, self._settings.start_voiced_frames - self._n_recent_voiced()) * size
        n_pending = len(utterance.pending)
        full_at_samples = min(utterance.next_window_end_samples, self._max_samples)
        if not utterance.has_provisional:
            full_at_samples = min(full_at_samples, self._provisional_samples)
        # All pending frames may be retained at once.
        n_until_full = full_at_samples - utterance.n_samples - n_pending * size
        return max(size, min(n_until_full, (self._hangover_frames - n_pending) * size))

    def _add(self, frame: Frame) -> Utterance | None:
        """Add a frame to the recent, pending or retained frames; returns the current utterance."""
        utterance = self._utterance
        if utterance is None:
            self._recent.append(frame)
            return self._start() if frame.voiced else None
        if frame.voiced and not utterance.pending:
            utterance.retain(frame)
            return utterance
        utterance.pending.append(frame)
        if frame.voiced and self._continues(utterance.pending):
            utterance.resume(self._pause_frames, self._settings.start_span_frames)
        return utterance

    def _is_due(self, utterance: Utterance) -> bool:
        """Whether a window is complete or the utterance has ended."""
        return (
            self._is_provisional_due(utterance)
            or utterance.n_samples >= utterance.next_window_end_samples
            or len(utterance.pending) >= self._hangover_frames
            or utterance.n_samples >= self._max_samples
        )

    def _is_provisional_due(self, utterance: Utterance) -> bool:
        """Whether there is enough speech for the provisional window, and no full window yet."""
        return (
            not utterance.has_provisional
            and self._provisional_samples <= utterance.n_samples < utterance.next_window_end_samples
            and not utterance.n_windows
            and utterance.new_speech_s >= self._settings.min_speech_s
        )

    def _segments(self, utterance: Utterance, captured: CaptureTime) -> Iterator[Segment]:
        if self._is_provisional_due(utterance):
            yield utterance.provisional_window(captured)
        while utterance.n_samples >= utterance.next_window_end_samples:
            yield utterance.window(captured)
            utterance.next_window_end_samples += self._hop_samples
        if len(utterance.pending) >= self._hangover_frames:
            pending = utterance.pending
            yield from self._close(utterance, captured)
            self._recent.extend(pending)
        elif utterance.n_samples >= self._max_samples:
            yield from self._close(utterance, captured)

    def _start(self) -> Utterance | None:
        """Start an utterance with its pre-roll if enough of the latest frames are voiced."""
        if self._n_recent_voiced() < self._settings.start_voiced_frames:
            return None
        self._n_utterances += 1
        max_burst_frames = max(len(self._recent), self._pause_frames + self._settings.start_span_frames)
        self._utterance = Utterance(
            self._n_utterances,
            frame_samples=self._frame_samples,
            window_samples=self._window_samples,
            max_burst_frames=max_burst_frames,
            background=10.0 ** (-self._settings.dynamic_range_db / 10.0),
        )
        for frame in self._recent:
            self._utterance.retain(frame)
        self._recent.clear()
        return self._utterance

    def _n_recent_voiced(self) -> int:
        """Return the number of voiced frames among the latest start_span_frames."""
        span = list(self._recent)[-self._settings.start_span_frames :]
        return sum(frame.voiced for frame in span)

    def _continues(self, pending: list[Frame]) -> bool:
        """Whether a voiced frame continues the utterance; after a long pause, one alone does not."""
        if len(pending) <= self._pause_frames + 1:
            return True
        span = pending[-self._settings.start_span_frames :]
        return sum(frame.voiced for frame in span) >= self._settings.start_voiced_frames

    def _close(self, utterance: Utterance, captured: CaptureTime) -> Iterator[Segment]:
        self._utterance = None
        min_speech_s = self._settings.min_speech_s
        if utterance.new_speech_s >= min_speech_s:
            yield utterance.window(captured, is_last=True)
        if utterance.n_windows:
            yield utterance.end(captured)

    def _to_frames(self, duration_s: float) -> int:
        return round(duration_s * SAMPLE_RATE_HZ / self._frame_samples)
