"""``serd run`` in a process of its own, on one core, fed through a pipe at live pace or with files."""

import contextlib
import heapq
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.errors import OperationError
from testkit import daemons
from testkit.brokers import wait_until

BLOCK_SAMPLES: Final = 480
BLOCK_S: Final = BLOCK_SAMPLES / SAMPLE_RATE_HZ
_START_S: Final = 60.0
"""Longest start of a daemon, in seconds: several share a core of a small board."""


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Environment variables with no settings of the user's, and without the screen, as under systemd."""
    return daemons.environment(home, {"SERD_SCREEN_ENABLED": "false"} | dict(extra or {}))


@contextlib.contextmanager
def daemon(
    arguments: Sequence[object],
    *,
    home: Path,
    core: int,
    extra: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A running daemon whose standard input is a pipe; it is killed at the end of the block.

    Args:
        arguments: of ``serd run``.
        home: folder of its settings and state.
        core: its processor core.
        extra: more environment variables.

    Raises:
        OperationError: it ended with an error.
    """
    home.mkdir(parents=True, exist_ok=True)
    command = ["taskset", "-c", str(core), sys.executable, "-m", "serd", "run", *map(str, arguments)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(home, extra),
        )
    try:
        yield process
        if process.poll() not in {None, 0}:
            raise OperationError(
                f"serd run ended with code {process.returncode}: {(home / 'log').read_text()[-500:]}"
            )
    finally:
        process.kill()
        assert process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()


def wait_until_listening(process: "subprocess.Popen[bytes]", home: Path) -> None:
    """Wait until a daemon has started, so that it does not find sound that has waited in its pipe.

    Args:
        process: the daemon.
        home: its home folder.

    Raises:
        OperationError: it ended, or has not started in a minute.
    """

    def is_listening() -> bool:
        return "listening to" in (home / "log").read_text(errors="replace")

    try:
        wait_until(lambda: is_listening() or process.poll() is not None, "the daemon", _START_S)
    except AssertionError as exc:
        raise OperationError(f"serd run has not started in {_START_S:g} s") from exc
    if not is_listening():
        raise OperationError(f"serd run ended: {(home / 'log').read_text(errors='replace')[-500:]}")


class PacedFeeder:
    """A thread that writes one sound into several pipes, each a little later than the one before."""

    def __init__(self, pipes: Sequence[IO[bytes]], sound: Samples, *, spread_s: float = BLOCK_S) -> None:
        """Set up; ``start`` begins.

        Args:
            pipes: receive the sound.
            sound: int16, shape (n_samples,).
            spread_s: time over which the starts of the pipes are spread evenly, in seconds.
        """
        self._pipes = pipes
        self._sound = sound
        self._spread_s = spread_s
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="bench-feeder", daemon=True)
        self.written_s: list[list[float]] = [[] for _ in pipes]
        """For each pipe the monotonic time at which each block was written, in seconds."""

    def start(self) -> None:
        """Begin to write."""
        self._thread.start()

    def stop(self) -> None:
        """End soon, and wait for the end."""
        self._stopping.set()
        self._thread.join()

    def wait(self) -> None:
        """Wait for the end of the sound."""
        self._thread.join()

    def _run(self) -> None:
        started_s = time.monotonic()
        for due_s, index, number in heapq.merge(*map(self._due, range(len(self._pipes)))):
            start = number * BLOCK_SAMPLES
            block = self._sound[start : start + BLOCK_SAMPLES].tobytes()
            if self._stopping.wait(max(0.0, started_s + due_s - time.monotonic())):
                return
            self.written_s[index].append(time.monotonic())
            with contextlib.suppress(BrokenPipeError):
                self._pipes[index].write(block)
                self._pipes[index].flush()

    def _due(self, index: int) -> Iterator[tuple[float, int, int]]:
        """For each block of a pipe: its time in seconds from the start, the pipe, and the block."""
        delay_s = self._spread_s * index / len(self._pipes)
        for number in range(self._sound.size // BLOCK_SAMPLES):
            yield delay_s + (number + 1) * BLOCK_S, index, number


def completing_block(end_s: float) -> int:
    """Number, from 0, of the block that holds the last sample before ``end_s`` seconds."""
    return -(-round(end_s * SAMPLE_RATE_HZ) // BLOCK_SAMPLES) - 1
