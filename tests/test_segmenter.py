"""From voice decisions to windows and utterances, drawn as pictures.

In a picture each character is a frame of 10 ms: ``v`` voiced, ``.`` not, and ``f`` and ``,`` the same
but 50 dB fainter. What comes out is drawn below it from the samples that it really holds: a full window
with ``#``, an utterance's last window with ``=``, the end of an utterance as ``[---]`` from its start to
its end.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from serd.audio import SAMPLE_RATE_HZ, CaptureTime, Samples, level_dbfs
from serd.segmenter import Segmenter, SegmenterSettings
from serd.segments import Segment, SpeechWindow, UtteranceEnd, VoicedFrames

_CAPTURED = CaptureTime(epoch_s=0.0, arrived_s=0.0)

_SMALL = SegmenterSettings(
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
_FRAME = 160
_WINDOW = 10 * _FRAME


def _counted_sound(n_samples: int, first: int = 0) -> Samples:
    """Sound in which every sample tells its own position, up to 65,535."""
    return np.arange(first, first + n_samples).astype(np.uint16).view(np.int16)


def _picture_frames(picture: str, first_frame: int = 0) -> VoicedFrames:
    return VoicedFrames(
        samples=_counted_sound(len(picture) * _FRAME, first_frame * _FRAME),
        voiced=tuple(c in "vf" for c in picture),
        mean_square=tuple(1e6 if c in "v." else 10.0 for c in picture),
        offset_samples=first_frame * _FRAME,
        captured=_CAPTURED,
    )


def _segments(picture: str, settings: SegmenterSettings = _SMALL) -> list[Segment]:
    segmenter = Segmenter(settings, frame_samples=_FRAME, window_samples=_WINDOW)
    return [*segmenter.push(_picture_frames(picture)), *segmenter.flush(_CAPTURED)]


def _draw(segments: Iterable[Segment], n_frames: int) -> list[str]:
    return [_draw_one(segment, n_frames) for segment in segments]


def _draw_one(segment: Segment, n_frames: int) -> str:
    line = ["."] * n_frames
    if isinstance(segment, UtteranceEnd):
        first, behind = (round(t * SAMPLE_RATE_HZ) // _FRAME for t in (segment.start_s, segment.end_s))
        line[first:behind] = ("[" + "-" * (behind - first - 2) + "]")[: behind - first]
    else:
        for position in set(segment.samples.view(np.uint16) // _FRAME):
            line[position] = "=" if segment.is_last else "#"
    return "".join(line)


def _check(picture: str, *expected: str, settings: SegmenterSettings = _SMALL) -> None:
    assert [picture, *_draw(_segments(picture, settings), len(picture))] == [picture, *expected]


class TestStart:
    """When an utterance begins, and what it holds from before."""

    def test_too_few_voiced_frames_start_nothing(self) -> None:
        """Two of the latest four frames are not three, however often that happens."""
        _check("..v..v..vv..vv..v.v..v.v......")

    def test_enough_voiced_frames_of_the_latest_start(self) -> None:
        """Three of the latest four are enough, with a gap between them."""
        _check(
            "......v.vv........",
            "......====........",
            "......[--]........",
        )

    def test_pre_roll_is_kept(self) -> None:
        """Sound from before the decision belongs to the utterance."""
        _check(
            "......vvvvv........",
            ".....======........",
            ".....[----]........",
        )

    def test_longer_pre_roll_is_kept(self) -> None:
        """The pre-roll counts back from the decision."""
        _check(
            ".........vvv.......",
            "....========.......",
            "....[------].......",
            settings=replace(_SMALL, pre_roll_s=0.08),
        )

    def test_without_pre_roll_the_deciding_frames_are_kept(self) -> None:
        """The frames that were looked at are speech and stay, even with no pre-roll."""
        _check(
            "......v.vv........",
            "......====........",
            "......[--]........",
            settings=replace(_SMALL, pre_roll_s=0.0),
        )

    def test_pre_roll_at_the_start_of_the_sound(self) -> None:
        """Where there is less sound than the pre-roll, all of it is kept."""
        _check(
            "vvvv......",
            "====......",
            "[--]......",
        )

    def test_one_of_one_starts_with_each_voiced_frame(self) -> None:
        """The rule can be as quick as a single frame."""
        _check(
            "..v.........v...",
            "..=.............",
            "..[.............",
            "............=...",
            "............[...",
            settings=replace(
                _SMALL,
                start_voiced_frames=1,
                start_span_frames=1,
                pre_roll_s=0.0,
                min_speech_s=0.01,
            ),
        )


class TestWindows:
    """When a window leaves, and what it holds."""

    def test_a_window_leaves_when_it_is_full(self) -> None:
        """Ten frames make a window; the one frame more is too little for another."""
        _check(
            "vvvvvvvvvvv.......",
            "##########........",
            "[---------].......",
        )

    def test_then_one_leaves_each_hop(self) -> None:
        """Windows follow one another by the hop, each of full length."""
        _check(
            "vvvvvvvvvvvvvvvvvvvv.......",
            "##########.................",
            "....##########.............",
            "........##########.........",
            "[------------------].......",
        )

    def test_what_is_left_leaves_as_the_last_window(self) -> None:
        """Enough speech that no window held yet makes a last one, ending with the speech."""
        _check(
            "vvvvvvvvvvvvvvvvv.......",
            "##########..............",
            "....##########..........",
            ".......==========.......",
            "[---------------].......",
        )

    def test_little_that_is_left_leaves_no_window(self) -> None:
        """Less speech than the least makes none; the utterance ends all the same."""
        _check(
            "vvvvvvvvvvvvvvvv.......",
            "##########.............",
            "....##########.........",
            "[--------------].......",
        )

    def test_what_came_with_a_full_window_but_behind_it_is_still_left(self) -> None:
        """Frames kept at once with those that fill a window count as speech that no window held."""
        _check(
            "vvvvvvvvvvvvv.........",
            "##########............",
            "...==========.........",
            "[-----------].........",
            settings=replace(_SMALL, start_voiced_frames=12, start_span_frames=12),
        )

    def test_a_window_reaches_back_behind_the_longest_burst(self) -> None:
        """A pause and the speech behind it, kept at once, push nothing out that a window needs."""
        settings = replace(
            _SMALL, start_span_frames=3, pre_roll_s=0.0, pause_s=0.04, hangover_s=0.2, hop_s=0.01
        )
        segmenter = Segmenter(settings, frame_samples=_FRAME, window_samples=_WINDOW + _FRAME // 2)
        first, *_ = segmenter.push(_picture_frames("vvvvvvvvvv........vvv"))
        np.testing.assert_array_equal(first.samples, _counted_sound(_WINDOW + _FRAME // 2))

    def test_a_short_utterance_is_one_short_window(self) -> None:
        """An utterance that fills no window leaves as what it is."""
        _check(
            "vvvvvvv.......",
            "=======.......",
            "[-----].......",
        )

    def test_too_short_an_utterance_is_nothing(self) -> None:
        """With less than the least speech there is neither a window nor an end."""
        _check("..vvv.......", settings=replace(_SMALL, min_speech_s=0.04))

    def test_windows_of_a_hop_longer_than_themselves(self) -> None:
        """Speech between two windows is skipped where the hop says so."""
        _check(
            "vvvvvvvvvvvvvvvvvvvvvvvvv.......",
            "##########......................",
            ".............##########.........",
            "[-----------------------].......",
            settings=replace(_SMALL, hop_s=0.13),
        )

    def test_segments_leave_at_the_very_frame(self) -> None:
        """A window leaves with the frame that fills it, the end with the hangover's last frame."""
        picture = "..vvvvvvvvvvvvvvv.........."
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        left = [
            (index, type(segment))
            for index, _ in enumerate(picture)
            for segment in segmenter.push(_picture_frames(picture[index], index))
        ]
        assert left == [
            (10, SpeechWindow),
            (14, SpeechWindow),
            (24, UtteranceEnd),
        ]

    def test_in_speech_tells_whether_an_utterance_is_under_way(self) -> None:
        """From the frame that starts an utterance to the one that ends it."""
        picture = "..vvv............."
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        drawn = ""
        for index, _ in enumerate(picture):
            list(segmenter.push(_picture_frames(picture[index], index)))
            drawn += "s" if segmenter.in_speech else "."
        assert [picture, drawn] == [
            "..vvv.............",
            "....ssssssss......",
        ]

    def test_a_window_says_how_much_of_it_is_speech(self) -> None:
        """speech_s counts voiced frames alone, and the level is theirs."""
        window, end = _segments("vvvv,,fv......")
        assert isinstance(window, SpeechWindow)
        assert window.samples.size == 8 * _FRAME
        for segment in (window, end):
            assert segment.speech_s == 0.06
            assert segment.level_dbfs == pytest.approx(level_dbfs((5 * 1e6 + 10.0) / 6))

    def test_speech_beyond_a_window_s_ends_is_not_its_own(self) -> None:
        """Of a frame that lies half in a window, half a frame is its speech."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW - _FRAME // 2)
        first, second, *_ = segmenter.push(_picture_frames("v" * 14))
        assert (first.start_s, first.end_s, first.speech_s) == (0.0, 0.095, 0.095)
        assert (second.start_s, second.end_s, second.speech_s) == (0.04, 0.135, 0.095)


class TestBackground:
    """What a louder frame shows to have been no part of the utterance."""

    def test_faint_sound_before_the_speech_is_dropped(self) -> None:
        """A murmur 50 dB below the speech that follows is background, voiced or not."""
        _check(
            ",,fff,,vvvvv.........",
            ".......=====.........",
            ".......[---].........",
        )

    def test_faint_sound_behind_the_speech_does_not_count_for_its_end(self) -> None:
        """The utterance ends with its last loud frame, though a window may hold what follows."""
        _check(
            "vvvvvff.........",
            "=======.........",
            "[---]...........",
        )

    def test_faint_sound_inside_the_speech_stays(self) -> None:
        """Between loud frames a faint one is speech."""
        _check(
            "vvvffvv.........",
            "=======.........",
            "[-----].........",
        )

    def test_what_a_window_has_held_is_not_taken_back(self) -> None:
        """Once a window has left, the utterance's start stands."""
        _check(
            "fffffffffffvvv.........",
            "##########.............",
            "....##########.........",
            "[------------].........",
        )

    def test_speech_that_is_faint_throughout_is_speech(self) -> None:
        """The level is relative to the utterance itself, not to full scale."""
        _check(
            ",,,fffff,,,,,,,,",
            "..======........",
            "..[----]........",
        )

    def test_dropped_sound_fills_no_window(self) -> None:
        """A window is full with ten frames that are still there."""
        _check(
            "fffffffffvvvvvvvvvvv.........",
            ".........##########..........",
            ".........[---------].........",
        )


