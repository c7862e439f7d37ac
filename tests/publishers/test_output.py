"""Standard output is waited for only by a daemon that can wait."""

import os
import threading
from collections.abc import Callable, Iterator
from typing import TextIO

import pytest

from serd.errors import PublishError
from serd.publishers.output import MAX_LINES, Output
from testkit.brokers import DEADLINE_S, logged_lines

N_LINES = 3000
LINES = [f"{number:05d} {'x' * 94}\n" for number in range(N_LINES)]
"""Far more than a pipe and the lines that wait can hold."""


@pytest.fixture(params=["pipe", "terminal"])
def ends(request: pytest.FixtureRequest) -> Iterator[tuple[int, TextIO]]:
    """A pipe or a terminal: the end that is read, and the stream that is written."""
    read, write = os.pipe() if request.param == "pipe" else os.openpty()
    with os.fdopen(write, "w", encoding="utf-8") as stream:
        yield read, stream
    os.close(read)


def read_until(descriptor: int, last: str, between: Callable[[], None] = lambda: None) -> list[str]:
    """The lines up to the last one; ``between`` is called after each part."""
    content = b""
    while last.rstrip().encode() not in content:
        content += os.read(descriptor, 65536)
        between()
    # A terminal begins each line at the left.
    return content.decode().replace("\r\n", "\n").splitlines(keepends=True)


def start_reader(descriptor: int) -> tuple[threading.Thread, list[str]]:
    """A thread that reads until the last line, and the lines that it has read."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(read_until(descriptor, LINES[-1])))
    thread.start()
    return thread, found


def test_a_live_daemon_does_not_wait_for_a_reader_that_stopped(ends: tuple[int, TextIO]) -> None:
    """The latest lines wait, the log counts the dropped ones, and the reader gets the others whole."""
    read, stream = ends
    output = Output(stream, is_live=True)
    with logged_lines() as log:
        for each in LINES:
            output.write(each)
        output.show("left out\r")
        thread, found = start_reader(read)
        output.close(DEADLINE_S)
        thread.join(DEADLINE_S)
    n_first = len(found) - MAX_LINES
    assert found == LINES[:n_first] + LINES[-MAX_LINES:]
    assert len(log) == 2
    assert log[0].startswith("nobody reads standard output: of the events for it, the latest 1000 wait")
    assert log[1] == f"standard output is read again; {N_LINES - len(found)} events for it were dropped"


def test_recordings_wait_for_the_reader(ends: tuple[int, TextIO]) -> None:
    """A file that is read faster than in real time loses no line at a slow reader."""
    read, stream = ends
    output = Output(stream, is_live=False)
    thread, found = start_reader(read)
    for each in LINES:
        output.write(each)
    output.close(0.0)
    thread.join(DEADLINE_S)
    assert found == LINES


def test_what_waits_is_written_with_the_next_report(ends: tuple[int, TextIO]) -> None:
    """Once the reader goes on, without another event."""
    read, stream = ends
    output = Output(stream, is_live=True)
    for each in LINES[:MAX_LINES]:
        output.write(each)
    assert read_until(read, LINES[MAX_LINES - 1], output.retry) == LINES[:MAX_LINES]
    output.close(0.0)


def test_lines_that_nobody_reads_are_an_error_at_the_end(ends: tuple[int, TextIO]) -> None:
    """It says how many are lost."""
    _, stream = ends
    output = Output(stream, is_live=True)
    for each in LINES:
        output.write(each)
    with pytest.raises(
        PublishError, match=r"nobody reads standard output: 100[01] events for it are lost"
    ):
        output.close(0.0)
