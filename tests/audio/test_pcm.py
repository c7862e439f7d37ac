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
from numpy.typing import NDArray

from serd.audio.pcm import PcmSource, pipe, standard_input
from serd.audio.stream import ByteStream
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.voices import quiet_room, synthetic_voice


def _feed(parts: list[bytes]) -> int:
    """Write the parts to a pipe, and return its reading end."""
    read, write = os.pipe()

    def write_all() -> None:
        for part in parts:
            os.write(write, part)
        os.close(write)

    threading.Thread(target=write_all).start()
    return read


def _source(descriptor: int) -> PcmSource:
    return PcmSource(ByteStream(descriptor, "standard input"))


@given(st.lists(st.integers(1, 999), min_size=1, max_size=20))
def test_any_chunks_give_the_same_samples(sizes: list[int]) -> None:
    """A pipe may cut the bytes anywhere, also in the middle of a sample."""
    sound = np.arange(sum(sizes), dtype="<i2")
    data = sound.tobytes()[: sum(sizes)]
    starts = np.cumsum([0, *sizes])
    read = _feed([data[a:b] for a, b in pairwise(starts)])
    source = _source(read)
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
        list(_source(read))
    os.close(read)


@pytest.mark.parametrize(
    "parts",
    [[b"RIFF\x24\x00\x00\x00WAVE"], [b"RI", b"FF\x24\x00\x00", b"\x00WAVE" + bytes(99)], [b"fLaC\x00"]],
    ids=["whole", "in parts", "short"],
)
def test_a_sound_file_on_the_pipe_is_refused(parts: list[bytes]) -> None:
    """A WAV header would be read as a click, and a wrong rate would change the voice."""
    read = _feed(parts)
    with pytest.raises(SoundFileError, match="expected raw 16 kHz mono S16_LE"):
        list(_source(read))
    os.close(read)


def _collect(source: PcmSource, got: list[NDArray[np.int16]]) -> None:
    """Add the samples of a source to a list, which keeps them if the source fails."""
    for block in source:
        got.append(block.samples)  # noqa: PERF401 - a list made at once would be lost


def test_digital_silence_is_a_problem_of_the_block() -> None:
    """As of a muted card behind arecord; the daemon reports it."""
    data = bytes(2 * 16_000 * 11)
    read = _feed([data[start : start + 32_000] for start in range(0, len(data), 32_000)])
    problems = [block.problem for block in _source(read)]
    os.close(read)
    assert problems[0] == ""
    assert "gives digital silence for 10 s" in problems[-1]


class TestStall:
    """A pipe that stays open without a byte, with the time limit shortened."""

    @pytest.fixture(autouse=True)
    def _short_stall(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("serd.audio.stream.STALL_S", 0.05)
        monkeypatch.setattr("serd.audio.stream._STALLED_READ_S", 0.05)

    def test_it_is_an_error_after_which_the_same_source_goes_on(self) -> None:
        """The bytes after the pause are read, with the sample that the pause cut in two."""
        read, write = os.pipe()
        sound = np.arange(-500, 500, dtype="<i2")
        data = sound.tobytes()
        source = _source(read)
        got: list[NDArray[np.int16]] = []
        for part in (data[:999], data[999:]):
            os.write(write, part)
            with pytest.raises(SourceStalledError, match="standard input gave no sound for 0 s"):
                _collect(source, got)
        os.close(write)
        assert list(source) == []
        assert np.array_equal(np.concatenate(got), sound)
        os.close(read)

    def test_an_end_after_a_pause_is_a_regular_end(self) -> None:
        """It is no empty input, though nothing came after the pause."""
        read, write = os.pipe()
        source = _source(read)
        os.write(write, bytes(400))
        with pytest.raises(SourceStalledError):
            list(source)
        os.close(write)
        assert list(source) == []
        os.close(read)

    def test_a_fifo_outlives_its_writers(self, tmp_path: Path) -> None:
        """Without a writer it stalls, and the next writer's sound follows."""
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = PcmSource(pipe(path))
        for number in (1, 2):
            path.write_bytes(np.full(100, number, "<i2").tobytes())
            got: list[NDArray[np.int16]] = []
            with pytest.raises(SourceStalledError, match=f"{path} gave no sound"):
                _collect(source, got)
            assert np.concatenate(got).tolist() == [number] * 100


@pytest.mark.parametrize("room_level", [3, 300])
def test_a_byte_too_many_does_not_turn_the_rest_into_noise(room_level: int) -> None:
    """As left by a writer that is restarted: 0.2 s later the samples are right again, with a line."""
    voice = np.concatenate((quiet_room(1.0), synthetic_voice(2.0), quiet_room(1.0)))
    sound = voice + np.random.default_rng(0).integers(-room_level, room_level, voice.size, np.int16)
    data = sound.astype("<i2").tobytes()
    torn = data[:8001] + data[8000:]
    read = _feed([torn[start : start + 640] for start in range(0, len(torn), 640)])
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
    read = _feed([data[start : start + 1600] for start in range(0, len(data), 1600)])
    source = _source(read)
    got = np.concatenate([block.samples for block in source])
    os.close(read)
    np.testing.assert_array_equal(got, sound)
    assert source.summary() == ""


def test_stop_ends_a_silent_pipe() -> None:
    """``stop`` ends a source that waits for bytes."""
    read, write = os.pipe()
    source = _source(read)
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
        source = _source(read)
        with pytest.raises(SoundFileError):
            list(source)
        source.stop()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    os.close(read)


def test_a_folder_is_no_input(tmp_path: Path) -> None:
    """``serd run --source - < folder`` is one clear error."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(SoundFileError, match="standard input is a folder"):
        list(_source(descriptor))
    os.close(descriptor)


def test_an_input_that_fails_is_a_source_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error of the system is translated, so that the daemon can wait for the source."""

    def fail(_descriptor: int, _n: int) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    read = _feed([b"x"])
    monkeypatch.setattr(os, "read", fail)
    with pytest.raises(SourceError, match="standard input cannot be read: Input/output error"):
        list(_source(read))
    monkeypatch.undo()
    os.close(read)


@pytest.mark.parametrize("stdin", [None, io.StringIO()])
def test_a_closed_standard_input_is_named(
    stdin: io.StringIO | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a service that has none."""
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(SoundFileError, match="standard input is closed"):
        standard_input()


def test_without_files_left_it_can_be_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many open files may pass; it is no wrong input."""

    def fail() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", fail)
    with pytest.raises(SourceError, match="standard input cannot be opened: Too many open files"):
        _source(0)