class TestPauses:
    """Which silence inside an utterance is kept."""

    def test_a_short_pause_is_kept_whole(self) -> None:
        """Silence up to the longest pause stays as it is."""
        _check(
            "vvvv..vvv.......",
            "=========.......",
            "[-------].......",
        )

    def test_the_middle_of_a_long_pause_is_cut_out(self) -> None:
        """Of a longer pause its beginning and its end are kept, where the speech fades."""
        _check(
            "vvvv....vvv.......",
            "=====..====.......",
            "[---------].......",
        )

    def test_of_an_odd_pause_more_is_kept_before_the_cut(self) -> None:
        """Two frames after the speech and one before it make a pause of three."""
        _check(
            "vvv....vvv.......",
            "=====.====.......",
            "[--------].......",
            settings=replace(_SMALL, pause_s=0.03),
        )

    def test_behind_a_long_pause_speech_must_start_again(self) -> None:
        """A click does not keep an utterance alive, however near its end it comes."""
        _check(
            "vvvv.....v.v.....",
            "====.............",
            "[--].............",
        )

    def test_behind_a_short_pause_one_voiced_frame_is_enough(self) -> None:
        """Within the longest pause, speech goes on with a single frame."""
        _check(
            "vvvv..v..v.........",
            "##########.........",
            "[--------].........",
        )

    def test_a_click_inside_a_long_pause_is_cut_out_with_it(self) -> None:
        """With no pause at all kept, nothing stays between the speech before and behind."""
        _check(
            "vvvv.vv..vvv.........",
            "====.....===.........",
            "[----------].........",
            settings=replace(_SMALL, pause_s=0.0),
        )

    def test_the_pause_before_a_click_is_kept_like_any_other(self) -> None:
        """The two ends of the pause stay, and the click in its middle goes."""
        _check(
            "vvvv....v..vvv.........",
            "=====.....====.........",
            "[------------].........",
            settings=replace(_SMALL, hangover_s=0.12),
        )

    def test_a_window_holds_speech_and_not_the_cut_silence(self) -> None:
        """A window is full with ten frames of kept sound, however long that took."""
        _check(
            "vvvv....vvv....vvvvvv.......",
            "#####..#####................",
            "....#..#####..####..........",
            ".........===..=======.......",
            "[-------------------].......",
        )

    def test_the_silence_at_the_end_is_not_kept(self) -> None:
        """Neither a window nor the utterance's end reaches into the hangover."""
        window, end = _segments("vvvvvvv......")
        assert (window.end_s, end.end_s) == (0.07, 0.07)


