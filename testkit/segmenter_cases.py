"""Random settings and decisions for the segmenter, and a second, plain implementation of its rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, SpeechWindow, VoicedFrames
from testkit.segmenter_pictures import CAPTURED


@dataclass(frozen=True)
class Case:
    """Settings, decisions and levels, with sound that is different in every frame."""

    settings: SegmenterSettings
    """Settings of the segmenter."""
    frame_samples: int
    """Length of a frame, in samples."""
    window_samples: int
    """Length of a full window, in samples."""
    voiced: list[bool]
    """The voice decision on each frame."""
    amplitudes: list[int]
    """Amplitude of each frame's noise."""

    @property
    def sound(self) -> Samples:
        """int16, shape (n_frames, frame_samples)."""
        shape = len(self.voiced), self.frame_samples
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, shape)
        sound: Samples = np.rint(noise * np.array(self.amplitudes)[:, np.newaxis]).astype(np.int16)
        return sound

    @property
    def mean_square(self) -> NDArray[np.float64]:
        """float64, shape (n_frames,)."""
        power: NDArray[np.float64] = np.square(self.sound, dtype=np.float64).mean(axis=1)
        return power

    def segments(self, sizes: Iterable[int] = (), *, provisional_s: float = 0.0) -> list[Segment]:
        """The segments of the sound, pushed in blocks of the given numbers of frames."""
        segmenter = self.segmenter(provisional_s)
        pushed = [segment for frames in self.frames(sizes) for segment in segmenter.push(frames)]
        return [*pushed, *segmenter.flush(CAPTURED)]

    def segmenter(self, provisional_s: float = 0.0) -> Segmenter:
        """A new segmenter with the settings of the case."""
        return Segmenter(
            self.settings,
            frame_samples=self.frame_samples,
            window_samples=self.window_samples,
            provisional_s=provisional_s,
        )

    def frames(self, sizes: Iterable[int] = ()) -> Iterator[VoicedFrames]:
        """The sound and its decisions in blocks of the given numbers of frames."""
        sound, mean_square = self.sound, tuple(self.mean_square.tolist())
        edges = [0, *np.cumsum(list(sizes)).tolist()]
        edges = [min(edge, len(self.voiced)) for edge in (*edges, len(self.voiced))]
        for first, end in pairwise(edges):
            yield VoicedFrames(
                samples=sound[first:end].reshape(-1),
                voiced=tuple(self.voiced[first:end]),
                mean_square=mean_square[first:end],
                offset_samples=first * self.frame_samples,
                captured=CAPTURED,
            )


