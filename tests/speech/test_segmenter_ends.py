"""What an utterance keeps of the sound, and when it ends, drawn as in ``testkit.segmenter_pictures``."""

from dataclasses import replace

from serd.audio.format import CaptureTime
from serd.speech.segmenter import Segmenter
from serd.speech.segments import SpeechWindow
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
    """What a louder frame shows to have been no part of the utterance."""

    def test_faint_sound_before_the_speech_is_dropped(self) -> None:
        """A murmur 50 dB below the speech that follows is background, voiced or not."""
        check(
            ",,fff,,vvvvv.........",
            ".......=====.........",
            ".......[---].........",
        )

    def test_faint_sound_behind_the_speech_does_not_count_for_its_end(self) -> None:
        """The utterance ends with its last loud frame, though a window may hold what follows."""
        check(
            "vvvvvff.........",
            "=======.........",
            "[---]...........",
        )

    def test_faint_sound_inside_the_speech_stays(self) -> None:
        """Between loud frames a faint one is speech."""
        check(
            "vvvffvv.........",
            "=======.........",
            "[-----].........",
        )

    def test_what_a_window_has_held_is_not_taken_back(self) -> None:
        """Once a window has left, the utterance's start stands."""
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
        """A window is full with ten frames that are still there."""
        check(
            "fffffffffvvvvvvvvvvv.........",
            ".........##########..........",
            ".........[---------].........",
        )


class TestPauses:
    """Which silence inside an utterance is kept."""

    def test_a_short_pause_is_kept_whole(self) -> None:
        """Silence up to the longest pause stays as it is."""
        check(
            "vvvv..vvv.......",
            "=========.......",
            "[-------].......",
        )

    def test_the_middle_of_a_long_pause_is_cut_out(self) -> None:
        """Of a longer pause its beginning and its end are kept, where the speech fades."""
        check(
            "vvvv....vvv.......",
            "=====..====.......",
            "[---------].......",
        )

    def test_of_an_odd_pause_more_is_kept_before_the_cut(self) -> None:
        """Two frames after the speech and one before it make a pause of three."""
        check(
            "vvv....vvv.......",
            "=====.====.......",
            "[--------].......",
            settings=replace(SMALL, pause_s=0.03),
        )

    def test_behind_a_long_pause_speech_must_start_again(self) -> None:
        """A click does not keep an utterance alive, however near its end it comes."""
        check(
            "vvvv.....v.v.....",
            "====.............",
            "[--].............",
        )

    def test_behind_a_short_pause_one_voiced_frame_is_enough(self) -> None:
        """Within the longest pause, speech goes on with a single frame."""
        check(
            "vvvv..v..v.........",
            "##########.........",
            "[--------].........",
        )

    def test_a_click_inside_a_long_pause_is_cut_out_with_it(self) -> None:
        """With no pause at all kept, nothing stays between the speech before and behind."""
        check(
            "vvvv.vv..vvv.........",
            "====.....===.........",
            "[----------].........",
            settings=replace(SMALL, pause_s=0.0),
        )

    def test_the_pause_before_a_click_is_kept_like_any_other(self) -> None:
        """The two ends of the pause stay, and the click in its middle goes."""
        check(
            "vvvv....v..vvv.........",
            "=====.....====.........",
            "[------------].........",
            settings=replace(SMALL, hangover_s=0.12),
        )

    def test_a_window_holds_speech_and_not_the_cut_silence(self) -> None:
        """A window is full with ten frames of kept sound, however long that took."""
        check(
            "vvvv....vvv....vvvvvv.......",
            "#####..#####................",
            "....#..#####..####..........",
            ".........===..=======.......",
            "[-------------------].......",
        )

    def test_the_silence_at_the_end_is_not_kept(self) -> None:
        """Neither a window nor the utterance's end reaches into the hangover."""
        window, end = segments_of("vvvvvvv......")
        assert (window.end_s, end.end_s) == (0.07, 0.07)


