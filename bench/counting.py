"""The guard over what the daemon costs: it counts, so that no busy machine can make it fail.

    python -m bench.counting            counts, and fails where a count is above its baseline by 20 %
    python -m bench.counting --renew    writes the counts as the new baseline, bench/counts.json

Counted are, for each second of speech on the live way without the network: instructions, by running a
short and a longer stretch on Valgrind's emulated processor and taking the difference, so that imports
and the start drop out; calls of functions, Python's and C's; and the most memory that is in use at once.
Counts differ between versions of Python and kinds of processor: each has a baseline of its own.
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

from bench.contest import ROOT
from bench.counted import Work
from serd.errors import LibraryError, OperationError, SerdError
from train.data.files import write_whole

BASELINE: Final = ROOT / "bench" / "counts.json"
MOST_GROWTH: Final = 0.20
SHORT_S: Final = 5.0
LONG_S: Final = 15.0
UNITS: Final = {
    "instructions": "instructions a second of speech",
    "calls": "calls of functions a second of speech",
    "peak_bytes": "bytes in use at most",
}
_REFERENCES: Final = re.compile(r"I +refs: +([\d,]+)")


def counts() -> dict[str, float]:
    """All three.

    Raises:
        LibraryError: Valgrind is not installed.
        OperationError: it fails.
    """
    return {
        "instructions": instructions_per_s(),
        "calls": calls_per_s(),
        "peak_bytes": float(peak_bytes(Work(LONG_S))),
    }


def instructions_per_s() -> float:
    """Instructions a second of speech, from two runs on an emulated processor.

    Raises:
        LibraryError: Valgrind is not installed.
        OperationError: it fails.
    """
    if shutil.which("valgrind") is None:
        raise LibraryError("valgrind is not installed: sudo apt-get install valgrind")
    with ThreadPoolExecutor(2) as pool:
        short, long = pool.map(_instructions, (SHORT_S, LONG_S))
    return (long - short) / (LONG_S - SHORT_S)


def calls_per_s() -> float:
    """Calls of Python's and C's functions a second of speech."""
    short, long = (count_calls(Work(duration_s)) for duration_s in (SHORT_S, LONG_S))
    return (long - short) / (LONG_S - SHORT_S)


def count_calls(work: Work) -> int:
    """Calls of functions while some sound is worked through a second time."""
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
    """The most memory that is allocated at once while some sound is worked through a second time."""
    work.run()
    tracemalloc.start()
    try:
        work.run()
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak


def instructions_in(report: str) -> int:
    """The count in a report of Valgrind's cachegrind.

    Raises:
        OperationError: there is none in it.
    """
    match = _REFERENCES.search(report)
    if match is None:
        raise OperationError(f"valgrind did not count: {report[-500:]}")
    return int(match[1].replace(",", ""))


def growths(now: Mapping[str, float], baseline: Mapping[str, float]) -> dict[str, float]:
    """How much each count has grown, in parts of its baseline; negative where it fell."""
    return {name: now[name] / baseline[name] - 1.0 for name in UNITS if name in baseline}


def complaints(now: Mapping[str, float], baseline: Mapping[str, float]) -> Iterator[str]:
    """A line for each count that has grown too much."""
    for name, growth in growths(now, baseline).items():
        if growth > MOST_GROWTH:
            yield (
                f"{UNITS[name]}: {now[name]:,.0f}, {growth:+.0%} to the baseline of"
                f" {baseline[name]:,.0f} (at most {MOST_GROWTH:+.0%}); find what"
                " grew (python -m bench profile) or, if it is wanted, python -m bench.counting --renew"
            )


def platform_name() -> str:
    """What counts depend on: "x86_64, Python 3.11"."""
    return f"{platform.machine()}, Python {sys.version_info.major}.{sys.version_info.minor}"


def read_baselines() -> dict[str, Any]:
    """The baselines by platform."""
    baselines: dict[str, Any] = json.loads(BASELINE.read_text("utf-8")) if BASELINE.exists() else {}
    return baselines


def main(argv: Sequence[str]) -> int:
    """Count, and compare or renew.

    Returns:
        1 where a count has grown too much.
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
        "--read-inline-info=no", sys.executable, "-m", "bench.counted", str(duration_s),
    ]  # fmt: skip
    # One kernel of the matrix product on every machine, one thread, one order of every set.
    fixed = {"OPENBLAS_CORETYPE": "Haswell", "OPENBLAS_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
    done = subprocess.run(
        command, cwd=ROOT, env=dict(os.environ) | fixed, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise OperationError(f"valgrind failed with {done.returncode}: {done.stderr[-500:]}")
    return instructions_in(done.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
