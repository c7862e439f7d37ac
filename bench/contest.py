"""Runs contestants in turn, each in a process of its own on the same core, so that ratios are fair.

A round takes one scene: every contestant runs over it, one after the other, then the next scene is
taken. What makes the machine slow for a while makes it slow for all of a round.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.audio.format import Samples
from serd.errors import OperationError

ROOT: Final = Path(__file__).parent.parent


@dataclass(kw_only=True)
class Score:
    """What one contestant used, round by round."""

    cpu_ms: list[float] = field(default_factory=list)
    """CPU time a second of sound, in milliseconds."""
    wall_ms: list[float] = field(default_factory=list)
    """Time that passed a second of sound, in milliseconds."""
    n_per_s: list[float] = field(default_factory=list)
    """Windows, frames or events a second of sound."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of a contest."""

    scores: dict[str, Score]
    left_out: dict[str, str]
    """Who could not take part, and why."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A contestant, and the checkout whose serd it runs."""

    label: str
    name: str
    checkout: Path = ROOT


def run_contest(
    entries: Sequence[Entry], scenes: Sequence[Samples], *, n_passes: int, core: int, folder: Path
) -> Outcome:
    """Let all of them run over all scenes, in turn.

    Args:
        entries: who takes part.
        scenes: one a round.
        n_passes: how often all scenes are taken.
        core: the processor core that all of them run on.
        folder: for the scenes as a file.

    Raises:
        OperationError: a contestant died.
    """
    path = folder / "scenes.npz"
    np.savez(path, *scenes)
    with contextlib.ExitStack() as stack:
        workers = {entry.label: stack.enter_context(_worker(entry, core, path)) for entry in entries}
        replies = {label: worker.reply() for label, worker in workers.items()}
        left_out = {label: reply["reason"] for label, reply in replies.items() if not reply["is_ready"]}
        scores = {label: Score() for label in workers if label not in left_out}
        order = deque(scores)
        for _ in range(n_passes):
            for number in range(len(scenes)):
                for label in order:
                    _add(scores[label], workers[label].ask(number))
                order.rotate(1)
    return Outcome(scores=scores, left_out=left_out)


def _add(score: Score, reply: dict[str, float]) -> None:
    score.cpu_ms.append(1e3 * reply["cpu_s"] / reply["sound_s"])
    score.wall_ms.append(1e3 * reply["wall_s"] / reply["sound_s"])
    score.n_per_s.append(reply["n_done"] / reply["sound_s"])


class _Worker:
    def __init__(self, label: str, process: "subprocess.Popen[str]") -> None:
        self._label = label
        self._process = process

    def ask(self, number: int) -> dict[str, Any]:
        """Have it run over a scene."""
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.write(f"{number}\n")
        self._process.stdin.flush()
        return self.reply()

    def reply(self) -> dict[str, Any]:
        """Its next line."""
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise OperationError(f"{self._label} ended with code {self._process.wait()} in the contest")
        body: dict[str, Any] = json.loads(line)
        return body


@contextlib.contextmanager
def _worker(entry: Entry, core: int, path: Path) -> Iterator[_Worker]:
    command = [sys.executable, "-m", "bench.worker", entry.name, str(core), str(path)]
    # The checkout comes first on the path, so that its serd is taken; bench and tests are always ours.
    environment = dict(os.environ) | {"PYTHONPATH": f"{entry.checkout}{os.pathsep}{ROOT}"}
    process = subprocess.Popen(
        command,
        cwd=entry.checkout,
        env=environment,
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
