"""Part ``profile``: where the pipeline's time goes, by samples that py-spy takes from outside.

What a library does in C counts for the line of Python that called it.
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.contest import ROOT
from bench.context import Context, Figures
from serd.errors import OperationError

_RATE_HZ: Final = 500
_N_FUNCTIONS: Final = 14
_MARK: Final = re.compile(r"\brun \([^;]*bench/ways\.py:")
"""Under this function the pipeline is at work; all other samples are of the start."""


def profile(context: Context) -> Figures:
    """Shares of the samples in each function itself, now and, where there is one, before."""
    if _sampler() is None:
        return {"left_out": {"profile": "py-spy is not installed: pip install '.[bench]'"}}
    figures: dict[str, Any] = {"rate_hz": _RATE_HZ, "now": _shares(context, ROOT)}
    if context.before is not None:
        figures["before"] = _shares(context, context.before)
    return figures


def write_flame_graph(path: Path, duration_s: float) -> None:
    """Draw the profile as a flame graph.

    Raises:
        OperationError: py-spy is not installed, or fails.
    """
    _record(path, ROOT, duration_s, form="flamegraph")


def self_shares(collapsed: str) -> dict[str, float]:
    """In which functions the time is spent, in parts of all that the pipeline takes, the largest first.

    Args:
        collapsed: a line for each stack, outermost function first, divided by ";", and how often it was
            seen, as py-spy writes it with ``--format raw``.
    """
    seen: Counter[str] = Counter()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        if _MARK.search(stack):
            seen[function_of(stack.rsplit(";", 1)[-1])] += int(count)
    total = sum(seen.values())
    return {name: count / total for name, count in seen.most_common()}


def function_of(frame: str) -> str:
    """A frame without its line number; a file of serd from the package on, others with their folder."""
    function, _, place = frame.partition(" (")
    path = place.rstrip(")").rsplit(":", 1)[0]
    _, package, inside = path.rpartition("/serd/")
    place = f"serd/{inside}" if package else "/".join(path.split("/")[-2:])
    return f"{place} {function}"


def _shares(context: Context, checkout: Path) -> Mapping[str, float]:
    path = context.folder / "profile.txt"
    context.say(f"profile: {context.sizes.profile_s:.0f} s")
    _record(path, checkout, context.sizes.profile_s, form="raw")
    shares = self_shares(path.read_text())
    return dict(list(shares.items())[:_N_FUNCTIONS])


def _record(path: Path, checkout: Path, duration_s: float, *, form: str) -> None:
    sampler = _sampler()
    if sampler is None:
        raise OperationError("py-spy is not installed: pip install '.[bench]'")
    command = [
        sampler, "record", "--rate", _RATE_HZ, "--format", form, "--output", path, "--",
        sys.executable, "-m", "bench.profile_target", duration_s,
    ]  # fmt: skip
    environment = dict(os.environ) | {
        "PYTHONPATH": f"{checkout}{os.pathsep}{ROOT}",
        "OPENBLAS_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [str(each) for each in command],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=duration_s + 60.0,
    )
    if not path.is_file():
        raise OperationError(f"py-spy failed: {done.stderr[-500:]}")


def _sampler() -> str | None:
    """py-spy beside this Python, else on the path."""
    return shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
