"""From voice decisions to windows, in the pictures of ``testkit.segmenter_pictures``."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import level_dbfs
from serd.speech.segmenter import Segmenter, SegmenterSettings
from serd.speech.segments import SpeechWindow, UtteranceEnd, VoicedFrames
from testkit.segmenter_pictures import (
    CAPTURED,
    FRAME_SAMPLES,
    SMALL,
    WINDOW_SAMPLES,
    check,
    counted_sound,
    picture_frames,
    segments_of,
)


class TestStart:
    """The start of an utterance, and its pre-roll."""

    def test_too_few_voiced_frames_start_nothing(self) -> None:
        """Two voiced frames of the latest four are too few, however often they occur."""
        check("..v..v..vv..vv..v.v..v.v......")

    def test_enough_voiced_frames_of_the_latest_start(self) -> None:
        """Three of the latest four are enough, with a gap between them."""
        check(
            "......v.vv........",
            "......====........",
            "......[--]........",
        )

    def test_pre_roll_is_retained(self) -> None:
        """The utterance includes sound from before the decision."""
        check(
            "......vvvvv........",
            ".....======........",
            ".....[----]........",
        )

    def test_longer_pre_roll_is_retained(self) -> None:
        """The pre-roll counts back from the decision."""
        check(
            ".........vvv.......",
            "....========.......",
            "....[------].......",
            settings=replace(SMALL, pre_roll_s=0.08),
        )

    def test_without_pre_roll_the_deciding_frames_are_retained(self) -> None:
        """The frames that led to the decision are retained even without a pre-roll."""
        check(
            "......v.vv........",
            "......====........",
            "......[--]........",
            settings=replace(SMALL, pre_roll_s=0.0),
        )

    def test_pre_roll_at_the_start_of_the_sound(self) -> None:
        """If there is less sound than the pre-roll, all of it is retained."""
        check(
            "vvvv......",
            "====......",
            "[--]......",
        )

    def test_one_of_one_starts_with_each_voiced_frame(self) -> None:
        """A single voiced frame can be enough."""
        check(
            "..v.........v...",
            "..=.............",
            "..[.............",
            "............=...",
            "............[...",
            settings=replace(
                SMALL,
                start_voiced_frames=1,
                start_span_frames=1,
                pre_roll_s=0.0,
                min_speech_s=0.01,
            ),
        )


class TestWindows:
    """The times and contents of windows."""

    def test_a_window_is_complete_when_it_is_full(self) -> None:
        """Ten frames make a window; one more frame is too little for another window."""
        check(
            "vvvvvvvvvvv.......",
            "##########........",
            "[---------].......",
        )

    def test_windows_follow_at_each_hop(self) -> None:
        """Each of them has full length."""
        check(
            "vvvvvvvvvvvvvvvvvvvv.......",
            "##########.................",
            "....##########.............",
            "........##########.........",
            "[------------------].......",
        )

    def test_remaining_speech_makes_the_last_window(self) -> None:
        """Enough speech that no window holds yet makes a last window, which ends with the speech."""
        check(
            "vvvvvvvvvvvvvvvvv.......",
            "##########..............",
            "....##########..........",
            ".......==========.......",
            "[---------------].......",
        )

    def test_too_little_remaining_speech_makes_no_window(self) -> None:
        """The utterance still ends."""
        check(
            "vvvvvvvvvvvvvvvv.......",
            "##########.............",
            "....##########.........",
            "[--------------].......",
        )

    def test_frames_after_a_full_window_count_as_remaining_speech(self) -> None:
        """They do even if they are retained at once with the frames that fill the window."""
        check(
            "vvvvvvvvvvvvv.........",
            "##########............",
            "...==========.........",
            "[-----------].........",
            settings=replace(SMALL, start_voiced_frames=12, start_span_frames=12),
        )

    def test_a_window_starts_before_the_longest_burst(self) -> None:
        """A pause and the speech after it, retained at once, displace no frame that a window needs."""
        settings = replace(
            SMALL, start_span_frames=3, pre_roll_s=0.0, pause_s=0.04, hangover_s=0.2, hop_s=0.01
        )
        segmenter = Segmenter(
            settings, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES + FRAME_SAMPLES // 2
        )
        first, *_ = segmenter.push(picture_frames("vvvvvvvvvv........vvv"))
        np.testing.assert_array_equal(first.samples, counted_sound(WINDOW_SAMPLES + FRAME_SAMPLES // 2))

    def test_a_short_utterance_is_one_short_window(self) -> None:
        """An utterance shorter than a window has one window of its own length."""
        check(
            "vvvvvvv.......",
            "=======.......",
            "[-----].......",
        )

    def test_too_short_an_utterance_gives_nothing(self) -> None:
        """With less than min_speech_s of speech there is neither a window nor an end."""
        check("..vvv.......", settings=replace(SMALL, min_speech_s=0.04))

    def test_windows_of_a_hop_longer_than_themselves(self) -> None:
        """Speech between two windows is skipped."""
        check(
            "vvvvvvvvvvvvvvvvvvvvvvvvv.......",
            "##########......................",
            ".............##########.........",
            "[-----------------------].......",
            settings=replace(SMALL, hop_s=0.13),
        )

    def test_segments_come_with_the_frame_that_completes_them(self) -> None:
        """A window comes with the frame that fills it, the end with the hangover's last frame."""
        picture = "..vvvvvvvvvvvvvvv.........."
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        completed = [
            (index, type(segment))
            for index, _ in enumerate(picture)
            for segment in segmenter.push(picture_frames(picture[index], index))
        ]
        assert completed == [
            (10, SpeechWindow),
            (14, SpeechWindow),
            (24, UtteranceEnd),
        ]

    def test_in_speech_is_true_during_an_utterance(self) -> None:
        """It is true from the frame that starts an utterance to the frame that ends it."""
        picture = "..vvv............."
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        drawn = ""
        for index, _ in enumerate(picture):
            list(segmenter.push(picture_frames(picture[index], index)))
            drawn += "s" if segmenter.in_speech else "."
        assert [picture, drawn] == [
            "..vvv.............",
            "....ssssssss......",
        ]

    def test_a_window_gives_its_speech_and_level(self) -> None:
        """Both speech_s and the level are those of the voiced frames."""
        window, end = segments_of("vvvv,,fv......")
        assert isinstance(window, SpeechWindow)
        assert window.samples.size == 8 * FRAME_SAMPLES
        for segment in (window, end):
            assert segment.speech_s == 0.06
            assert segment.level_dbfs == pytest.approx(level_dbfs((5 * 1e6 + 10.0) / 6))

    def test_speech_outside_a_window_does_not_count(self) -> None:
        """A frame that is half in a window counts half."""
        segmenter = Segmenter(
            SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES - FRAME_SAMPLES // 2
        )
        first, second, *_ = segmenter.push(picture_frames("v" * 14))
        assert (first.start_s, first.end_s, first.speech_s) == (0.0, 0.095, 0.095)
        assert (second.start_s, second.end_s, second.speech_s) == (0.04, 0.135, 0.095)


