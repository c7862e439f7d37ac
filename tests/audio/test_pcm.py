"""Raw PCM from a file descriptor."""

import errno
import io
import os
import sys
import threading
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.pcm import PcmSource
from serd.errors import SoundFileError, SourceError


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


def test_opening_it_again_and_again_leaves_no_descriptor_open() -> None:
    """A source that is reopened for weeks must not run out of files."""
    read, write = os.pipe()
    os.close(write)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        source = PcmSource(read)
        with pytest.raises(SoundFileError):
            list(source)
        source.stop()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    os.close(read)


def test_a_folder_is_no_input(tmp_path: Path) -> None:
    """``serd run --source - < folder`` is one clear error."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(SoundFileError, match="standard input is a folder"):
        list(PcmSource(descriptor))
    os.close(descriptor)


def test_an_input_that_fails_is_a_source_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the system is translated, so that the daemon can wait for the source."""

    def fail(_descriptor: int, _n: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    read = _feed([b"x"])
    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(SourceError, match="standard input cannot be read: Input/output error"):
        list(PcmSource(read))
    monkeypatch.undo()
    os.close(read)


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_a_closed_standard_input_is_named(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a service that has none."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(SoundFileError, match="standard input is closed"):
        PcmSource()


def test_without_files_left_it_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files may pass; it is no wrong input."""

    def fail() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", fail)
    with pytest.raises(SourceError, match="standard input cannot be opened: Too many open files"):
        PcmSource(0)
