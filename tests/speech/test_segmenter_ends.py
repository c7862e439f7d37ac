"""Retained sound and the end of an utterance, in the pictures of ``testkit.segmenter_pictures``."""

from dataclasses import replace

from serd.audio.format import CaptureTime
from serd.speech.segmenter import Segmenter
from serd.speech.segments import SpeechWindow, UtteranceEnd
from testkit.segmenter_pictures import (
    CAPTURED,
    FRAME_SAMPLES,
    SMALL,
    WINDOW_SAMPLES,
    check,
    drawn,
    picture_frames,
    segments_of,
)


class TestBackground:
    """Sound at the ends that is background, relative to a louder frame."""

    def test_faint_sound_before_the_speech_is_dropped(self) -> None:
        """Sound 50 dB below the speech after it is background, voiced or not."""
        check(
            ",,fff,,vvvvv.........",
            ".......=====.........",
            ".......[---].........",
        )

    def test_faint_sound_after_the_speech_does_not_move_its_end(self) -> None:
        """The utterance ends with its last loud frame, although a window may hold later sound."""
        check(
            "vvvvvff.........",
            "=======.........",
            "[---]...........",
        )

    def test_faint_sound_within_the_speech_is_retained(self) -> None:
        """A faint frame between loud frames is speech."""
        check(
            "vvvffvv.........",
            "=======.........",
            "[-----].........",
        )

    def test_sound_of_an_earlier_window_is_not_dropped(self) -> None:
        """The start of the utterance is fixed after its first window."""
        check(
            "fffffffffffvvv.........",
            "##########.............",
            "....##########.........",
            "[------------].........",
        )

    def test_speech_that_is_faint_throughout_is_speech(self) -> None:
        """The level is relative to the utterance itself, not to full scale."""
        check(
            ",,,fffff,,,,,,,,",
            "..======........",
            "..[----]........",
        )

    def test_dropped_sound_fills_no_window(self) -> None:
        """A window is full at ten retained frames."""
        check(
            "fffffffffvvvvvvvvvvv.........",
            ".........##########..........",
            ".........[---------].........",
        )


class TestPauses:
    """Retained silence within an utterance."""

    def test_a_short_pause_is_retained_whole(self) -> None:
        """Silence of up to pause_s is unchanged."""
        check(
            "vvvv..vvv.......",
            "=========.......",
            "[-------].......",
        )

    def test_the_middle_of_a_long_pause_is_cut_out(self) -> None:
        """The start and the end of a longer pause are retained, because speech fades there."""
        check(
            "vvvv....vvv.......",
            "=====..====.......",
            "[---------].......",
        )

    def test_more_of_an_odd_pause_is_retained_before_the_cut(self) -> None:
        """A pause of three frames is two after the speech and one before it."""
        check(
            "vvv....vvv.......",
            "=====.====.......",
            "[--------].......",
            settings=replace(SMALL, pause_s=0.03),
        )

    def test_after_a_long_pause_a_click_does_not_continue_the_utterance(self) -> None:
        """It does not, however near the utterance's end it is."""
        check(
            "vvvv.....v.v.....",
            "====.............",
            "[--].............",
        )

    def test_after_a_short_pause_one_voiced_frame_is_enough(self) -> None:
        """Within pause_s, a single voiced frame continues the utterance."""
        check(
            "vvvv..v..v.........",
            "##########.........",
            "[--------].........",
        )

    def test_a_click_within_a_long_pause_is_cut_out_with_it(self) -> None:
        """With a pause_s of 0, nothing remains between the speech before and after it."""
        check(
            "vvvv.vv..vvv.........",
            "====.....===.........",
            "[----------].........",
            settings=replace(SMALL, pause_s=0.0),
        )

    def test_the_ends_of_a_pause_with_a_click_are_retained(self) -> None:
        """The click in the middle is cut out."""
        check(
            "vvvv....v..vvv.........",
            "=====.....====.........",
            "[------------].........",
            settings=replace(SMALL, hangover_s=0.12),
        )

    def test_a_window_holds_speech_and_not_the_cut_silence(self) -> None:
        """A window is full at ten retained frames, however long they take."""
        check(
            "vvvv....vvv....vvvvvv.......",
            "#####..#####................",
            "....#..#####..####..........",
            ".........===..=======.......",
            "[-------------------].......",
        )

    def test_the_silence_at_the_end_is_not_retained(self) -> None:
        """Neither a window nor the utterance includes the hangover."""
        window, end = segments_of("vvvvvvv......")
        assert (window.end_s, end.end_s) == (0.07, 0.07)


