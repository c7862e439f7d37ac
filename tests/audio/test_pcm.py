"""Raw PCM from a file descriptor."""

import os
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.pcm import PcmSource
from serd.errors import SoundFileError


def _feed(parts: list[bytes]) -> int:
    """Write the parts to a pipe, and return its reading end."""
    read, write = os.pipe()

    def write_all() -> None:
        for part in parts:
            os.write(write, part)
        os.close(write)

    threading.Thread(target=write_all).start()
    return read


@given(st.lists(st.integers(1, 999), min_size=1, max_size=20))
def test_any_chunks_give_the_same_samples(sizes: list[int]) -> None:
    """A pipe may cut the bytes anywhere, also in the middle of a sample."""
    sound = np.arange(sum(sizes), dtype="<i2")
    data = sound.tobytes()[: sum(sizes)]
    starts = np.cumsum([0, *sizes])
    read = _feed([data[a:b] for a, b in pairwise(starts)])
    source = PcmSource(read)
    blocks = list(source)
    os.close(read)
    got = np.concatenate([block.samples for block in blocks])
    assert np.array_equal(got, sound[: len(data) // 2])
    assert bool(source.summary()) == bool(len(data) % 2)
    offsets = np.cumsum([0, *(block.samples.size for block in blocks)])
    assert [block.offset_samples for block in blocks] == offsets[:-1].tolist()


def test_an_empty_input_is_an_error() -> None:
    """Empty standard input is usually a mistake in the shell command."""
    read = _feed([])
    with pytest.raises(SoundFileError, match="without any sound"):
        list(PcmSource(read))
    os.close(read)


@pytest.mark.parametrize("header", [b"RIFF\x24\x00\x00\x00WAVE", b"fLaC\x00", b"OggS\x00"])
def test_a_sound_file_on_the_pipe_is_refused(header: bytes) -> None:
    """A WAV header would be read as a click, and a wrong rate would change the voice."""
    read = _feed([header])
    with pytest.raises(SoundFileError, match="expected raw 16 kHz mono S16_LE"):
        list(PcmSource(read))
    os.close(read)


def test_stop_ends_a_silent_pipe() -> None:
    """``stop`` ends a source that waits for bytes."""
    read, write = os.pipe()
    source = PcmSource(read)
    threading.Timer(0.05, source.stop).start()
    assert list(source) == []
    os.close(read)
    os.close(write)
