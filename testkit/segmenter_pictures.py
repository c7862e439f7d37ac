"""Voice decisions drawn as pictures, with the segments that follow from them drawn below.

In a picture each character is a frame of 10 ms: ``v`` voiced, ``.`` not, and ``f`` and ``,`` the same
but 50 dB fainter. Each segment is a line below it, drawn from the samples that it holds: a full window
with ``#``, an utterance's last window with ``=``, the end of an utterance as ``[---]`` from its start to
its end.
"""

from collections.abc import Iterable

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime, Samples
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, UtteranceEnd, VoicedFrames

CAPTURED = CaptureTime(epoch_s=0.0, arrived_s=0.0)
"""The capture time of all pictures."""
SMALL = SegmenterSettings(
    start_voiced_frames=3,
    start_span_frames=4,
    pre_roll_s=0.04,
    pause_s=0.02,
    hangover_s=0.08,
    hop_s=0.04,
    min_speech_s=0.03,
    max_utterance_s=1.0,
)
"""In frames of 10 ms: start 3 of 4, pre-roll 4, pause 2, hangover 8, hop 4, minimum speech 3."""
FRAME_SAMPLES = 160
"""Length of a frame, one character, in samples."""
WINDOW_SAMPLES = 10 * FRAME_SAMPLES
"""Length of a full window, ten characters, in samples."""


def counted_sound(n_samples: int, first: int = 0) -> Samples:
    """Sound in which every sample holds its own position, up to 65,535."""
    return np.arange(first, first + n_samples).astype(np.uint16).view(np.int16)


def picture_frames(picture: str, first_frame: int = 0) -> VoicedFrames:
    """The frames of a picture; ``first_frame`` is their position in the source."""
    return VoicedFrames(
        samples=counted_sound(len(picture) * FRAME_SAMPLES, first_frame * FRAME_SAMPLES),
        voiced=tuple(c in "vf" for c in picture),
        mean_square=tuple(1e6 if c in "v." else 10.0 for c in picture),
        offset_samples=first_frame * FRAME_SAMPLES,
        captured=CAPTURED,
    )


def segments_of(picture: str, settings: SegmenterSettings = SMALL) -> list[Segment]:
    """The segments of a picture after which the sound ends."""
    segmenter = Segmenter(settings, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
    return [*segmenter.push(picture_frames(picture)), *segmenter.flush(CAPTURED)]


def drawn(segments: Iterable[Segment], n_frames: int) -> list[str]:
    """A line for each segment of a picture of ``n_frames`` frames."""
    return [_drawn_one(segment, n_frames) for segment in segments]


def _drawn_one(segment: Segment, n_frames: int) -> str:
    line = ["."] * n_frames
    if isinstance(segment, UtteranceEnd):
        first, end = (
            round(t * SAMPLE_RATE_HZ) // FRAME_SAMPLES for t in (segment.start_s, segment.end_s)
        )
        line[first:end] = ("[" + "-" * (end - first - 2) + "]")[: end - first]
    else:
        for position in set(segment.samples.view(np.uint16) // FRAME_SAMPLES):
            line[position] = "=" if segment.is_last else "#"
    return "".join(line)


def check(picture: str, *expected: str, settings: SegmenterSettings = SMALL) -> None:
    """Compare the segments of a picture with the expected lines."""
    assert [picture, *drawn(segments_of(picture, settings), len(picture))] == [picture, *expected]