class TestEnd:
    """What ends an utterance."""

    def test_silence_below_the_hangover_ends_nothing(self) -> None:
        """Four unvoiced frames are a pause."""
        _check(
            "vvv....vvv.......",
            "====..====.......",
            "[--------].......",
        )

    def test_silence_as_long_as_the_hangover_ends_it(self) -> None:
        """Eight unvoiced frames end the first utterance; its silence is the second's pre-roll."""
        _check(
            "vvv........vvv.......",
            "===..................",
            "[-]..................",
            "..........====.......",
            "..........[--].......",
        )

    def test_the_hangover_may_become_pre_roll(self) -> None:
        """A long pre-roll takes all the silence there is, and nothing of the utterance before."""
        _check(
            "vvv......vvv.......",
            "===................",
            "[-]................",
            "...=========.......",
            "...[-------].......",
            settings=replace(_SMALL, pre_roll_s=0.2, hangover_s=0.06),
        )

    def test_speech_that_starts_as_the_hangover_ends_is_not_lost(self) -> None:
        """The voiced frames that were too few to go on begin the next utterance."""
        _check(
            "vvv......vvvv.......",
            "===.................",
            "[-].................",
            "........=====.......",
            "........[---].......",
        )

    def test_the_longest_utterance_ends_though_nobody_paused(self) -> None:
        """A voice that never pauses (a radio) is cut into utterances that touch."""
        _check(
            "vvvvvvvvvvvvvvvvvvvvvvvvv......",
            "##########.....................",
            "....##########.................",
            "[------------].................",
            "..............##########.......",
            "..............[---------]......",
            settings=replace(_SMALL, max_utterance_s=0.14),
        )

    def test_the_end_of_the_sound_ends_it(self) -> None:
        """Speech that reaches to the last sample is not lost."""
        _check(
            "..vvvvvv",
            ".=======",
            ".[-----]",
        )

    def test_a_flush_without_an_utterance_gives_nothing(self) -> None:
        """Where nobody speaks there is nothing to end."""
        _check("")
        _check("....vv")

    def test_a_second_flush_gives_nothing(self) -> None:
        """An utterance ends once."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        list(segmenter.push(_picture_frames("vvvvvv")))
        assert len(list(segmenter.flush(_CAPTURED))) == 2
        assert list(segmenter.flush(_CAPTURED)) == []


class TestLostSound:
    """A jump in the offsets is sound that nobody heard."""

    def test_lost_sound_ends_the_utterance(self) -> None:
        """What was said before the gap leaves; the speech behind it is another utterance."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        segments = [
            *segmenter.push(_picture_frames("vvvvv")),
            *segmenter.push(_picture_frames("vvvv", first_frame=9)),
            *segmenter.flush(_CAPTURED),
        ]
        assert ["vvvvv????vvvv", *_draw(segments, 13)] == [
            "vvvvv????vvvv",
            "=====........",
            "[---]........",
            ".........====",
            ".........[--]",
        ]

    def test_frames_before_lost_sound_start_nothing_behind_it(self) -> None:
        """Two voiced frames on each side of the gap are not four in a row."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        segments = [
            *segmenter.push(_picture_frames("..vv")),
            *segmenter.push(_picture_frames("vv...", first_frame=5)),
            *segmenter.flush(_CAPTURED),
        ]
        assert segments == []

    def test_sound_that_starts_late_is_timed_by_its_offset(self) -> None:
        """Times count from the source's start, not from the first frame that arrived."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        frames = _picture_frames("..vvvvvv........", first_frame=100)
        window, end = segmenter.push(frames)
        assert (window.start_s, window.end_s) == (1.01, 1.08)
        assert (end.start_s, end.end_s) == (1.01, 1.08)

    def test_segments_carry_the_time_of_the_block_that_brought_them(self) -> None:
        """Latency is counted from the arrival of the sound that made a segment leave."""
        segmenter = Segmenter(_SMALL, frame_samples=_FRAME, window_samples=_WINDOW)
        picture = "vvvvvvvvvvvv.........."
        for index, _ in enumerate(picture):
            captured = CaptureTime(epoch_s=5.0, arrived_s=float(index))
            frames = replace(_picture_frames(picture[index], index), captured=captured)
            for segment in segmenter.push(frames):
                assert segment.captured == CaptureTime(
                    epoch_s=5.0, arrived_s=9.0 if isinstance(segment, SpeechWindow) else 19.0
                )