def test_an_hour_of_silence_gives_nothing() -> None:
    """Silence gives no segment, however long it lasts."""
    segmenter = Segmenter(SegmenterSettings(), frame_samples=480, window_samples=48000)
    minute = VoicedFrames(
        samples=np.zeros(2000 * 480, np.int16),
        voiced=(False,) * 2000,
        mean_square=(0.0,) * 2000,
        offset_samples=0,
        captured=CAPTURED,
    )
    for number in range(60):
        frames = replace(minute, offset_samples=number * minute.samples.size)
        assert list(segmenter.push(frames)) == []
    assert not segmenter.in_speech


def test_idle_samples_before_speech_are_the_missing_voiced_frames() -> None:
    """Within an utterance they are the rest of a window, or of the hangover."""
    segmenter = Segmenter(SegmenterSettings(), frame_samples=480, window_samples=48_000)
    assert segmenter.idle_samples == 8 * 480
    assert not list(segmenter.push(picture_frames("....vvv")))
    assert segmenter.idle_samples == 5 * 480
    assert not list(segmenter.push(picture_frames("vvvvv", first_frame=7)))
    assert segmenter.in_speech
    assert segmenter.idle_samples == 30 * 480
    assert not list(segmenter.push(picture_frames(".........", first_frame=12)))
    assert segmenter.idle_samples == 21 * 480


def test_a_provisional_window_comes_a_second_after_the_start_of_speech() -> None:
    """Silence, then two seconds of speech with an abrupt start."""
    segmenter = Segmenter(
        SegmenterSettings(), frame_samples=480, window_samples=48_000, provisional_s=1.0
    )
    first = next(segmenter.push(picture_frames("." * 20 + "v" * 60)))
    assert isinstance(first, SpeechWindow)
    assert first.is_provisional
    assert first.end_s - 20 * 0.03 == pytest.approx(1.0, abs=0.1)


class TestSettings:
    """The accepted values of the settings."""

    def test_the_defaults_are_valid(self) -> None:
        """No setting has to be set."""
        assert list(SegmenterSettings().problems()) == []

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("start_voiced_frames", 0),
            ("start_span_frames", 5),
            ("pre_roll_s", -0.1),
            ("pause_s", -0.1),
            ("hangover_s", 0.3),
            ("dynamic_range_db", 9.0),
            ("hop_s", 0.0),
            ("hop_s", 0.015),
            ("min_speech_s", 0.0),
            ("max_utterance_s", 4.9),
        ],
    )
    def test_a_bad_value_is_named(self, key: str, value: float) -> None:
        """One problem for one bad value, under its own name."""
        problems = list(replace(SegmenterSettings(), **{key: value}).problems())
        assert [name for name, _ in problems] == [key]


class TestNewSpeech:
    """The weight of a window in an average."""

    def test_every_second_of_speech_counts_once(self) -> None:
        """Of overlapping windows, the first counts whole, each later one by a hop."""
        windows = [s for s in segments_of("v" * 21 + "." * 9) if isinstance(s, SpeechWindow)]
        assert [round(window.speech_s * 100) for window in windows] == [10, 10, 10, 10]
        assert [round(window.new_speech_s * 100) for window in windows] == [10, 4, 4, 3]

    @given(st.text("v.", max_size=120))
    def test_nothing_is_counted_twice(self, picture: str) -> None:
        """The new speech of an utterance's windows is not more than the utterance's speech."""
        segments = segments_of(picture)
        for end in (s for s in segments if isinstance(s, UtteranceEnd)):
            own = [s for s in segments if isinstance(s, SpeechWindow) and s.utterance == end.utterance]
            assert sum(window.new_speech_s for window in own) <= end.speech_s + 1e-9
            assert all(window.new_speech_s > 0.0 for window in own)
