"""A daemon that reads short utterances from standard input, and its events."""

import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np

from serd.audio.format import Samples
from testkit.brokers import DEADLINE_S, Listener, MosquittoBroker, wait_until
from testkit.daemons import Daemon, events, serd
from testkit.voices import quiet_room, synthetic_voice

N_UTTERANCES: Final = 250
"""Number of utterances in five minutes; each brings a window event and an utterance event."""
UTTERANCE_S: Final = 1.2
VOICE_S: Final = 0.75
QUICK: Final = """
[segmenter]
pause_s = 0.2
hangover_s = 0.35
min_speech_s = 0.3
"""
"""Settings with which each short voice is an utterance of its own, with two events."""
EVENT, STATUS = "serd/n/mic/event", "serd/n/status"
AVAILABILITY = "serd/n/mic/availability"
SLOW_S: Final = 4 * DEADLINE_S
"""Time limit, in seconds, for steps that take seconds even on an idle machine."""


def utterance(number: int = 0) -> Samples:
    """A short voice and the quiet that ends it: two events with ``QUICK`` settings."""
    return np.concatenate((_voice(number % 10), quiet_room(UTTERANCE_S - VOICE_S, seed=number)))


@cache
def five_minutes() -> Samples:
    """250 utterances in 300 s of sound: 500 events."""
    return np.concatenate([utterance(number) for number in range(N_UTTERANCES)])


@cache
def _voice(number: int) -> Samples:
    return synthetic_voice(VOICE_S, seed=number, f0_hz=100.0 + 15.0 * number)


@contextmanager
def running(
    broker: MosquittoBroker, home: Path, *arguments: object, settings: str = QUICK, **extra: str
) -> Iterator[Daemon]:
    """Run a daemon on node "n" that prints its events, with its settings file in ``home``."""
    file = home / "serd.toml"
    file.write_text(settings)
    with serd("run", "--json", "--node", "n", "--host", broker.host, "--port", broker.port, "--config",
              file, *arguments, home=home, stdin=subprocess.PIPE, extra=extra) as daemon:  # fmt: skip
        yield daemon


def write_sound(daemon: Daemon, sound: Samples) -> None:
    """Write sound to standard input."""
    assert daemon.process.stdin is not None
    daemon.process.stdin.write(sound.tobytes())
    daemon.process.stdin.flush()


@contextmanager
def quiet_between(daemon: Daemon) -> Iterator[None]:
    """Write a little quiet each second, so that the daemon does not take its source for lost."""
    is_over = threading.Event()

    def write() -> None:
        while not is_over.wait(1.0):
            write_sound(daemon, quiet_room(0.1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join()


def end(daemon: Daemon) -> int:
    """End standard input; returns the exit code."""
    assert daemon.process.stdin is not None
    daemon.process.stdin.close()
    return daemon.wait()


def ids(lines: Sequence[str]) -> list[str]:
    """The id of the event in each line, in order."""
    return [event["id"] for event in events(list(lines))]


def wait_for_output(daemon: Daemon, n_events: int) -> None:
    """Wait until the daemon has printed ``n_events`` events."""
    wait_until(lambda: len(daemon.output) >= n_events, f"{n_events} events", SLOW_S)


def wait_for_ids(listener: Listener, printed: Sequence[str]) -> None:
    """Wait until the listener has all printed ids, in any order."""
    wait_until(lambda: set(printed) <= set(ids(listener.of(EVENT))), "all printed events", SLOW_S)