LOUD, _MIDDLE, _FAINT = 9000, 600, 20
"""Amplitudes of noise, the second and third 24 and 53 dB below the first."""
_runs = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from([LOUD, LOUD, _MIDDLE, _FAINT]),
        st.integers(1, 45) | st.integers(1, 4),
    ),
    max_size=25,
)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any valid settings, with short utterances, and any decisions."""
    pause_s = draw(st.integers(0, 40)) / 100
    n_voiced = draw(st.integers(1, 8))
    runs = draw(_runs)
    return Case(
        settings=SegmenterSettings(
            start_voiced_frames=n_voiced,
            start_span_frames=n_voiced + draw(st.integers(0, 6)),
            pre_roll_s=draw(st.sampled_from([0.0, 0.1, 0.3, 0.9])),
            pause_s=pause_s,
            hangover_s=pause_s + draw(st.integers(1, 60)) / 100,
            dynamic_range_db=draw(st.sampled_from([20.0, 40.0, 90.0])),
            hop_s=draw(st.integers(1, 130)) / 100,
            min_speech_s=draw(st.sampled_from([0.1, 0.3, 0.6])),
            max_utterance_s=draw(st.sampled_from([1.0, 2.5, 5.0])),
        ),
        frame_samples=draw(st.sampled_from([160, 320, 480])),
        window_samples=160 * draw(st.integers(50, 120)),
        voiced=[voiced for voiced, _, n in runs for _ in range(n)],
        amplitudes=[amplitude for _, amplitude, n in runs for _ in range(n)],
    )


def comparable(segments: Iterable[Segment]) -> list[object]:
    """The segments in a form that ``==`` can compare."""
    return [
        (segment.samples.tolist(), repr(replace(segment, samples=np.empty(0, np.int16))))
        if isinstance(segment, SpeechWindow)
        else segment
        for segment in segments
    ]


class PlainUtterance:
    """All retained frames of an utterance, without regard to memory."""

    def __init__(self, case: Case, first: int, end: int) -> None:
        self._case = case
        self._power = case.mean_square
        self._background = 10.0 ** (-case.settings.dynamic_range_db / 10.0)
        self._is_open = True
        self.retained: list[int] = []
        """Numbers of the retained frames."""
        self.end_frame = 0
        """Number of the frame after the last speech."""
        self.add(range(first, end))

    @property
    def n_samples(self) -> int:
        """Length of the retained sound, in samples."""
        return len(self.retained) * self._case.frame_samples

    def add(self, frames: Iterable[int]) -> None:
        """Keep frames; until the first window is complete, drop background from the start."""
        for frame in frames:
            self.retained.append(frame)
            if not self._case.voiced[frame]:
                continue
            loudest = max(self._power[n] for n in self.retained if self._case.voiced[n])
            while self._is_open and self._power[self.retained[0]] < loudest * self._background:
                del self.retained[0]
            if self._power[frame] >= loudest * self._background:
                self.end_frame = frame + 1
        self._is_open = self._is_open and self.n_samples < self._case.window_samples

    def windows(self) -> list[tuple[int, int, bool]]:
        """Start and end of each window in the retained sound, in samples, and whether it is the last."""
        case, size = self._case, self._case.frame_samples
        hop_samples = round(case.settings.hop_s * SAMPLE_RATE_HZ)
        ends = list(range(case.window_samples, self.n_samples + 1, hop_samples))
        seen = ends[-1] if ends else 0
        unseen = [n for n, frame in enumerate(self.retained) if n * size >= seen and case.voiced[frame]]
        windows = [(end - case.window_samples, end, False) for end in ends]
        if len(unseen) * size >= case.settings.min_speech_s * SAMPLE_RATE_HZ:
            windows.append((max(0, self.n_samples - case.window_samples), self.n_samples, True))
        return windows


def plain_utterances(case: Case) -> list[PlainUtterance]:
    """The utterances of a case, by a plain implementation that keeps everything in memory."""
    s = case.settings
    n_pre_roll, n_pause, n_hangover = (
        round(duration_s * SAMPLE_RATE_HZ / case.frame_samples)
        for duration_s in (s.pre_roll_s, s.pause_s, s.hangover_s)
    )
    utterances = []
    index = used = 0
    while index < len(case.voiced):
        first_in_span = max(used, index + 1 - s.start_span_frames)
        index += 1
        if sum(case.voiced[first_in_span:index]) < s.start_voiced_frames:
            continue
        first = max(used, index - max(n_pre_roll, s.start_span_frames))
        utterance = PlainUtterance(case, first, index)
        while index < len(case.voiced):
            index += 1
            pending = list(range(utterance.retained[-1] + 1, index))
            span = [frame for frame in pending[-s.start_span_frames :] if case.voiced[frame]]
            if case.voiced[index - 1] and (
                len(pending) - 1 <= n_pause or len(span) >= s.start_voiced_frames
            ):
                pause = list(range(pending[0], span[0]))
                if len(pause) > n_pause:
                    n_after = n_pause // 2
                    pause = pause[: n_pause - n_after] + pause[len(pause) - n_after :]
                utterance.add([*pause, *range(span[0], index)])
                if utterance.n_samples >= s.max_utterance_s * SAMPLE_RATE_HZ:
                    break
            elif len(pending) >= max(1, n_hangover):
                break
        used = utterance.retained[-1] + 1
        utterances.append(utterance)
    return utterances
