"""From voice decisions to utterances, and from utterances to windows of speech.

A pure state machine over frames of equal length: no clock, no thread, no detector. An utterance starts
once enough of the latest frames are voiced, and ends after a hangover without speech; behind a long
pause a click alone does not keep it alive. Long pauses inside are cut to their two ends, so that a
window holds speech and not silence:

    frames    ..vv.vvvvvv.....vvvvvv..........
    kept        [vv.vvvvvv..vvvvvv]
                 |- pre-roll      |- the hangover is not kept
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime
from serd.speech.segments import Segment, VoicedFrames
from serd.speech.utterance import Frame, Utterance


@dataclass(frozen=True, kw_only=True, slots=True)
class SegmenterSettings:
    """When an utterance starts, what of it is kept, and when a window leaves."""

    start_voiced_frames: int = 8
    """Voiced frames, among the latest start_span_frames, that start an utterance, or take it up again
    behind a pause longer than pause_s; 1 or more."""
    start_span_frames: int = 10
    """Latest frames that are looked at for a start; at least start_voiced_frames."""
    pre_roll_s: float = 0.3
    """Sound kept from before the start was decided, in seconds; 0 or more. The frames that decided
    it are kept in any case."""
    pause_s: float = 0.3
    """Longest pause inside an utterance that is kept whole, in seconds; longer ones are cut to it."""
    hangover_s: float = 0.9
    """Silence that ends an utterance, in seconds; above pause_s."""
    dynamic_range_db: float = 35.0
    """Sound this far below an utterance's loudest frame is background at its two ends, in dB."""
    hop_s: float = 1.0
    """Speech between one full window and the next, in seconds; a multiple of 0.01."""
    min_speech_s: float = 0.6
    """Least voiced sound in an utterance, or in its last window, for it to leave, in seconds."""
    max_utterance_s: float = 30.0
    """Kept speech after which an utterance is ended though nobody paused, in seconds."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
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
    """Turns voiced frames into windows of speech; see the module's text for the rules."""

    def __init__(
        self,
        settings: SegmenterSettings,
        *,
        frame_samples: int,
        window_samples: int,
        provisional_s: float = 0.0,
    ) -> None:
        """Set up for one source.

        Args:
            settings: when utterances start and end.
            frame_samples: length of a voice decision's frame.
            window_samples: length of a full window, as the model's card names it.
            provisional_s: kept speech after which a provisional window leaves, in seconds; 0, or as much
                as a full window holds, for none.
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
        """Take the next frames, yield the windows and ends that they bring about."""
        if frames.offset_samples != self._next_offset_samples:
            yield from self.flush(frames.captured)
        size = self._frame_samples
        start = 0
        for voiced, mean_square in zip(frames.voiced, frames.mean_square, strict=True):
            samples = frames.samples[start : start + size]
            frame = Frame(frames.offset_samples + start, samples, voiced, mean_square)
            start += size
            utterance = self._take(frame)
            if utterance is not None and self._is_due(utterance):
                yield from self._segments(utterance, frames.captured)
        self._next_offset_samples = frames.end_samples

    def flush(self, captured: CaptureTime) -> Iterator[Segment]:
        """End the utterance that is under way, if any: the sound has ended or is interrupted."""
        self._recent.clear()
        if self._utterance is not None:
            yield from self._close(self._utterance, captured)

    @property
    def in_speech(self) -> bool:
        """Whether an utterance is under way."""
        return self._utterance is not None

    @property
    def idle_samples(self) -> int:
        """Sound to come, in samples, before which nothing can begin, leave or end; 1 frame or more."""
        size = self._frame_samples
        utterance = self._utterance
        if utterance is None:
            return max(1, self._settings.start_voiced_frames - self._n_voiced_lately()) * size
        n_pending = len(utterance.pending)
        full_at = min(utterance.next_window_end_samples, self._max_samples)
        if not utterance.has_provisional:
            full_at = min(full_at, self._provisional_samples)
        # All that is pending may be kept at once.
        until_full = full_at - utterance.n_samples - n_pending * size
        return max(size, min(until_full, (self._hangover_frames - n_pending) * size))

    def _take(self, frame: Frame) -> Utterance | None:
        """Keep a frame where it belongs; the utterance that is under way then, if any."""
        utterance = self._utterance
        if utterance is None:
            self._recent.append(frame)
            return self._started() if frame.voiced else None
        if frame.voiced and not utterance.pending:
            utterance.keep(frame)
            return utterance
        utterance.pending.append(frame)
        if frame.voiced and self._goes_on(utterance.pending):
            utterance.resume(self._pause_frames, self._settings.start_span_frames)
        return utterance

    def _is_due(self, utterance: Utterance) -> bool:
        """Whether a window is full or the utterance over."""
        return (
            self._is_provisional_due(utterance)
            or utterance.n_samples >= utterance.next_window_end_samples
            or len(utterance.pending) >= self._hangover_frames
            or utterance.n_samples >= self._max_samples
        )

    def _is_provisional_due(self, utterance: Utterance) -> bool:
        """Whether there is enough speech for a first word, and no full window yet."""
        return (
            not utterance.has_provisional
            and self._provisional_samples <= utterance.n_samples < utterance.next_window_end_samples
            and not utterance.n_windows
            and utterance.unseen_speech_s >= self._settings.min_speech_s
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

    def _started(self) -> Utterance | None:
        """A new utterance, holding the pre-roll, if the latest frames are voiced enough."""
        if self._n_voiced_lately() < self._settings.start_voiced_frames:
            return None
        self._n_utterances += 1
        n_burst = max(len(self._recent), self._pause_frames + self._settings.start_span_frames)
        self._utterance = Utterance(
            self._n_utterances,
            frame_samples=self._frame_samples,
            window_samples=self._window_samples,
            n_burst=n_burst,
            background=10.0 ** (-self._settings.dynamic_range_db / 10.0),
        )
        for frame in self._recent:
            self._utterance.keep(frame)
        self._recent.clear()
        return self._utterance

    def _n_voiced_lately(self) -> int:
        """Voiced frames among the latest that are looked at for a start."""
        span = list(self._recent)[-self._settings.start_span_frames :]
        return sum(frame.voiced for frame in span)

    def _goes_on(self, pending: list[Frame]) -> bool:
        """Whether a voiced frame takes speech up again: behind a long pause it must not be alone."""
        if len(pending) <= self._pause_frames + 1:
            return True
        span = pending[-self._settings.start_span_frames :]
        return sum(frame.voiced for frame in span) >= self._settings.start_voiced_frames

    def _close(self, utterance: Utterance, captured: CaptureTime) -> Iterator[Segment]:
        self._utterance = None
        min_speech_s = self._settings.min_speech_s
        if utterance.unseen_speech_s >= min_speech_s:
            yield utterance.window(captured, is_last=True)
        if utterance.n_windows:
            yield utterance.end(captured)

    def _to_frames(self, duration_s: float) -> int:
        return round(duration_s * SAMPLE_RATE_HZ / self._frame_samples)