class TestEnd:
    """What ends an utterance."""

    def test_silence_below_the_hangover_ends_nothing(self) -> None:
        """Four unvoiced frames are a pause."""
        check(
            "vvv....vvv.......",
            "====..====.......",
            "[--------].......",
        )

    def test_silence_as_long_as_the_hangover_ends_it(self) -> None:
        """Eight unvoiced frames end the first utterance; its silence is the second's pre-roll."""
        check(
            "vvv........vvv.......",
            "===..................",
            "[-]..................",
            "..........====.......",
            "..........[--].......",
        )

    def test_the_hangover_may_become_pre_roll(self) -> None:
        """A long pre-roll takes all the silence there is, and nothing of the utterance before."""
        check(
            "vvv......vvv.......",
            "===................",
            "[-]................",
            "...=========.......",
            "...[-------].......",
            settings=replace(SMALL, pre_roll_s=0.2, hangover_s=0.06),
        )

    def test_speech_that_starts_as_the_hangover_ends_is_not_lost(self) -> None:
        """The voiced frames that were too few to go on begin the next utterance."""
        check(
            "vvv......vvvv.......",
            "===.................",
            "[-].................",
            "........=====.......",
            "........[---].......",
        )

    def test_the_longest_utterance_ends_though_nobody_paused(self) -> None:
        """A voice that never pauses (a radio) is cut into utterances that touch."""
        check(
            "vvvvvvvvvvvvvvvvvvvvvvvvv......",
            "##########.....................",
            "....##########.................",
            "[------------].................",
            "..............##########.......",
            "..............[---------]......",
            settings=replace(SMALL, max_utterance_s=0.14),
        )

    def test_the_end_of_the_sound_ends_it(self) -> None:
        """Speech that reaches to the last sample is not lost."""
        check(
            "..vvvvvv",
            ".=======",
            ".[-----]",
        )

    def test_a_flush_without_an_utterance_gives_nothing(self) -> None:
        """Where nobody speaks there is nothing to end."""
        check("")
        check("....vv")

    def test_a_second_flush_gives_nothing(self) -> None:
        """An utterance ends once."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        list(segmenter.push(picture_frames("vvvvvv")))
        assert len(list(segmenter.flush(CAPTURED))) == 2
        assert list(segmenter.flush(CAPTURED)) == []


class TestLostSound:
    """A jump in the offsets is sound that nobody heard."""

    def test_lost_sound_ends_the_utterance(self) -> None:
        """What was said before the gap leaves; the speech behind it is another utterance."""
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

    def test_frames_before_lost_sound_start_nothing_behind_it(self) -> None:
        """Two voiced frames on each side of the gap are not four in a row."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        segments = [
            *segmenter.push(picture_frames("..vv")),
            *segmenter.push(picture_frames("vv...", first_frame=5)),
            *segmenter.flush(CAPTURED),
        ]
        assert segments == []

    def test_sound_that_starts_late_is_timed_by_its_offset(self) -> None:
        """Times count from the source's start, not from the first frame that arrived."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        frames = picture_frames("..vvvvvv........", first_frame=100)
        window, end = segmenter.push(frames)
        assert (window.start_s, window.end_s) == (1.01, 1.08)
        assert (end.start_s, end.end_s) == (1.01, 1.08)

    def test_segments_carry_the_time_of_the_block_that_brought_them(self) -> None:
        """Latency is counted from the arrival of the sound that made a segment leave."""
        segmenter = Segmenter(SMALL, frame_samples=FRAME_SAMPLES, window_samples=WINDOW_SAMPLES)
        picture = "vvvvvvvvvvvv.........."
        for index, _ in enumerate(picture):
            captured = CaptureTime(epoch_s=5.0, arrived_s=float(index))
            frames = replace(picture_frames(picture[index], index), captured=captured)
            for segment in segmenter.push(frames):
                assert segment.captured == CaptureTime(
                    epoch_s=5.0, arrived_s=9.0 if isinstance(segment, SpeechWindow) else 19.0
                )
