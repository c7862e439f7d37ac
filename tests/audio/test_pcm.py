"""Raw PCM from a file descriptor."""

import os
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from serd.audio.pipe import PipeSource
from serd.audio.stream import ByteStream
from testkit.pipes import fed_pipe
from testkit.voices import quiet_room, synthetic_voice


def _source(descriptor: int) -> PipeSource:
    return PipeSource(ByteStream(descriptor, "standard input"))


@given(st.lists(st.integers(1, 999), min_size=1, max_size=20))
def test_any_chunks_give_the_same_samples(sizes: list[int]) -> None:
    """A pipe may cut the bytes anywhere, also in the middle of a sample."""
    sound = np.arange(sum(sizes), dtype="<i2")
    data = sound.tobytes()[: sum(sizes)]
    starts = np.cumsum([0, *sizes])
    read = fed_pipe([data[a:b] for a, b in pairwise(starts)])
    source = _source(read)
    blocks = list(source)
    os.close(read)
    got = np.concatenate([np.empty(0, np.int16), *(block.samples for block in blocks)])
    assert np.array_equal(got, sound[: len(data) // 2])
    assert bool(source.summary()) == bool(len(data) % 2)
    offsets = np.cumsum([0, *(block.samples.size for block in blocks)])
    assert [block.offset_samples for block in blocks] == offsets[:-1].tolist()


def test_digital_silence_is_a_problem_of_the_block() -> None:
    """As of a muted card behind arecord; the daemon reports it."""
    data = bytes(2 * 16_000 * 11)
    read = fed_pipe([data[start : start + 32_000] for start in range(0, len(data), 32_000)])
    problems = [block.problem for block in _source(read)]
    os.close(read)
    assert problems[0] == ""
    assert "gives digital silence for 10 s" in problems[-1]


@pytest.mark.parametrize("room_level", [3, 300])
def test_a_byte_too_many_does_not_turn_the_rest_into_noise(room_level: int) -> None:
    """As left by a writer that is restarted: 0.2 s later the samples are right again, with a line."""
    voice = np.concatenate((quiet_room(1.0), synthetic_voice(2.0), quiet_room(1.0)))
    sound = voice + np.random.default_rng(0).integers(-room_level, room_level, voice.size, np.int16)
    data = sound.astype("<i2").tobytes()
    torn = data[:8001] + data[8000:]
    read = fed_pipe([torn[start : start + 640] for start in range(0, len(torn), 640)])
    source = _source(read)
    got = np.concatenate([block.samples for block in source])
    os.close(read)
    assert np.array_equal(got[-(sound.size - 4000 - 3200) :], sound[4000 + 3200 :])
    assert "half a sample was lost once" in source.summary()


@pytest.mark.parametrize(
    "sound",
    [
        np.random.default_rng(1).integers(-32768, 32767, 16_000, np.int16),
        np.random.default_rng(2).integers(-3, 3, 16_000, np.int16) << 8,
        np.zeros(16_000, np.int16),
        np.full(16_000, 256, np.int16),
        np.rint(30_000 * np.sin(2 * np.pi * 3000 * np.arange(16_000) / 16_000)).astype(np.int16),
        np.sign(np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.int16) * 32_000,
    ],
    ids=["full-scale noise", "8 bits", "silence", "constant", "loud tone", "square wave"],
)
def test_sound_of_any_kind_keeps_its_alignment(sound: NDArray[np.int16]) -> None:
    """No shift where nothing was lost."""
    data = sound.astype("<i2").tobytes()
    read = fed_pipe([data[start : start + 1600] for start in range(0, len(data), 1600)])
    source = _source(read)
    got = np.concatenate([block.samples for block in source])
    os.close(read)
    np.testing.assert_array_equal(got, sound)
    assert source.summary() == ""
