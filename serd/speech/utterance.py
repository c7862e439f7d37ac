"""The kept speech of one utterance, and the windows that are cut from it."""

from collections import deque
from itertools import islice
from typing import NamedTuple

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime, Samples, level_dbfs
from serd.speech.segments import SpeechWindow, UtteranceEnd


class Frame(NamedTuple):
    """One frame of sound with its decision."""

    offset_samples: int
    """Position of its first sample, counted from the source's start."""
    samples: Samples
    """int16, shape (n_samples_per_frame,)."""
    voiced: bool
    """What the voice detector said."""
    mean_square: float
    """Mean of the squared samples."""


class Utterance:
    """The kept speech of one utterance, as far back as the next window needs it."""

    def __init__(
        self,
        number: int,
        *,
        frame_samples: int,
        window_samples: int,
        n_burst: int,
        background: float,
    ) -> None:
        """Begin with nothing kept.

        Args:
            number: the utterance's number within its source.
            frame_samples: length of a frame.
            window_samples: length of a full window.
            n_burst: frames that may be kept between two looks at whether a window is full.
            background: power, relative to the loudest frame, below which an end is background.
        """
        self.number = number
        self.pending: list[Frame] = []
        self.n_samples = 0
        self.n_windows = 0
        """Windows that have left, the provisional one not among them."""
        self.has_provisional = False
        """Whether the provisional window has left."""
        self.next_window_end_samples = window_samples
        self._frame_samples = frame_samples
        self._window_samples = window_samples
        self._kept: deque[Frame] = deque(maxlen=window_samples // frame_samples + 2 + n_burst)
        self._background = background
        self._loudest = 0.0
        self._start_samples = 0
        self._end_samples = 0
        self._n_voiced = 0
        self._n_voiced_seen = 0
        self._sum_square = 0.0

    @property
    def unseen_speech_s(self) -> float:
        """Voiced sound that no window has held yet, in seconds."""
        return (self._n_voiced - self._n_voiced_seen) * self._frame_samples / SAMPLE_RATE_HZ

    def resume(self, pause_frames: int, span_frames: int) -> None:
        """Keep what is pending; of a long pause keep the two ends, without the clicks inside it."""
        earliest = max(0, len(self.pending) - span_frames)
        n_pause = next(i for i in range(earliest, len(self.pending)) if self.pending[i].voiced)
        if n_pause > pause_frames:
            n_after = pause_frames // 2
            n_before = pause_frames - n_after
            del self.pending[n_before : n_pause - n_after]
        for frame in self.pending:
            self.keep(frame)
        self.pending = []

    def keep(self, frame: Frame) -> None:
        """Add a frame to the kept speech."""
        self._kept.append(frame)
        self.n_samples += self._frame_samples
        if frame.voiced:
            self._n_voiced += 1
            self._sum_square += frame.mean_square
            if frame.mean_square > self._loudest:
                self._loudest = frame.mean_square
                self._trim_start()
            if frame.mean_square >= self._loudest * self._background:
                self._end_samples = frame.offset_samples + self._frame_samples
        if not self.n_windows:
            self._start_samples = self._kept[0].offset_samples

    def _trim_start(self) -> None:
        """Drop what a louder frame shows to have been background before the speech."""
        while not self.n_windows and self._kept[0].mean_square < self._loudest * self._background:
            dropped = self._kept.popleft()
            self.n_samples -= self._frame_samples
            if dropped.voiced:
                self._n_voiced -= 1
                self._sum_square -= dropped.mean_square

    def window(self, captured: CaptureTime, *, is_last: bool = False) -> SpeechWindow:
        """The window that ends at the next window's end, or at the utterance's own."""
        end = self.n_samples if is_last else self.next_window_end_samples
        n_voiced = self._n_voiced_until(end)
        n_new = n_voiced - self._n_voiced_seen
        self.n_windows += 1
        self._n_voiced_seen = n_voiced
        return self._cut(end, captured, n_new_voiced=n_new, is_last=is_last)

    def provisional_window(self, captured: CaptureTime) -> SpeechWindow:
        """All that is kept so far; the windows that follow are as if this one had never left."""
        self.has_provisional = True
        n_new = self._n_voiced - self._n_voiced_seen
        return self._cut(self.n_samples, captured, n_new_voiced=n_new, is_provisional=True)

    def _n_voiced_until(self, end: int) -> int:
        """Voiced frames of the utterance that begin before the sample ``end`` of the kept speech."""
        n_behind = (self.n_samples - end) // self._frame_samples
        return self._n_voiced - sum(frame.voiced for frame in islice(reversed(self._kept), n_behind))

    def _cut(
        self,
        end: int,
        captured: CaptureTime,
        *,
        n_new_voiced: int,
        is_last: bool = False,
        is_provisional: bool = False,
    ) -> SpeechWindow:
        """Up to one window length of the kept speech, ending at its sample ``end``."""
        start = max(0, end - self._window_samples)
        kept_start = self.n_samples - len(self._kept) * self._frame_samples
        first = (start - kept_start) // self._frame_samples
        behind = -((kept_start - end) // self._frame_samples)
        frames = list(islice(self._kept, first, behind))
        lead = start - kept_start - first * self._frame_samples
        cut = behind * self._frame_samples - (end - kept_start)
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
        """The utterance as a whole, now that it is over."""
        return UtteranceEnd(
            utterance=self.number,
            start_s=self._start_samples / SAMPLE_RATE_HZ,
            end_s=self._end_samples / SAMPLE_RATE_HZ,
            speech_s=self._n_voiced * self._frame_samples / SAMPLE_RATE_HZ,
            level_dbfs=level_dbfs(self._sum_square / max(1, self._n_voiced)),
            captured=captured,
        )