class TestEnd:
    """The end of an utterance."""

    def test_silence_shorter_than_the_hangover_is_a_pause(self) -> None:
        """Four unvoiced frames do not end the utterance."""
        check(
            "vvv....vvv.......",
            "====..====.......",
            "[--------].......",
        )

    def test_silence_as_long_as_the_hangover_ends_the_utterance(self) -> None:
        """Eight unvoiced frames end the first utterance, and are pre-roll of the second."""
        check(
            "vvv........vvv.......",
            "===..................",
            "[-]..................",
            "..........====.......",
            "..........[--].......",
        )

    def test_the_hangover_may_become_pre_roll(self) -> None:
        """A long pre-roll includes all the silence, and nothing of the previous utterance."""
        check(
            "vvv......vvv.......",
            "===................",
            "[-]................",
            "...=========.......",
            "...[-------].......",
            settings=replace(SMALL, pre_roll_s=0.2, hangover_s=0.06),
        )

    def test_speech_that_starts_as_the_hangover_ends_is_not_lost(self) -> None:
        """Voiced frames that are too few to continue an utterance start the next one."""
        check(
            "vvv......vvvv.......",
            "===.................",
            "[-].................",
            "........=====.......",
            "........[---].......",
        )

    def test_the_longest_utterance_ends_without_a_pause(self) -> None:
        """Speech without pauses (a radio) is cut into adjacent utterances."""
        check(
            "vvvvvvvvvvvvvvvvvvvvvvvvv......",
            "##########.....................",
            "....##########.................",
            "[------------].................",
            "..............##########.......",
            "..............[---------]......",
            settings=replace(SMALL, max_utterance_s=0.14),
        )

    def test_the_end_of_the_sound_ends_the_utterance(self) -> None:
        """Speech up to the last sample is not lost."""
        check(
            "..vvvvvv",
            ".=======",
            ".[-----]",
        )

    def test_a_flush_without_an_utterance_gives_nothing(self) -> None:
        """Without an utterance there is nothing to end."""
        check("")
        check("....vv")

    def test_a_second_flush_gives_nothing(self) -> None:
        """An utterance ends once."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        list(segmenter.push(picture_frames("vvvvvv")))
        assert len(list(segmenter.flush(CAPTURED))) == 2
        assert list(segmenter.flush(CAPTURED)) == []


class TestLostSound:
    """A gap in the offsets is lost sound."""

    def test_lost_sound_ends_the_utterance(self) -> None:
        """The speech before the gap and the speech after it are two utterances."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        segments = [
            *segmenter.push(picture_frames("vvvvv")),
            *segmenter.push(picture_frames("vvvv", first_frame=9)),
            *segmenter.flush(CAPTURED),
        ]
        assert ["vvvvv????vvvv", *drawn(segments, 13)] == [
            "vvvvv????vvvv",
            "=====........",
            "[---]........",
            ".........====",
            ".........[--]",
        ]

    def test_frames_before_lost_sound_do_not_count_after_it(self) -> None:
        """Two voiced frames on each side of a gap do not start an utterance."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        segments = [
            *segmenter.push(picture_frames("..vv")),
            *segmenter.push(picture_frames("vv...", first_frame=5)),
            *segmenter.flush(CAPTURED),
        ]
        assert segments == []

    def test_times_of_sound_that_starts_late_follow_its_offset(self) -> None:
        """Times count from the source's start, not from the first frame."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        frames = picture_frames("..vvvvvv........", first_frame=100)
        window, end = segmenter.push(frames)
        assert (window.start_s, window.end_s) == (1.01, 1.08)
        assert (end.start_s, end.end_s) == (1.01, 1.08)

    def test_segments_have_the_capture_time_of_the_block_that_completes_them(self) -> None:
        """Latency counts from the arrival of the sound that completes a segment."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        completed = []
        for index, drawing in enumerate("vvvvvvvvvvvv.........."):
            captured = CaptureTime(epoch_s=5.0, arrived_s=float(index))
            frames = replace(picture_frames(drawing, index), captured=captured)
            completed += [(type(each), each.captured) for each in segmenter.push(frames)]
        assert completed == [
            (SpeechWindow, CaptureTime(epoch_s=5.0, arrived_s=9.0)),
            (UtteranceEnd, CaptureTime(epoch_s=5.0, arrived_s=19.0)),
        ]
