"""A guard against growing cost of the daemon, by counts that do not depend on the machine's load.

    python -m bench.counting            counts, and fails if a count exceeds its baseline by 20 %
    python -m bench.counting --renew    writes the counts as the new baseline, bench/counts.json

The counts are those of the live pipeline without the network, per second of speech: instructions, as the
difference between a short and a long run on Valgrind's emulated processor, so that imports and the start
cancel out; calls of Python and C functions; and the peak memory. The network is left out since its cost
is the model's, and takes long to emulate. Each version of Python and kind of processor has its own
baseline.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from types import FrameType
from typing import Any, Final

import numpy as np

from bench.context import ROOT
from bench.pipelines import LIVE_BLOCK_S, live_events
from bench.sound import blocks_of, talk
from serd.errors import LibraryError, OperationError, SerdError
from serd.model.runtime import ModelSettings, Prediction, read_card
from serd.model.windows import FeatureWindow
from train.data.files import write_whole

BASELINE: Final = ROOT / "bench" / "counts.json"
MAX_GROWTH: Final = 0.20
SHORT_S: Final = 5.0
LONG_S: Final = 15.0
UNITS: Final = {
    "instructions": "instructions a second of speech",
    "calls": "calls of functions a second of speech",
    "peak_bytes": "bytes in use at most",
}
_REFERENCES: Final = re.compile(r"I +refs: +([\d,]+)")


class _ConstantModel:
    """A model that gives every window the same probabilities, at no cost."""

    def __init__(self) -> None:
        self.card = read_card(ModelSettings())
        n_labels = len(self.card.labels)
        self._probabilities = np.full(n_labels, 1 / n_labels, np.float32)

    def predict(self, _window: FeatureWindow) -> Prediction:
        """Return the constant probabilities."""
        return Prediction(probabilities=self._probabilities)


class Work:
    """Speech of some length for the live pipeline."""

    def __init__(self, duration_s: float) -> None:
        self._blocks = list(blocks_of(talk(duration_s, lead_s=0.3), LIVE_BLOCK_S))
        self._model = _ConstantModel()

    def run(self) -> int:
        """Process the speech; returns the number of events."""
        return len([event.to_json() for event in live_events(iter(self._blocks), self._model)])


def counts() -> dict[str, float]:
    """The counts by their names in ``UNITS``.

    Raises:
        LibraryError: Valgrind is not installed.
        OperationError: Valgrind fails.
    """
    return {
        "instructions": instructions_per_s(),
        "calls": calls_per_s(),
        "peak_bytes": float(peak_bytes(Work(LONG_S))),
    }


def instructions_per_s() -> float:
    """Instructions per second of speech, from two runs on an emulated processor.

    Raises:
        LibraryError: Valgrind is not installed.
        OperationError: Valgrind fails.
    """
    if shutil.which("valgrind") is None:
        raise LibraryError("valgrind is not installed: sudo apt-get install valgrind")
    with ThreadPoolExecutor(2) as pool:
        short, long = pool.map(_instructions, (SHORT_S, LONG_S))
    return (long - short) / (LONG_S - SHORT_S)


def calls_per_s() -> float:
    """Calls of Python and C functions per second of speech."""
    short, long = (count_calls(Work(duration_s)) for duration_s in (SHORT_S, LONG_S))
    return (long - short) / (LONG_S - SHORT_S)


def count_calls(work: Work) -> int:
    """Calls of functions in a second run of some work."""
    work.run()
    n_calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal n_calls
        n_calls += event in {"call", "c_call"}

    previous = sys.getprofile()
    sys.setprofile(count)
    try:
        work.run()
    finally:
        sys.setprofile(previous)
    return n_calls


def peak_bytes(work: Work) -> int:
    """Peak of the allocated memory in a second run of some work, in bytes."""
    work.run()
    tracemalloc.start()
    try:
        work.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


def instructions_in(report: str) -> int:
    """The count of instructions in a report of Valgrind's cachegrind.

    Raises:
        OperationError: the report holds none.
    """
    match = _REFERENCES.search(report)
    if match is None:
        raise OperationError(f"valgrind did not count: {report[-500:]}")
    return int(match[1].replace(",", ""))


def growths(now: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """Growth of each count relative to its baseline; negative for a fall."""
    return {name: now[name] / baseline[name] - 1.0 for name in UNITS if name in baseline}


def complaints(now: Mapping[str, float], baseline: Mapping[str, float]) -> Iterator[str]:
    """A line for each count that grew by more than ``MAX_GROWTH``."""
    for name, growth in growths(now, baseline).items():
        if growth > MAX_GROWTH:
            yield (
                f"{UNITS[name]}: {now[name]:,.0f}, {growth:+.0%} to the baseline of"
                f" {baseline[name]:,.0f} (at most {MAX_GROWTH:+.0%}); find what"
                " grew (python -m bench profile) or, if it is wanted, python -m bench.counting --renew"
            )


def platform_name() -> str:
    """Processor and Python version, such as "x86_64, Python 3.11"."""
    return f"{platform.machine()}, Python {sys.version_info.major}.{sys.version_info.minor}"


def read_baselines() -> dict[str, Any]:
    """The baselines by platform."""
    baselines: dict[str, Any] = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    return baselines


def main(argv: Sequence[str]) -> int:
    """Count, and compare with the baseline or renew it.

    Returns:
        The exit code: 1 if a count grew too much.
    """
    parser = argparse.ArgumentParser(prog="python -m bench.counting")
    parser.add_argument("--renew", action="store_true", help="write the counts as the new baseline")
    args = parser.parse_args(argv)
    try:
        now = counts()
    except SerdError as exc:
        print(f"bench: {exc}", file=sys.stderr)
        return exc.exit_code
    baselines = read_baselines()
    baseline = baselines.get(platform_name(), {}).get("counts", {})
    for name, count in now.items():
        grown = f"  {count / baseline[name] - 1.0:+.1%}" if name in baseline else ""
        print(f"{UNITS[name]:40s} {count:14,.0f}{grown}")
    if args.renew:
        rounded = {name: round(count) for name, count in now.items()}
        baselines[platform_name()] = {"numpy": version("numpy"), "counts": rounded}
        write_whole(BASELINE, (json.dumps(baselines, indent=2) + "\n").encode())
        return 0
    if not baseline:
        print(f"no baseline for {platform_name()}: python -m bench.counting --renew")
        return 0
    lines = list(complaints(now, baseline))
    print(*lines, sep="\n")
    return 1 if lines else 0


def _instructions(duration_s: float) -> int:
    command = [
        "valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null",
        "--read-inline-info=no", sys.executable, "-c",
        f"from bench.counting import Work; Work({duration_s}).run()",
    ]  # fmt: skip
    # The same kernel of the matrix product on every machine, one thread, the same order of every set.
    fixed = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | fixed, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OperationError(f"valgrind failed with {done.returncode}: {done.stderr[-500:]}")
    return instructions_in(done.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
