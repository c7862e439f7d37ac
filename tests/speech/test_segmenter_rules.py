"""Properties of the segmenter for any settings and voice decisions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from serd.audio.format import SAMPLE_RATE_HZ, level_dbfs
from serd.speech.segmenter import SegmenterSettings
from serd.speech.segments import Segment, SpeechWindow, UtteranceEnd
from testkit.segmenter_cases import LOUD, Case, cases, comparable, plain_utterances


@given(cases())
@hypothesis_settings(max_examples=250)
def test_windows_and_ends_equal_those_of_a_plain_implementation(case: Case) -> None:
    """Times, samples, speech and levels equal those of an implementation that retains every frame."""
    size, sound = case.frame_samples, case.sound
    segments = iter(case.segments())
    for number, utterance in enumerate(plain_utterances(case), start=1):
        retained, windows = utterance.retained, utterance.windows()
        positions = np.concatenate([np.arange(size) + frame * size for frame in retained])
        voiced = np.array([case.voiced[frame] for frame in retained])
        for start, end, is_last in windows:
            got = next(segments)
            assert isinstance(got, SpeechWindow)
            assert (got.utterance, got.position_samples, got.is_last) == (number, start, is_last)
            np.testing.assert_array_equal(got.samples, sound.reshape(-1)[positions[start:end]])
            assert got.start_s == positions[start] / SAMPLE_RATE_HZ
            assert got.end_s == (positions[end - 1] + 1) / SAMPLE_RATE_HZ
            n_voiced = np.count_nonzero(np.repeat(voiced, size)[start:end])
            assert got.speech_s == n_voiced / SAMPLE_RATE_HZ
            part = slice(start // size, -(-end // size))
            assert got.level_dbfs == pytest.approx(_level(sound[retained][part][voiced[part]]))
        if windows:
            got = next(segments)
            assert isinstance(got, UtteranceEnd)
            assert got.utterance == number
            assert got.start_s == positions[0] / SAMPLE_RATE_HZ
            assert got.end_s == utterance.end_frame * size / SAMPLE_RATE_HZ
            assert got.speech_s == np.count_nonzero(voiced) * size / SAMPLE_RATE_HZ
            assert got.level_dbfs == pytest.approx(_level(sound[retained][voiced]))
    assert next(segments, None) is None


def _level(frames: np.ndarray) -> float:
    if not frames.size:
        return level_dbfs(0.0)
    return level_dbfs(float(np.mean(frames.astype(np.float64) ** 2)))


@given(cases(), st.lists(st.integers(0, 60), max_size=30))
def test_any_partition_into_blocks_gives_the_same_segments(case: Case, sizes: list[int]) -> None:
    """The blocks, which may be empty, do not change the segments."""
    assert comparable(case.segments(sizes)) == comparable(case.segments([1] * len(case.voiced)))


@given(cases())
def test_properties_of_every_segment(case: Case) -> None:
    """Windows have at most full length; utterances are in order, do not overlap, and end once."""
    sound = case.sound.reshape(-1)
    previous_end_s = 0.0
    windows: list[SpeechWindow] = []
    for segment in case.segments():
        if isinstance(segment, SpeechWindow):
            assert 0 < segment.samples.size <= case.window_samples
            assert segment.samples.size == case.window_samples or segment.is_last
            assert segment.position_samples % 160 == 0
            assert segment.start_s >= previous_end_s
            assert segment.speech_s <= segment.samples.size / SAMPLE_RATE_HZ
            assert segment.end_s - segment.start_s >= segment.samples.size / SAMPLE_RATE_HZ - 1e-9
            first, end = (round(t * SAMPLE_RATE_HZ) for t in (segment.start_s, segment.end_s))
            if end - first == segment.samples.size:  # no pause was cut
                np.testing.assert_array_equal(segment.samples, sound[first:end])
            windows.append(segment)
            continue
        assert windows
        assert {window.utterance for window in windows} == {segment.utterance}
        assert [window.is_last for window in windows[:-1]] == [False] * (len(windows) - 1)
        assert segment.start_s == windows[0].start_s
        assert segment.start_s < segment.end_s <= sound.size / SAMPLE_RATE_HZ
        previous_end_s = max(segment.end_s, windows[-1].end_s)
        windows = []
    assert not windows


@pytest.mark.parametrize("hop_s", [0.01, 0.02, 0.07, 0.3])
@pytest.mark.parametrize("frame_samples", [160, 320, 480])
@pytest.mark.parametrize("window_s", [0.5, 0.53, 0.77])
def test_a_hop_below_the_pause_loses_no_samples(
    hop_s: float, frame_samples: int, window_s: float
) -> None:
    """A pause that is retained at once can complete several windows, each with all its samples."""
    runs = [(True, 40), (False, 28), (True, 1), (False, 28), (True, 30), (False, 60)]
    case = Case(
        settings=SegmenterSettings(hop_s=hop_s, pause_s=0.9, hangover_s=1.2),
        frame_samples=frame_samples,
        window_samples=round(window_s * SAMPLE_RATE_HZ),
        voiced=[voiced for voiced, n in runs for _ in range(n)],
        amplitudes=[LOUD] * sum(n for _, n in runs),
    )
    windows = [segment for segment in case.segments() if isinstance(segment, SpeechWindow)]
    (utterance,) = plain_utterances(case)
    retained_sound = case.sound[utterance.retained].reshape(-1)
    assert len(windows) > 1
    for window, (start, end, _) in zip(windows, utterance.windows(), strict=True):
        np.testing.assert_array_equal(window.samples, retained_sound[start:end])


@given(cases(), st.sampled_from([0.0, 0.3, 0.5]))
def test_nothing_happens_within_idle_samples(case: Case, provisional_s: float) -> None:
    """Holding back sound for that long delays no window, end or start."""
    segmenter = case.segmenter(provisional_s)
    idle_until_samples, was_in_speech = 0, False
    for frames in case.frames([1] * len(case.voiced)):
        has_segments = bool(list(segmenter.push(frames)))
        if has_segments or segmenter.in_speech != was_in_speech:
            assert frames.end_samples >= idle_until_samples
        was_in_speech = segmenter.in_speech
        assert segmenter.idle_samples >= case.frame_samples
        idle_until_samples = max(idle_until_samples, frames.end_samples + segmenter.idle_samples)


def _is_provisional(segment: Segment) -> bool:
    return isinstance(segment, SpeechWindow) and segment.is_provisional


@given(cases(), st.floats(0.1, 2.0))
def test_provisional_windows_change_nothing_else(case: Case, provisional_s: float) -> None:
    """The other segments are those of a segmenter without provisional windows."""
    segments = case.segments(provisional_s=provisional_s)
    others = [segment for segment in segments if not _is_provisional(segment)]
    assert comparable(others) == comparable(case.segments())


@given(cases(), st.floats(0.1, 2.0))
def test_an_utterance_has_at_most_one_provisional_window_and_it_is_the_first(
    case: Case, provisional_s: float
) -> None:
    """It is shorter than a full window, and holds enough speech and all retained speech so far."""
    seen: set[int] = set()
    for segment in case.segments(provisional_s=provisional_s):
        if isinstance(segment, SpeechWindow) and segment.is_provisional:
            assert segment.utterance not in seen
            assert segment.samples.size < case.window_samples
            assert segment.samples.size >= round(provisional_s * SAMPLE_RATE_HZ)
            assert segment.speech_s >= case.settings.min_speech_s
            assert segment.position_samples == 0
            assert not segment.is_last
        seen.add(segment.utterance)