@dataclass(frozen=True)
class _Case:
    """Settings, decisions and levels, with sound that is different in every frame."""

    settings: SegmenterSettings
    frame_samples: int
    window_samples: int
    voiced: list[bool]
    amplitudes: list[int]

    @property
    def sound(self) -> Samples:
        """int16, shape (n_frames, frame_samples)."""
        shape = len(self.voiced), self.frame_samples
        noise = np.random.default_rng(0).uniform(-1.0, 1.0, shape)
        return np.rint(noise * np.array(self.amplitudes)[:, np.newaxis]).astype(np.int16)

    @property
    def mean_square(self) -> np.ndarray:
        """float64, shape (n_frames,)."""
        return np.square(self.sound, dtype=np.float64).mean(axis=1)

    def segments(self, sizes: Iterable[int] = (), *, provisional_s: float = 0.0) -> list[Segment]:
        """What the segmenter makes of it in blocks of the given numbers of frames."""
        segmenter = self.segmenter(provisional_s)
        pushed = [segment for frames in self.frames(sizes) for segment in segmenter.push(frames)]
        return [*pushed, *segmenter.flush(_CAPTURED)]

    def segmenter(self, provisional_s: float = 0.0) -> Segmenter:
        """One that has heard nothing."""
        return Segmenter(
            self.settings,
            frame_samples=self.frame_samples,
            window_samples=self.window_samples,
            provisional_s=provisional_s,
        )

    def frames(self, sizes: Iterable[int] = ()) -> Iterator[VoicedFrames]:
        """The decisions in blocks of the given numbers of frames."""
        sound, mean_square = self.sound, tuple(self.mean_square.tolist())
        edges = [0, *np.cumsum(list(sizes)).tolist()]
        edges = [min(edge, len(self.voiced)) for edge in (*edges, len(self.voiced))]
        for first, behind in pairwise(edges):
            yield VoicedFrames(
                samples=sound[first:behind].reshape(-1),
                voiced=tuple(self.voiced[first:behind]),
                mean_square=mean_square[first:behind],
                offset_samples=first * self.frame_samples,
                captured=_CAPTURED,
            )


