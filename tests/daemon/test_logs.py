"""Log lines for people, for the journal and for programs."""

import io
import json
import logging
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from serd.daemon.logs import set_up_logging
from serd.errors import SourceError
from serd.publishers.screen import is_journal
from serd.publishers.terminal import ERASE_LINE

LOG = logging.getLogger("serd.test")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """A stream for the log; the handlers are restored after the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)


def fail_with_log() -> None:
    """Log an exception with its traceback."""
    try:
        raise_disk_full()
    except OSError:
        LOG.exception("the spool is broken")


def raise_disk_full() -> None:
    """Raise an error whose message has two lines."""
    raise OSError("disk\nfull")


def test_text_has_the_name_of_the_program(stream: io.StringIO) -> None:
    """Each line begins with "serd:", and errors are marked."""
    set_up_logging("info", "text", stream)
    LOG.debug("hidden")
    LOG.info("connected to %s", "pi")
    LOG.warning("one\ntwo")
    LOG.error("no")
    assert stream.getvalue() == "serd: connected to pi\nserd: one\nserd: two\nserd: error: no\n"


def test_the_journal_gets_levels_and_no_times(stream: io.StringIO) -> None:
    """Each line, an entry of the journal, has the prefix of sd-daemon(3)."""
    set_up_logging("debug", "journal", stream)
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        LOG.log(level, "first\nsecond")
    expected = [f"<{number}>{text}" for number in (7, 6, 4, 3, 2) for text in ("first", "second")]
    assert stream.getvalue().splitlines() == expected


@pytest.mark.parametrize(
    ("log_format", "line"),
    [
        ("text", "serd: error: the spool is broken: disk full\n"),
        ("journal", "<3>the spool is broken: disk full\n"),
    ],
)
def test_an_error_of_the_system_is_one_line_without_a_traceback(
    stream: io.StringIO, log_format: str, line: str
) -> None:
    """The line has the message, and the text of the exception."""
    set_up_logging("info", log_format, stream)
    fail_with_log()
    assert stream.getvalue() == line


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (FileNotFoundError(2, "No such file or directory", "/a"), "No such file or directory '/a'"),
        (TimeoutError(), "TimeoutError"),
        (SourceError("mic is gone"), "mic is gone"),
    ],
)
def test_an_error_is_told_in_words(stream: io.StringIO, error: Exception, line: str) -> None:
    """Without the class, unless it has no words of its own, and without the number of the system."""
    set_up_logging("info", "text", stream)
    LOG.error("it failed", exc_info=error)
    assert stream.getvalue() == f"serd: error: it failed: {line}\n"


@pytest.mark.parametrize(("log_format", "prefix"), [("text", "serd: error: "), ("journal", "<3>")])
def test_an_unexpected_exception_has_its_traceback_at_every_level(
    stream: io.StringIO, log_format: str, prefix: str
) -> None:
    """Each line of the traceback has the prefix, and the last one names the exception."""
    set_up_logging("info", log_format, stream)
    LOG.error("the pipeline failed", exc_info=ZeroDivisionError("division by zero"))
    lines = stream.getvalue().splitlines()
    assert lines[0] == f"{prefix}the pipeline failed"
    assert lines[-1] == f"{prefix}ZeroDivisionError: division by zero"


@pytest.mark.parametrize(("log_format", "prefix"), [("text", "serd: error: "), ("journal", "<3>")])
def test_level_debug_adds_the_traceback(stream: io.StringIO, log_format: str, prefix: str) -> None:
    """Each of its lines has the prefix."""
    set_up_logging("debug", log_format, stream)
    fail_with_log()
    lines = stream.getvalue().splitlines()
    assert f"{prefix}Traceback (most recent call last):" in lines
    assert all(line.startswith(prefix) for line in lines)


def test_json_is_one_object_a_line(stream: io.StringIO) -> None:
    """Time with zone, level, logger and message; a traceback in a field of its own."""
    set_up_logging("info", "json", stream)
    LOG.info('a "quoted"\nline of %s', "Köln")
    fail_with_log()
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert datetime.fromisoformat(first.pop("time")).tzinfo is not None
    assert first == {"level": "info", "logger": "serd.test", "message": 'a "quoted"\nline of Köln'}
    assert second["message"] == "the spool is broken"
    assert "Traceback" in second["exception"]


def test_the_journal_is_detected_by_its_socket(tmp_path: Path) -> None:
    """Only the stream that systemd connected counts, not a redirected one."""
    with (tmp_path / "stderr").open("w") as stderr, (tmp_path / "other").open("w") as other:
        status = os.fstat(stderr.fileno())
        variables = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert is_journal(stderr, variables)
        assert not is_journal(other, variables)
        assert not is_journal(stderr, {})
        assert not is_journal(stderr, {"JOURNAL_STREAM": "nonsense"})
        assert not is_journal(io.StringIO(), variables)


def test_auto_is_the_journal_if_it_is_connected(stream: io.StringIO, tmp_path: Path) -> None:
    """Otherwise it is text."""
    with (tmp_path / "stderr").open("w+") as stderr:
        status = os.fstat(stderr.fileno())
        variables = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        set_up_logging("info", "auto", stderr, environment=variables)
        LOG.info("hello")
        stderr.seek(0)
        assert stderr.read() == "<6>hello\n"
    set_up_logging("info", "auto", stream, environment=variables)
    LOG.info("hello")
    assert stream.getvalue() == "serd: hello\n"


def test_setting_up_again_replaces(stream: io.StringIO) -> None:
    """New settings apply at once, no line is repeated, and handlers of other libraries stay."""
    other = logging.NullHandler()
    logging.getLogger().addHandler(other)
    set_up_logging("info", "text", io.StringIO())
    set_up_logging("warning", "json", stream)
    LOG.info("hidden")
    LOG.warning("shown")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["shown"]
    assert other in logging.getLogger().handlers


def test_a_closed_stream_is_no_error(stream: io.StringIO, capsys: pytest.CaptureFixture[str]) -> None:
    """The daemon runs on without a log."""
    set_up_logging("info", "text", stream)
    stream.close()
    LOG.info("into the void")
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("term", "start"), [("xterm", ERASE_LINE), ("dumb", "")])
def test_a_line_replaces_the_level_on_a_terminal(term: str, start: str) -> None:
    """The level is where the cursor is; a terminal without one gets the plain line."""
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    set_up_logging("info", "text", terminal, environment={"TERM": term})
    LOG.info("hello")
    assert terminal.getvalue() == f"{start}serd: hello\n"
