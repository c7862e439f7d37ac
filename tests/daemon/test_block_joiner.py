"""Blocks without a report are joined; no sound is lost, and no report is late."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import AudioBlock, CaptureTime, Samples
from serd.daemon.feeder import MAX_JOINED_S, BlockJoiner
from serd.errors import SourceError
from testkit.made_sources import MadeSource, blocks, tone

_N_BLOCK = 480


def _live(duration_s: float) -> list[AudioBlock]:
    return blocks(tone(duration_s), n_block=_N_BLOCK)


def _joiner(idle_until: int = 0) -> BlockJoiner:
    """A joiner whose clock does not advance, so that no sound is live and it never waits."""
    joiner = BlockJoiner(_no_wait, lambda: 0.0)
    joiner.idle_until_samples = idle_until
    return joiner


def _no_wait(wait_s: float) -> None:
    raise AssertionError(f"waited for {wait_s} s")


def _sound(given: list[AudioBlock]) -> Samples:
    return np.concatenate([block.samples for block in given])


def test_without_an_idle_position_blocks_pass_unchanged() -> None:
    """A new joiner holds nothing back."""
    given = _live(1.0)
    assert list(_joiner().join(given)) == given


@given(st.integers(0, 40_000), st.integers(1, 3000))
def test_the_block_that_reaches_the_idle_position_is_passed_on(idle_until: int, n_block: int) -> None:
    """All sound passes, in order; joined blocks have a maximum length and end at the position."""
    sound = tone(2.0)
    given = blocks(sound, n_block=n_block)
    joiner = _joiner(idle_until)
    got = list(joiner.join(given))
    assert np.array_equal(_sound(got), sound)
    reached = min(block.end_samples for block in given if block.end_samples >= min(idle_until, 32_000))
    assert reached in {block.end_samples for block in got}
    for block in got:
        assert block.samples.size <= max(n_block, round(MAX_JOINED_S * 16_000) + n_block - 1)
        if block.offset_samples >= idle_until:
            assert block.samples.size <= n_block


def test_a_joined_block_has_the_capture_time_of_its_last_part() -> None:
    """Latency is measured from the last sample."""
    given = [
        AudioBlock(
            samples=block.samples,
            offset_samples=block.offset_samples,
            captured=CaptureTime(epoch_s=1.0, arrived_s=float(number)),
        )
        for number, block in enumerate(_live(0.24))
    ]
    joiner = _joiner(1_000_000)
    (got,) = joiner.join(given)
    assert got.offset_samples == 0
    assert got.captured.arrived_s == 7.0


def test_blocks_are_not_joined_across_a_gap() -> None:
    """The gap keeps its position."""
    joiner = _joiner(1_000_000)
    given = [*_live(0.06), *blocks(tone(0.06), n_block=_N_BLOCK, offset_samples=5000)]
    got = [(block.offset_samples, block.end_samples) for block in joiner.join(given)]
    assert got == [(0, 960), (5000, 5960)]


def test_the_sound_before_an_error_is_not_lost() -> None:
    """It precedes the error."""
    joiner = _joiner(1_000_000)
    got: list[AudioBlock] = []
    with pytest.raises(SourceError, match="gone"):
        got.extend(joiner.join(MadeSource(_live(0.09), error=SourceError("gone"))))
    assert [block.samples.size for block in got] == [3 * _N_BLOCK]


class _LiveSource:
    """Blocks of 30 ms in real time, by a clock that only the source and its waits advance."""

    def __init__(self, n_blocks: int) -> None:
        self.now_s = 0.0
        self.waits_s: list[float] = []
        self._given = blocks(tone(n_blocks * 0.03), n_block=_N_BLOCK)

    def wait(self, wait_s: float) -> None:
        self.waits_s.append(round(wait_s, 6))
        self.now_s += wait_s

    def __iter__(self) -> Iterator[AudioBlock]:
        for block in self._given:
            self.now_s = max(self.now_s, block.end_samples / 16_000)
            yield block


def test_it_waits_until_live_sound_is_due() -> None:
    """After the first block of eight it waits until one block before the last is due."""
    source = _LiveSource(24)
    joiner = BlockJoiner(source.wait, lambda: source.now_s)
    joiner.idle_until_samples = 1_000_000
    got = [(block.samples.size, round(source.now_s, 6)) for block in joiner.join(source)]
    assert got == [(8 * _N_BLOCK, 0.24), (8 * _N_BLOCK, 0.48), (8 * _N_BLOCK, 0.72)]
    assert source.waits_s == [0.18, 0.18]


def test_it_does_not_wait_shortly_before_the_idle_position() -> None:
    """A wait would save no wake-up within two blocks of the position."""
    source = _LiveSource(10)
    joiner = BlockJoiner(source.wait, lambda: source.now_s)
    sizes = []
    for block in joiner.join(source):
        sizes.append(block.samples.size)
        joiner.idle_until_samples = block.end_samples + 2 * _N_BLOCK
    assert sizes == [_N_BLOCK, *[2 * _N_BLOCK] * 4, _N_BLOCK]
    assert source.waits_s == []
