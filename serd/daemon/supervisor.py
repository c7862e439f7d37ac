"""The threads of the daemon: it starts them, watches their signs of life and restarts those that fail.

A part of the daemon with a thread gives signs of life: it reports progress, or what it waits for. The
watchdog and ``/healthz`` read them. An exception that ends a thread is logged once with its traceback,
and the part restarts after a pause. A part that fails again and again is given up, and the daemon
ends with exit code 1, so that the service manager restarts it.
"""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from serd.errors import OperationError
from serd.mqtt.threads import Thread

_log = logging.getLogger("serd.supervisor")

SILENCE_S: Final = 15.0
"""Time without a sign of life after which a part counts as stuck, in seconds, without a watchdog."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RestartSettings:
    """Pauses before a part restarts, and when it is given up."""

    first_pause_s: float = 0.5
    """Pause after the first failure, in seconds; each further failure in a row doubles it."""
    max_pause_s: float = 30.0
    """Longest pause, in seconds."""
    steady_s: float = 5.0
    """Time without a failure after which the next one counts as the first again, in seconds."""
    max_failures: int = 8
    """Failures in a row after which the part is given up, at least 1."""


def _log_failure(error: OperationError) -> None:
    _log.error("%s", error)


class Supervisor:
    """Starts all threads of the daemon."""

    def __init__(
        self,
        give_up: Callable[[OperationError], None] = _log_failure,
        *,
        silence_s: float = SILENCE_S,
        restarts: RestartSettings | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Create a supervisor without threads.

        Args:
            give_up: called, in the thread that fails, with the error of a part that is given up.
            silence_s: time without a sign of life after which a part is stuck, in seconds; above 0.
            restarts: pauses and limits of the restarts.
            monotonic: clock of the signs of life, in seconds.

        Raises:
            ValueError: ``silence_s`` is not above 0.
        """
        if not silence_s > 0.0:
            raise ValueError(f"silence_s = {silence_s}, expected more than 0 seconds")
        self.silence_s = silence_s
        self._give_up = give_up
        self._restarts = restarts or RestartSettings()
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signs: list[Signs] = []
        self._n_restarts: Counter[str] = Counter()

    def start(self, name: str, run: Callable[[Thread], None]) -> "SupervisedThread":
        """Start a thread, and call ``run`` in it; whatever that raises, it is called again."""
        signs = self.watch(name)
        thread = SupervisedThread(self, signs, run, self._restarts)
        thread.start()
        return thread

    def watch(self, name: str) -> "Signs":
        """Watch the signs of life of a part from now on."""
        signs = Signs(name, self._monotonic)
        with self._lock:
            self._signs.append(signs)
        return signs

    def forget(self, signs: "Signs") -> None:
        """Stop watching a part that has ended; does nothing if it is not watched."""
        with self._lock:
            if signs in self._signs:
                self._signs.remove(signs)

    def silent(self) -> tuple[str, ...]:
        """Names of the parts without a sign of life for more than ``silence_s``."""
        return tuple(each.name for each in self._watched() if each.silent_s > self.silence_s)

    def states(self) -> Mapping[str, str]:
        """The state of each part, in words."""
        return {
            each.name: f"no sign of life for {each.silent_s:.0f} s"
            if each.silent_s > self.silence_s
            else each.state
            for each in self._watched()
        }

    def n_restarts(self) -> Mapping[str, int]:
        """How often each part was restarted; parts that never failed are missing."""
        with self._lock:
            return dict(self._n_restarts)

    def note_restart(self, name: str) -> None:
        """Count a restart of a part."""
        with self._lock:
            self._n_restarts[name] += 1

    def give_up(self, name: str, error: BaseException, n_failures: int) -> None:
        """Give up a part whose latest failure is ``error``."""
        reason = f"{type(error).__name__}: {error}"
        self._give_up(OperationError(f"{name} failed {n_failures} times, the last time with {reason}"))

    def _watched(self) -> tuple["Signs", ...]:
        with self._lock:
            return tuple(self._signs)


class Signs:
    """The signs of life of one part; any thread may give or read them."""

    def __init__(self, name: str, monotonic: Callable[[], float]) -> None:
        """Count the creation as the first sign.

        Args:
            name: name of the part.
            monotonic: the clock, in seconds.
        """
        self.name = name
        self._monotonic = monotonic
        self._waits: tuple[str, float | None] | None = None
        """What the part waits for, and when the wait ends at the latest; None if it works."""
        self._latest_s = monotonic()

    @property
    def silent_s(self) -> float:
        """Seconds since the latest sign of life, or since the latest time at which a wait should end."""
        waits = self._waits
        if waits is None:
            return self._monotonic() - self._latest_s
        _, until_s = waits
        return 0.0 if until_s is None else self._monotonic() - until_s

    @property
    def state(self) -> str:
        """What the part does, in words."""
        waits = self._waits
        return "works" if waits is None else f"waits for {waits[0]}"

    def progress(self) -> None:
        """Record that some work is done."""
        self._latest_s = max(self._latest_s, self._monotonic())

    @contextmanager
    def waiting(self, what: str, at_most_s: float | None = None) -> Iterator[None]:
        """Record that the part waits for something, for ``at_most_s`` seconds if that is known."""
        until_s = None if at_most_s is None else self._monotonic() + at_most_s
        before, self._waits = self._waits, (what, until_s)
        try:
            yield
        finally:
            self._waits = before
            self.progress()


class SupervisedThread:
    """A thread of the daemon; see ``serd.mqtt.threads.Thread``."""

    def __init__(
        self,
        supervisor: Supervisor,
        signs: Signs,
        run: Callable[[Thread], None],
        restarts: RestartSettings,
    ) -> None:
        """Create a thread; ``start`` starts it.

        Args:
            supervisor: counts the restarts.
            signs: the signs of life of the thread.
            run: the work.
            restarts: pauses and limits of the restarts.
        """
        self.progress = signs.progress
        self.waiting = signs.waiting
        self._supervisor = supervisor
        self._signs = signs
        self._work = run
        self._restarts = restarts
        self._n_failures = 0
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"serd-{signs.name}", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def end(self, timeout_s: float) -> bool:
        """Wait for the end, and return whether the thread has ended; it is not watched any more."""
        self._ending.set()
        self._supervisor.forget(self._signs)
        self._thread.join(max(0.0, timeout_s))
        return not self._thread.is_alive()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs, or waits for its next start."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._runs_to_its_end():
            pass
        self._supervisor.forget(self._signs)

    def _runs_to_its_end(self) -> bool:
        """Do the work once; return False if it must be done again."""
        started_s = time.monotonic()
        try:
            self._work(self)
        except BaseException as exc:  # noqa: BLE001 - nobody would see that this thread has ended
            is_steady = time.monotonic() - started_s >= self._restarts.steady_s
            self._n_failures = 1 if is_steady else self._n_failures + 1
            return self._must_end(exc)
        return True

    def _must_end(self, error: BaseException) -> bool:
        """Log a failure, and wait for the next start; return whether there is none."""
        name = self._signs.name
        if self._n_failures >= self._restarts.max_failures:
            self._supervisor.give_up(name, error, self._n_failures)
            return True
        if self._n_failures == 1:
            _log.error("%s failed and restarts", name, exc_info=error)
        else:
            _log.warning("%s failed again (%s) and restarts", name, type(error).__name__)
        self._supervisor.note_restart(name)
        doubled_s = self._restarts.first_pause_s * 2.0 ** (self._n_failures - 1)
        pause_s = min(doubled_s, self._restarts.max_pause_s)
        with self._signs.waiting("its next start", pause_s):
            return self._ending.wait(pause_s)
