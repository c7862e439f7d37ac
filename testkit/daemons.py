"""The ``serd`` command in a process of its own, with its output and log."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from testkit.brokers import wait_until

SERD = (sys.executable, "-m", "serd")


@dataclass(frozen=True, kw_only=True, slots=True)
class Footprint:
    """Memory, threads and files of a process."""

    rss_mb: float
    """Resident memory, in megabytes."""
    n_threads: int
    n_files: int
    """Open file descriptors."""


class Daemon:
    """A running ``serd``; threads read its output and its log."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process
        self.output: list[str] = []
        self.log: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=pair)
            for pair in ((process.stdout, self.output), (process.stderr, self.log))
        ]
        for reader in self._readers:
            reader.start()

    def wait_for_log(self, text: str) -> str:
        """Wait for a log line that contains ``text``, and return the first.

        Raises:
            AssertionError: the process ended without it, or it did not come in time.
        """

        def found() -> str:
            if self.process.poll() is not None and not any(text in line for line in self.log):
                raise AssertionError(f"serd ended before it logged {text!r}: {self.log}")
            return next((line for line in self.log if text in line), "")

        wait_until(found, f"{text!r} in the log")
        return found()

    def footprint(self) -> Footprint:
        """The present memory, threads and files."""
        folder = Path("/proc") / str(self.process.pid)
        status = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return Footprint(
            rss_mb=int(status["VmRSS"].split()[0]) * 1024 / 1e6,
            n_threads=int(status["Threads"]),
            n_files=len(list((folder / "fd").iterdir())),
        )

    def wait(self, timeout_s: float = 60.0) -> int:
        """Wait for the end; returns the exit code."""
        code = self.process.wait(timeout_s)
        for reader in self._readers:
            reader.join()
        return code

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        self.process.send_signal(number)
        return self.wait()

    @staticmethod
    def _read(stream: IO[bytes], lines: list[str]) -> None:
        # Line by line, so that a test that waits for a line sees it at once.
        for line in stream:
            lines.append(line.decode().rstrip("\n"))  # noqa: PERF401
        stream.close()


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment with another home and without the user's settings of serd."""
    variables = {name: text for name, text in os.environ.items() if not name.startswith("SERD_")}
    return (
        variables
        | {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)}
        | dict(extra or {})
    )


@contextlib.contextmanager
def serd(
    *arguments: object,
    home: Path,
    stdin: int | None = subprocess.DEVNULL,
    extra: Mapping[str, str] | None = None,
) -> Iterator[Daemon]:
    """Run ``serd`` with some arguments; it is killed if it still runs at the end of the block."""
    command = [*SERD, *map(str, arguments)]
    process = subprocess.Popen(
        command,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(home, extra),
    )
    daemon = Daemon(process)
    try:
        yield daemon
    finally:
        if process.poll() is None:
            process.kill()
        daemon.wait()
        if process.stdin is not None:
            process.stdin.close()


def events(lines: list[str]) -> list[dict[str, Any]]:
    """The events in lines of JSON."""
    return [json.loads(line) for line in lines]


def finding(event: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an event that depend on the sound alone, not on identity, clock or origin."""
    others = {"id", "time", "latency_ms", "source", "file"}
    return {key: value for key, value in event.items() if key not in others}
