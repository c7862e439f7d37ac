"""A daemon of the benchmarks is ready before it gets sound."""

import os
from pathlib import Path

import pytest

from bench.daemon import daemon, wait_until_listening
from serd.errors import OperationError

CORE = min(os.sched_getaffinity(0))


def test_a_daemon_is_awaited_until_it_listens(tmp_path: Path) -> None:
    """The log says so, however long the start takes."""
    with daemon(
        ("--source", "-"), home=tmp_path, core=CORE, extra={"SERD_MQTT_ENABLED": "false"}
    ) as process:
        wait_until_listening(process, tmp_path)
        assert "listening to standard input" in (tmp_path / "log").read_text()
        assert process.poll() is None


def test_a_daemon_that_ends_at_its_start_is_an_error(tmp_path: Path) -> None:
    """The error has the end of its log."""
    missing = tmp_path / "none.wav"
    with (
        pytest.raises(OperationError, match=r"none\.wav: no such file"),
        daemon(("--source", missing), home=tmp_path, core=CORE) as process,
    ):
        wait_until_listening(process, tmp_path)