_LOUD, _MIDDLE, _FAINT = 9000, 600, 20
_runs = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from([_LOUD, _LOUD, _MIDDLE, _FAINT]),
        st.integers(1, 45) | st.integers(1, 4),
    ),
    max_size=25,
)


@st.composite
def _cases(draw: st.DrawFn) -> _Case:
    """Any settings that pass their own check (but for short utterances), and any decisions."""
    pause_s = draw(st.integers(0, 40)) / 100
    n_voiced = draw(st.integers(1, 8))
    runs = draw(_runs)
    return _Case(
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


class _PlainUtterance:
    """The kept frames of an utterance, all of them, with no thought of memory."""

    def __init__(self, case: _Case, first: int, behind: int) -> None:
        self._case = case
        self._power = case.mean_square
        self._background = 10.0 ** (-case.settings.dynamic_range_db / 10.0)
        self._is_open = True
        self.kept: list[int] = []
        self.end_frame = 0
        self.add(range(first, behind))

    @property
    def n_samples(self) -> int:
        return len(self.kept) * self._case.frame_samples

    def add(self, frames: Iterable[int]) -> None:
        """Keep frames, and drop the background before the first window has left."""
        for frame in frames:
            self.kept.append(frame)
            if not self._case.voiced[frame]:
                continue
            loudest = max(self._power[n] for n in self.kept if self._case.voiced[n])
            while self._is_open and self._power[self.kept[0]] < loudest * self._background:
                del self.kept[0]
            if self._power[frame] >= loudest * self._background:
                self.end_frame = frame + 1
        self._is_open = self._is_open and self.n_samples < self._case.window_samples

    def windows(self) -> list[tuple[int, int, bool]]:
        """Start and end of each window in the kept sound, in samples, and whether it is the last."""
        case, size = self._case, self._case.frame_samples
        hop_samples = round(case.settings.hop_s * SAMPLE_RATE_HZ)
        ends = list(range(case.window_samples, self.n_samples + 1, hop_samples))
        seen = ends[-1] if ends else 0
        unseen = [n for n, frame in enumerate(self.kept) if n * size >= seen and case.voiced[frame]]
        windows = [(end - case.window_samples, end, False) for end in ends]
        if len(unseen) * size >= case.settings.min_speech_s * SAMPLE_RATE_HZ:
            windows.append((max(0, self.n_samples - case.window_samples), self.n_samples, True))
        return windows


def _plain(case: _Case) -> list[_PlainUtterance]:
    """The rules once more, written down plainly, with nothing ever forgotten."""
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
        utterance = _PlainUtterance(case, first, index)
        while index < len(case.voiced):
            index += 1
            pending = list(range(utterance.kept[-1] + 1, index))
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
        used = utterance.kept[-1] + 1
        utterances.append(utterance)
    return utterances


@given(_cases())
@hypothesis_settings(max_examples=250)
def test_windows_and_ends_are_those_of_the_plain_rules(case: _Case) -> None:
    """Times, samples, speech and levels equal a plain rewrite that never forgets a frame."""
    size, sound = case.frame_samples, case.sound
    segments = iter(case.segments())
    for number, utterance in enumerate(_plain(case), start=1):
        kept, windows = utterance.kept, utterance.windows()
        positions = np.concatenate([np.arange(size) + frame * size for frame in kept])
        voiced = np.array([case.voiced[frame] for frame in kept])
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
            assert got.level_dbfs == pytest.approx(_level(sound[kept][part][voiced[part]]))
        if windows:
            got = next(segments)
            assert isinstance(got, UtteranceEnd)
            assert got.utterance == number
            assert got.start_s == positions[0] / SAMPLE_RATE_HZ
            assert got.end_s == utterance.end_frame * size / SAMPLE_RATE_HZ
            assert got.speech_s == np.count_nonzero(voiced) * size / SAMPLE_RATE_HZ
            assert got.level_dbfs == pytest.approx(_level(sound[kept][voiced]))
    assert next(segments, None) is None


def _level(frames: np.ndarray) -> float:
    if not frames.size:
        return level_dbfs(0.0)
    return level_dbfs(float(np.mean(frames.astype(np.float64) ** 2)))


@given(_cases(), st.lists(st.integers(0, 60), max_size=30))
def test_any_partition_into_blocks_gives_the_same_segments(case: _Case, sizes: list[int]) -> None:
    """How the sound is cut into blocks, empty ones included, changes nothing."""
    assert _comparable(case.segments(sizes)) == _comparable(case.segments([1] * len(case.voiced)))


def _comparable(segments: Iterable[Segment]) -> list[object]:
    return [
        (segment.samples.tolist(), repr(replace(segment, samples=np.empty(0, np.int16))))
        if isinstance(segment, SpeechWindow)
        else segment
        for segment in segments
    ]


@given(_cases())
def test_what_holds_for_every_segment(case: _Case) -> None:
    """Windows are no longer than a window; utterances are in order, never overlap, and end once."""
    sound = case.sound.reshape(-1)
    behind_s = 0.0
    windows: list[SpeechWindow] = []
    for segment in case.segments():
        if isinstance(segment, SpeechWindow):
            assert 0 < segment.samples.size <= case.window_samples
            assert segment.samples.size == case.window_samples or segment.is_last
            assert segment.position_samples % 160 == 0
            assert segment.start_s >= behind_s
            assert segment.speech_s <= segment.samples.size / SAMPLE_RATE_HZ
            assert segment.end_s - segment.start_s >= segment.samples.size / SAMPLE_RATE_HZ - 1e-9
            first, behind = (round(t * SAMPLE_RATE_HZ) for t in (segment.start_s, segment.end_s))
            if behind - first == segment.samples.size:  # no pause was cut
                np.testing.assert_array_equal(segment.samples, sound[first:behind])
            windows.append(segment)
            continue
        assert windows
        assert {window.utterance for window in windows} == {segment.utterance}
        assert [window.is_last for window in windows[:-1]] == [False] * (len(windows) - 1)
        assert segment.start_s == windows[0].start_s
        assert segment.start_s < segment.end_s <= sound.size / SAMPLE_RATE_HZ
        behind_s = max(segment.end_s, windows[-1].end_s)
        windows = []
    assert not windows


@pytest.mark.parametrize("hop_s", [0.01, 0.02, 0.07, 0.3])
@pytest.mark.parametrize("frame_samples", [160, 320, 480])
@pytest.mark.parametrize("window_s", [0.5, 0.53, 0.77])
def test_a_hop_below_the_pause_loses_no_samples(
    hop_s: float, frame_samples: int, window_s: float
) -> None:
    """A pause that is kept all at once fills several windows, each from its very beginning."""
    runs = [(True, 40), (False, 28), (True, 1), (False, 28), (True, 30), (False, 60)]
    case = _Case(
        settings=SegmenterSettings(hop_s=hop_s, pause_s=0.9, hangover_s=1.2),
        frame_samples=frame_samples,
        window_samples=round(window_s * SAMPLE_RATE_HZ),
        voiced=[voiced for voiced, n in runs for _ in range(n)],
        amplitudes=[_LOUD] * sum(n for _, n in runs),
    )
    windows = [segment for segment in case.segments() if isinstance(segment, SpeechWindow)]
    (utterance,) = _plain(case)
    kept_sound = case.sound[utterance.kept].reshape(-1)
    assert len(windows) > 1
    for window, (start, end, _) in zip(windows, utterance.windows(), strict=True):
        np.testing.assert_array_equal(window.samples, kept_sound[start:end])


def test_an_hour_of_silence_gives_nothing() -> None:
    """Silence leaves no segment, however long it lasts."""
    segmenter = Segmenter(SegmenterSettings(), frame_samples=480, window_samples=48000)
    minute = VoicedFrames(
        samples=np.zeros(2000 * 480, np.int16),
        voiced=(False,) * 2000,
        mean_square=(0.0,) * 2000,
        offset_samples=0,
        captured=_CAPTURED,
    )
    for number in range(60):
        frames = replace(minute, offset_samples=number * minute.samples.size)
        assert list(segmenter.push(frames)) == []
    assert not segmenter.in_speech


class TestSettings:
    """What the settings accept."""

    def test_the_defaults_are_fine(self) -> None:
        """Nobody has to set anything."""
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
    def test_a_value_that_cannot_work_is_named(self, key: str, value: float) -> None:
        """One problem for one bad value, under its own name."""
        problems = list(replace(SegmenterSettings(), **{key: value}).problems())
        assert [name for name, _ in problems] == [key]


class TestNewSpeech:
    """What a window weighs in an average."""

    def test_every_second_of_speech_counts_once(self) -> None:
        """Overlapping windows share their speech out: the first has its own, each later one a hop."""
        windows = [s for s in _segments("v" * 21 + "." * 9) if isinstance(s, SpeechWindow)]
        assert [round(window.speech_s * 100) for window in windows] == [10, 10, 10, 10]
        assert [round(window.new_speech_s * 100) for window in windows] == [10, 4, 4, 3]

    @given(st.text("v.", max_size=120))
    def test_nothing_is_counted_twice(self, picture: str) -> None:
        """The windows of an utterance never hold more new speech than the utterance holds speech."""
        segments = _segments(picture)
        for end in (s for s in segments if isinstance(s, UtteranceEnd)):
            own = [s for s in segments if isinstance(s, SpeechWindow) and s.utterance == end.utterance]
            assert sum(window.new_speech_s for window in own) <= end.speech_s + 1e-9
            assert all(window.new_speech_s > 0.0 for window in own)


@given(_cases(), st.sampled_from([0.0, 0.3, 0.5]))
def test_nothing_happens_before_the_sound_that_the_segmenter_says_it_needs(
    case: _Case, provisional_s: float
) -> None:
    """Who holds back sound up to there delays no window, no end and no start."""
    segmenter = case.segmenter(provisional_s)
    nothing_before, was_in_speech = 0, False
    for frames in case.frames([1] * len(case.voiced)):
        has_segments = bool(list(segmenter.push(frames)))
        if has_segments or segmenter.in_speech != was_in_speech:
            assert frames.end_samples >= nothing_before
        was_in_speech = segmenter.in_speech
        assert segmenter.idle_samples >= case.frame_samples
        nothing_before = max(nothing_before, frames.end_samples + segmenter.idle_samples)


def test_a_segmenter_that_waits_for_speech_needs_the_voiced_frames_that_are_missing() -> None:
    """And within an utterance what is missing to a window, or to the silence that ends it."""
    segmenter = Segmenter(SegmenterSettings(), frame_samples=480, window_samples=48_000)
    assert segmenter.idle_samples == 8 * 480
    assert not list(segmenter.push(_picture_frames("....vvv")))
    assert segmenter.idle_samples == 5 * 480
    assert not list(segmenter.push(_picture_frames("vvvvv", first_frame=7)))
    assert segmenter.in_speech
    assert segmenter.idle_samples == 30 * 480
    assert not list(segmenter.push(_picture_frames(".........", first_frame=12)))
    assert segmenter.idle_samples == 21 * 480


def _is_provisional(segment: Segment) -> bool:
    return isinstance(segment, SpeechWindow) and segment.is_provisional


@given(_cases(), st.floats(0.1, 2.0))
def test_provisional_windows_change_nothing_else(case: _Case, provisional_s: float) -> None:
    """Without them, the segments are those of a segmenter that was not asked for any."""
    segments = case.segments(provisional_s=provisional_s)
    others = [segment for segment in segments if not _is_provisional(segment)]
    assert _comparable(others) == _comparable(case.segments())


@given(_cases(), st.floats(0.1, 2.0))
def test_an_utterance_has_one_provisional_window_at_most_and_first(
    case: _Case, provisional_s: float
) -> None:
    """It is shorter than a full one, and holds enough speech and all that is kept so far."""
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


def test_a_provisional_window_leaves_a_second_after_speech_began() -> None:
    """Silence, then three seconds of speech that begins without a warning."""
    segmenter = Segmenter(
        SegmenterSettings(), frame_samples=480, window_samples=48_000, provisional_s=1.0
    )
    first = next(segmenter.push(_picture_frames("." * 20 + "v" * 60)))
    assert isinstance(first, SpeechWindow)
    assert first.is_provisional
    assert first.end_s - 20 * 0.03 == pytest.approx(1.0, abs=0.1)
