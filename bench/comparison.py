"""Runs candidates in turn, each in a process of its own on the same core, so that ratios are fair.

A round takes one scene: every candidate runs over it, one after the other, before the next scene is
taken. A machine that is slow for a while is slow for a whole round.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.candidates import Run, make_candidate
from bench.context import ONE_THREAD, ROOT
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.errors import OperationError

_WARM_UP_S: Final = 12.0
"""Sound that a candidate processes before the clock runs, in seconds."""


@dataclass(kw_only=True)
class Rounds:
    """Measurements of one candidate, one a round."""

    cpu_ms: list[float] = field(default_factory=list)
    """CPU time per second of sound, in milliseconds."""
    n_per_s: list[float] = field(default_factory=list)
    """Windows, frames or events per second of sound."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The result of a comparison, by the candidates' labels."""

    rounds: dict[str, Rounds]
    left_out: dict[str, str]
    """Candidates that could not run, each with the reason."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A candidate, and the checkout whose serd it runs."""

    label: str
    name: str
    checkout: Path = ROOT


def compare(
    entries: Sequence[Entry], scenes: Sequence[Samples], *, n_passes: int, core: int, folder: Path
) -> Comparison:
    """Run all candidates over all scenes, in turn.

    Args:
        entries: the candidates.
        scenes: one a round; int16, shape (n_samples,) each.
        n_passes: number of passes over all scenes.
        core: the processor core for all of them.
        folder: for the file of scenes.

    Raises:
        OperationError: a candidate's process ended.
    """
    path = folder / "scenes.npz"
    np.savez(path, *scenes)
    with contextlib.ExitStack() as stack:
        workers = {entry.label: stack.enter_context(_worker(entry, core, path)) for entry in entries}
        replies = {label: worker.reply() for label, worker in workers.items()}
        left_out = {label: reply["reason"] for label, reply in replies.items() if not reply["is_ready"]}
        rounds = {label: Rounds() for label in workers if label not in left_out}
        order = deque(rounds)
        for _ in range(n_passes):
            for number in range(len(scenes)):
                for label in order:
                    _add(rounds[label], workers[label].run(number))
                order.rotate(1)
    return Comparison(rounds=rounds, left_out=left_out)


def _add(rounds: Rounds, reply: dict[str, float]) -> None:
    rounds.cpu_ms.append(1e3 * reply["cpu_s"] / reply["sound_s"])
    rounds.n_per_s.append(reply["n_done"] / reply["sound_s"])


class _Worker:
    """A candidate's process, seen from the comparison."""

    def __init__(self, label: str, process: "subprocess.Popen[str]") -> None:
        self._label = label
        self._process = process

    def run(self, number: int) -> dict[str, Any]:
        """Run the candidate over a scene."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """The next line that the process writes."""
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise OperationError(f"{self._label} ended with code {code} in the comparison")
        body: dict[str, Any] = json.loads(line)
        return body


@contextlib.contextmanager
def _worker(entry: Entry, core: int, path: Path) -> Iterator[_Worker]:
    command = [sys.executable, "-m", "bench.comparison", entry.name, str(core), str(path)]
    # The checkout comes first, so that its serd is imported; bench and testkit are the current ones.
    python_path = {"PYTHONPATH": f"{entry.checkout}{os.pathsep}{ROOT}"}
    process = subprocess.Popen(
        command,
        cwd=entry.checkout,
        env=ONE_THREAD | dict(os.environ) | python_path,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        yield _Worker(entry.label, process)
    finally:
        process.kill()
        process.communicate()


def main(name: str, core: int, path: str) -> None:
    """Run a candidate in this process: ``python -m bench.comparison NAME CORE SCENES.npz``.

    Prints ``{"is_ready": true}`` once the candidate is warm, or the reason why it cannot run. Each line
    of input is the number of a scene, answered by a line with the cost of one pass over it.
    """
    try:
        candidate = make_candidate(name)
    except ImportError as exc:
        _print({"is_ready": False, "reason": f"{exc}"})
        return
    scenes: list[Samples] = list(np.load(path).values())
    runs: dict[int, Run] = {number: candidate.prepare(scene) for number, scene in enumerate(scenes)}
    candidate.prepare(scenes[0][: round(_WARM_UP_S * SAMPLE_RATE_HZ)])()
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    _print({"is_ready": True, "reason": ""})
    for line in sys.stdin:
        number = int(line)
        started_s = time.process_time()
        n_done = runs[number]()
        cpu_s = time.process_time() - started_s
        sound_s = scenes[number].size / SAMPLE_RATE_HZ
        _print({"cpu_s": cpu_s, "sound_s": sound_s, "n_done": n_done})


def _print(body: dict[str, object]) -> None:
    print(json.dumps(body), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
