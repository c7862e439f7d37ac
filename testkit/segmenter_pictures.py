"""Voice decisions drawn as pictures, and what the segmenter makes of them drawn below.

In a picture each character is a frame of 10 ms: ``v`` voiced, ``.`` not, and ``f`` and ``,`` the same
but 50 dB fainter. What comes out is drawn below it from the samples that it really holds: a full window
with ``#``, an utterance's last window with ``=``, the end of an utterance as ``[---]`` from its start to
its end.
"""

from collections.abc import Iterable

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, CaptureTime, Samples
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import Segment, UtteranceEnd, VoicedFrames

CAPTURED = CaptureTime(epoch_s=0.0, arrived_s=0.0)
"""When all pictures are captured."""
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
"""In frames of 10 ms: start 3 of 4, pre-roll 4, pause 2, hangover 8, hop 4, least speech 3."""
FRAME_SAMPLES = 160
"""What a character stands for."""
WINDOW_SAMPLES = 10 * FRAME_SAMPLES
"""A full window: ten characters."""


def counted_sound(n_samples: int, first: int = 0) -> Samples:
    """Sound in which every sample tells its own position, up to 65,535."""
    return np.arange(first, first + n_samples).astype(np.uint16).view(np.int16)


def picture_frames(picture: str, first_frame: int = 0) -> VoicedFrames:
    """What a picture shows, from a frame of the source on."""
    return VoicedFrames(
        samples=counted_sound(len(picture) * FRAME_SAMPLES, first_frame * FRAME_SAMPLES),
        voiced=tuple(c in "vf" for c in picture),
        mean_square=tuple(1e6 if c in "v." else 10.0 for c in picture),
        offset_samples=first_frame * FRAME_SAMPLES,
        captured=CAPTURED,
    )


def segments_of(picture: str, settings: SegmenterSettings = SMALL) -> list[Segment]:
    """What the segmenter makes of a picture behind which the sound ends."""
    segmenter = Segmenter(settings, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
    return [*segmenter.push(picture_frames(picture)), *segmenter.flush(CAPTURED)]


def drawn(segments: Iterable[Segment], n_frames: int) -> list[str]:
    """A line for each segment, below a picture of so many frames."""
    return [_drawn_one(segment, n_frames) for segment in segments]


def _drawn_one(segment: Segment, n_frames: int) -> str:
    line = ["."] * n_frames
    if isinstance(segment, UtteranceEnd):
        first, behind = (
            round(t * SAMPLE_RATE_HZ) // FRAME_SAMPLES for t in (segment.start_s, segment.end_s)
        )
        line[first:behind] = ("[" + "-" * (behind - first - 2) + "]")[: behind - first]
    else:
        for position in set(segment.samples.view(np.uint16) // FRAME_SAMPLES):
            line[position] = "=" if segment.is_last else "#"
    return "".join(line)


def check(picture: str, *expected: str, settings: SegmenterSettings = SMALL) -> None:
    """Compare what the segmenter makes of a picture with what is drawn below it."""
    assert [picture, *drawn(segments_of(picture, settings), len(picture))] == [picture, *expected]
