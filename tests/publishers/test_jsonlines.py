"""Events as lines of JSON on standard output."""

import json
import subprocess
import sys

import pytest

from serd.daemon.supervisor import Supervisor
from serd.publishers import Context
from serd.publishers.jsonlines import JsonLines, Settings, create
from testkit.made_events import make_event

CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())


def test_one_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Each line of standard output is an event, exactly as Event.to_json gives it."""
    publisher = create(Settings(enabled=True), CONTEXT)
    assert publisher is not None
    for number in range(3):
        publisher.publish(make_event(number, source="küche\n"))
    publisher.close(1.0)
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["0", "1", "2"]
    assert lines[0] == make_event(0, source="küche\n").to_json()


def test_lines_are_flushed_at_once() -> None:
    """A reader at the other end of a pipe sees an event before the next one is made."""
    program = (
        "import sys; from serd.publishers.jsonlines import JsonLines;"
        "from testkit.made_events import make_event;"
        "lines = JsonLines(sys.stdout); lines.publish(make_event(5)); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert json.loads(writer.stdout.readline())["id"] == "5"


def test_a_closed_pipe_ends_it_with_broken_pipe_error() -> None:
    """When the reader has ended, publish raises BrokenPipeError, which the command line handles."""
    program = (
        "import os, sys; from serd.publishers.jsonlines import JsonLines;"
        "from testkit.made_events import make_event\n"
        "lines = JsonLines(sys.stdout); sys.stdin.read()\n"
        "try:\n  lines.publish(make_event())\n"
        "except BrokenPipeError:\n  os._exit(42)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdin is not None
        writer.stdout.close()
        writer.stdin.close()
        assert writer.wait(20) == 42


def test_it_is_off_by_default() -> None:
    """No JSON is printed without settings, whose defaults have no problem."""
    assert create(Settings(), CONTEXT) is None
    assert isinstance(create(Settings(enabled=True), CONTEXT), JsonLines)
    assert not [*Settings().problems()]
