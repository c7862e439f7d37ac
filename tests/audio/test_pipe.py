"""Standard input and FIFOs."""

import errno
import gc
import io
import os
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from serd.audio.pipe import PipeSource, fifo, standard_input
from serd.audio.source import MIX
from serd.audio.stream import ByteStream
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.pipes import fed_pipe


def _source(descriptor: int) -> PipeSource:
    return PipeSource(ByteStream(descriptor, "standard input"))


def test_an_empty_input_is_an_error() -> None:
    """Empty standard input is usually a mistake in the shell command."""
    read = fed_pipe([])
    with pytest.raises(SoundFileError, match="without any sound"):
        list(_source(read))
    os.close(read)


def _collect(source: PipeSource, got: list[NDArray[np.int16]]) -> None:
    """Add the samples of a source to a list, which keeps them if the source fails."""
    for block in source:
        got.append(block.samples)  # noqa: PERF401 - a list made at once would be lost


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
        source = fifo(path, channel=MIX)
        for number in (1, 2):
            path.write_bytes(np.full(100, number, "<i2").tobytes())
            got: list[NDArray[np.int16]] = []
            with pytest.raises(SourceStalledError, match=f"{path} gave no sound"):
                _collect(source, got)
            assert np.concatenate(got).tolist() == [number] * 100

    def test_what_each_writer_of_a_fifo_lost_is_logged(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        """When it ends; the summary at the end of the source is that of the last one."""
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = fifo(path, channel=MIX)
        path.write_bytes(bytes(201))
        with pytest.raises(SourceStalledError):
            list(source)
        assert caplog.messages == [f"{path} ended in the middle of a sample"]
        assert source.summary() == ""

    def test_writers_without_sound_are_a_stall(self, tmp_path: Path) -> None:
        """Writers that come and go without a byte leave the daemon without a sign of life else."""
        path = tmp_path / "fifo"
        os.mkfifo(path)
        source = fifo(path, channel=MIX)
        for _ in range(2):
            path.write_bytes(b"")
            with pytest.raises(SourceStalledError, match="a writer gave no sound"):
                list(source)
        path.write_bytes(bytes(200))
        got: list[NDArray[np.int16]] = []
        with pytest.raises(SourceStalledError, match="gave no sound for 0 s"):
            _collect(source, got)
        assert sum(map(len, got)) == 100


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
    gc.collect()  # closes what earlier tests have left, before the count
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        source = _source(read)
        with pytest.raises(SoundFileError):
            list(source)
        source.stop()
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
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

    read = fed_pipe([b"x"])
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


def test_without_files_left_a_fifo_takes_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The retries of a FIFO would use up those that other parts of serd still get."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    gc.collect()
    n_open = len(list(Path("/proc/self/fd").iterdir()))

    def fail() -> tuple[int, int]:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", fail)
    with pytest.raises(SourceError, match="fifo cannot be opened: Too many open files"):
        fifo(path, channel=MIX)
    assert len(list(Path("/proc/self/fd").iterdir())) <= n_open


def test_a_fifo_whose_name_is_no_utf_8_is_described_in_escapes(tmp_path: Path) -> None:
    """The log and the topic ``problem`` could not encode the name itself."""
    path = tmp_path / os.fsdecode(b"caf\xe9")
    with pytest.raises(SourceError, match=r"caf\\xe9 cannot be opened: No such file"):
        fifo(path, channel=MIX)
    os.mkfifo(path)
    assert fifo(path, channel=MIX).describe().encode()
