"""Sound from which nothing can follow is held back for a moment; nothing is lost and nothing is late."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import AudioBlock, CaptureTime, Samples
from serd.daemon.feeder import MOST_S, BlockJoiner
from serd.errors import SourceError
from testkit.made_sources import MadeSource, blocks, tone

_N_BLOCK = 480


def _live(duration_s: float) -> list[AudioBlock]:
    return blocks(tone(duration_s), n_block=_N_BLOCK)


def _gathering(nothing_before: int = 0) -> BlockJoiner:
    """One whose clock stands still, so that no sound is live and nobody rests."""
    gathering = BlockJoiner(_no_rest, lambda: 0.0)
    gathering.nothing_before_samples = nothing_before
    return gathering


def _no_rest(rest_s: float) -> None:
    raise AssertionError(f"rested for {rest_s} s")


def _sound(given: list[AudioBlock]) -> Samples:
    return np.concatenate([block.samples for block in given])


def test_where_anything_may_follow_blocks_pass_as_they_are() -> None:
    """A gathering that nobody told anything holds nothing back."""
    given = _live(1.0)
    assert list(_gathering().gather(given)) == given


@given(st.integers(0, 40_000), st.integers(1, 3000))
def test_blocks_end_where_something_may_follow(nothing_before: int, n_block: int) -> None:
    """The block that reaches the given position ends the wait; all sound passes, in order."""
    sound = tone(2.0)
    given = blocks(sound, n_block=n_block)
    gathering = _gathering(nothing_before)
    got = list(gathering.gather(given))
    assert np.array_equal(_sound(got), sound)
    reached = min(
        block.end_samples for block in given if block.end_samples >= min(nothing_before, 32_000)
    )
    assert reached in {block.end_samples for block in got}
    for block in got:
        assert block.samples.size <= max(n_block, round(MOST_S * 16_000) + n_block - 1)
        if block.offset_samples >= nothing_before:
            assert block.samples.size <= n_block


def test_a_joined_block_arrived_with_its_last_part() -> None:
    """Latency is counted from the last sample."""
    given = [
        AudioBlock(
            samples=block.samples,
            offset_samples=block.offset_samples,
            captured=CaptureTime(epoch_s=1.0, arrived_s=float(number)),
        )
        for number, block in enumerate(_live(0.24))
    ]
    gathering = _gathering(1_000_000)
    (got,) = gathering.gather(given)
    assert got.offset_samples == 0
    assert got.captured.arrived_s == 7.0


def test_lost_sound_is_not_joined_over() -> None:
    """The gap stays where it is."""
    gathering = _gathering(1_000_000)
    given = [*_live(0.06), *blocks(tone(0.06), n_block=_N_BLOCK, offset_samples=5000)]
    got = [(block.offset_samples, block.end_samples) for block in gathering.gather(given)]
    assert got == [(0, 960), (5000, 5960)]


def test_the_sound_of_a_source_that_breaks_off_is_not_lost() -> None:
    """It comes before the error."""
    gathering = _gathering(1_000_000)
    got: list[AudioBlock] = []
    with pytest.raises(SourceError, match="gone"):
        got.extend(gathering.gather(MadeSource(_live(0.09), error=SourceError("gone"))))
    assert [block.samples.size for block in got] == [3 * _N_BLOCK]


class _LiveSource:
    """Blocks of 30 ms at the pace of a clock that only it and the rests move."""

    def __init__(self, n_blocks: int) -> None:
        self.now_s = 0.0
        self.rests: list[float] = []
        self._given = blocks(tone(n_blocks * 0.03), n_block=_N_BLOCK)

    def rest(self, rest_s: float) -> None:
        self.rests.append(round(rest_s, 6))
        self.now_s += rest_s

    def __iter__(self) -> Iterator[AudioBlock]:
        for block in self._given:
            self.now_s = max(self.now_s, block.end_samples / 16_000)
            yield block


def test_nobody_looks_for_live_sound_before_it_is_due() -> None:
    """After the first block of eight the next is looked for a block before the last comes."""
    source = _LiveSource(24)
    gathering = BlockJoiner(source.rest, lambda: source.now_s)
    gathering.nothing_before_samples = 1_000_000
    got = [(block.samples.size, round(source.now_s, 6)) for block in gathering.gather(source)]
    assert got == [(8 * _N_BLOCK, 0.24), (8 * _N_BLOCK, 0.48), (8 * _N_BLOCK, 0.72)]
    assert source.rests == [0.18, 0.18]


def test_nobody_rests_where_something_may_follow_soon() -> None:
    """Up to the last two blocks before the given position there is nothing to gain by a rest."""
    source = _LiveSource(10)
    gathering = BlockJoiner(source.rest, lambda: source.now_s)
    sizes = []
    for block in gathering.gather(source):
        sizes.append(block.samples.size)
        gathering.nothing_before_samples = block.end_samples + 2 * _N_BLOCK
    assert sizes == [_N_BLOCK, *[2 * _N_BLOCK] * 4, _N_BLOCK]
    assert source.rests == []
