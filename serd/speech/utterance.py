"""The retained speech of one utterance, and its windows."""

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime, Samples, level_dbfs
from serd.speech.segments import SpeechWindow, UtteranceEnd


class Frame(NamedTuple):
    """One frame of sound with its voice decision."""

    offset_samples: int
    """Position of its first sample, counted from the source's start."""
    samples: Samples
    """int16, shape (n_samples_per_frame,)."""
    voiced: bool
    """Decision of the voice detector."""
    mean_square: float
    """Mean of the squared samples."""


class Utterance:
    """The retained speech of one utterance, as far back as the next window needs it."""

    def __init__(
        self,
        number: int,
        *,
        frame_samples: int,
        window_samples: int,
        max_burst_frames: int,
        background: float,
    ) -> None:
        """Create an utterance without speech.

        Args:
            number: number of the utterance within its source.
            frame_samples: length of a frame, in samples.
            window_samples: length of a full window, in samples.
            max_burst_frames: most frames that are retained at once, before a check for full windows.
            background: power below which a frame at either end is background, relative to the loudest
                frame.
        """
        self.number = number
        self.pending: list[Frame] = []
        """Frames since the last retained one; retained if the utterance continues."""
        self.n_samples = 0
        """Length of the retained speech, in samples."""
        self.n_windows = 0
        """Number of windows so far, without the provisional one."""
        self.has_provisional = False
        """Whether the provisional window has been cut."""
        self.next_window_end_samples = window_samples
        self._frame_samples = frame_samples
        self._window_samples = window_samples
        self._retained: deque[Frame] = deque(
            maxlen=window_samples // frame_samples + 2 + max_burst_frames
        )
        self._background = background
        self._max_power = 0.0
        self._start_samples = 0
        self._end_samples = 0
        self._n_voiced = 0
        self._n_voiced_in_windows = 0
        self._sum_square = 0.0

    @property
    def new_speech_s(self) -> float:
        """Voiced sound that no window holds yet, in seconds."""
        return (self._n_voiced - self._n_voiced_in_windows) * self._frame_samples / SAMPLE_RATE_HZ

    def resume(self, pause_frames: int, span_frames: int) -> None:
        """Retain the pending frames; of a long pause only its two ends, without the clicks between."""
        earliest = max(0, len(self.pending) - span_frames)
        n_pause = next(i for i in range(earliest, len(self.pending)) if self.pending[i].voiced)
        if n_pause > pause_frames:
            n_after = pause_frames // 2
            n_before = pause_frames - n_after
            del self.pending[n_before : n_pause - n_after]
        for frame in self.pending:
            self.retain(frame)
        self.pending = []

    def retain(self, frame: Frame) -> None:
        """Add a frame to the retained speech."""
        self._retained.append(frame)
        self.n_samples += self._frame_samples
        if frame.voiced:
            self._n_voiced += 1
            self._sum_square += frame.mean_square
            if frame.mean_square > self._max_power:
                self._max_power = frame.mean_square
                self._trim_start()
            if frame.mean_square >= self._max_power * self._background:
                self._end_samples = frame.offset_samples + self._frame_samples
        if not self.n_windows:
            self._start_samples = self._retained[0].offset_samples

    def _trim_start(self) -> None:
        """Drop the first frames that, relative to a louder frame, are background."""
        while not self.n_windows and self._retained[0].mean_square < self._max_power * self._background:
            dropped = self._retained.popleft()
            self.n_samples -= self._frame_samples
            if dropped.voiced:
                self._n_voiced -= 1
                self._sum_square -= dropped.mean_square

    def window(self, captured: CaptureTime, *, is_last: bool = False) -> SpeechWindow:
        """Cut the next full window, or the last one, which ends with the utterance."""
        end = self.n_samples if is_last else self.next_window_end_samples
        n_voiced = self._n_voiced_until(end)
        n_new = n_voiced - self._n_voiced_in_windows
        self.n_windows += 1
        self._n_voiced_in_windows = n_voiced
        return self._cut(end, captured, n_new_voiced=n_new, is_last=is_last)

    def provisional_window(self, captured: CaptureTime) -> SpeechWindow:
        """Cut a window of all retained speech; it does not affect the windows that follow."""
        self.has_provisional = True
        n_new = self._n_voiced - self._n_voiced_in_windows
        return self._cut(self.n_samples, captured, n_new_voiced=n_new, is_provisional=True)

    def _n_voiced_until(self, end: int) -> int:
        """Return the number of voiced frames that start before sample ``end`` of the retained speech."""
        n_after = (self.n_samples - end) // self._frame_samples
        return self._n_voiced - sum(frame.voiced for frame in islice(reversed(self._retained), n_after))

    def _cut(
        self,
        end: int,
        captured: CaptureTime,
        *,
        n_new_voiced: int,
        is_last: bool = False,
        is_provisional: bool = False,
    ) -> SpeechWindow:
        """Cut up to one window length of the retained speech, ending at its sample ``end``."""
        start = max(0, end - self._window_samples)
        retained_start = self.n_samples - len(self._retained) * self._frame_samples
        first = (start - retained_start) // self._frame_samples
        stop = -((retained_start - end) // self._frame_samples)
        frames = list(islice(self._retained, first, stop))
        lead = start - retained_start - first * self._frame_samples
        cut = stop * self._frame_samples - (end - retained_start)
        voiced = [frame.mean_square for frame in frames if frame.voiced]
        samples = np.concatenate([frame.samples for frame in frames])
        n_cut_voiced = lead * frames[0].voiced + cut * frames[-1].voiced
        new_speech_s = n_new_voiced * self._frame_samples / SAMPLE_RATE_HZ
        speech_s = (len(voiced) * self._frame_samples - n_cut_voiced) / SAMPLE_RATE_HZ
        return SpeechWindow(
            samples=samples[lead : samples.size - cut],
            utterance=self.number,
            position_samples=start,
            start_s=(frames[0].offset_samples + lead) / SAMPLE_RATE_HZ,
            end_s=(frames[-1].offset_samples + self._frame_samples - cut) / SAMPLE_RATE_HZ,
            speech_s=speech_s,
            new_speech_s=min(new_speech_s, speech_s),
            level_dbfs=level_dbfs(sum(voiced) / max(1, len(voiced))),
            is_last=is_last,
            captured=captured,
            is_provisional=is_provisional,
        )

    def end(self, captured: CaptureTime) -> UtteranceEnd:
        """Return the end of the utterance, with its times, speech and level."""
        return UtteranceEnd(
            utterance=self.number,
            start_s=self._start_samples / SAMPLE_RATE_HZ,
            end_s=self._end_samples / SAMPLE_RATE_HZ,
            speech_s=self._n_voiced * self._frame_samples / SAMPLE_RATE_HZ,
            level_dbfs=level_dbfs(self._sum_square / max(1, self._n_voiced)),
            captured=captured,
        )
