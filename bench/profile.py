"""Part ``profile``: the pipeline's time by function, sampled by py-spy from outside the process.

Time in a library's C code counts for the line of Python that called it.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from bench.candidates import keep_freed_memory
from bench.context import ROOT, Context, Measurements
from bench.pipelines import LIVE_BLOCK_S, RecordedPipeline
from bench.sound import made_sound, talk
from bench.tables import Section, Table, left_out
from serd.errors import OperationError
from serd.model.runtime import ModelSettings, load_model

_RATE_HZ: Final = 500
_N_FUNCTIONS: Final = 14
_MARK: Final = re.compile(r"\brun \([^;]*bench/pipelines\.py:")
"""A sample below this function is one of the pipeline; all others are of the start."""


def measure(context: Context) -> Measurements:
    """Measure the share of samples in each function itself, for this serd and any earlier one."""
    if _sampler() is None:
        return {"left_out": {"profile": "py-spy is not installed: pip install '.[bench]'"}}
    measured: dict[str, Any] = {"rate_hz": _RATE_HZ, "now": _shares(context, ROOT)}
    if context.before is not None:
        measured["before"] = _shares(context, context.before)
    return measured


def write_flame_graph(path: Path, duration_s: float) -> None:
    """Draw the profile as a flame graph.

    Raises:
        OperationError: py-spy is not installed, or fails.
    """
    _record(path, ROOT, duration_s, form="flamegraph")


def self_shares(collapsed: str) -> dict[str, float]:
    """The share of the pipeline's time in each function itself, from 0 to 1, the largest first.

    Args:
        collapsed: a line for each stack, outermost function first, separated by ";", then the number of
            its samples, as py-spy writes it with ``--format raw``.
    """
    n_samples: Counter[str] = Counter()
    for line in collapsed.splitlines():
        stack, _, count = line.rpartition(" ")
        if _MARK.search(stack):
            n_samples[function_of(stack.rsplit(";", 1)[-1])] += int(count)
    total = sum(n_samples.values())
    return {name: count / total for name, count in n_samples.most_common()}


def function_of(frame: str) -> str:
    """The file of a frame, from serd or else from its last folder on, and the function."""
    function, _, place = frame.partition(" (")
    path = place.rstrip(")").rsplit(":", 1)[0]
    _, package, inside = path.rpartition("/serd/")
    place = f"serd/{inside}" if package else "/".join(path.split("/")[-2:])
    return f"{place} {function}"


def _shares(context: Context, checkout: Path) -> Mapping[str, float]:
    path = context.folder / "profile.txt"
    context.say(f"profile: {context.workload.profile_s:.0f} s")
    _record(path, checkout, context.workload.profile_s, form="raw")
    shares = self_shares(path.read_text())
    return dict(list(shares.items())[:_N_FUNCTIONS])


def _record(path: Path, checkout: Path, duration_s: float, *, form: str) -> None:
    sampler = _sampler()
    if sampler is None:
        raise OperationError("py-spy is not installed: pip install '.[bench]'")
    command = [
        sampler, "record", "--rate", _RATE_HZ, "--format", form, "--output", path, "--",
        sys.executable, "-m", "bench.profile", duration_s,
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
    """The py-spy of this Python's environment, or else the one on the path."""
    return shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")


def section(measured: Measurements) -> Section:
    """The section of the report."""
    tables = []
    for key, title in (("before", "before"), ("now", "now")):
        if key in measured:
            rows = tuple((name, f"{100 * share:.1f}") for name, share in measured[key].items())
            tables.append(Table(head=(title, "% of the time"), rows=rows))
    return Section(
        title="Where the time goes",
        about="Recognition in blocks of 30 ms, sampled by py-spy; a function counts without those it"
        " calls, and a library's C code counts for the function that called it. The network is the"
        " largest part, and its products run as fast as the processor multiplies; webrtcvad, real FFT"
        " and filterbank are each one call of a library on as much sound as there is at a time. The rest"
        " is Python's share of 33 voice decisions a second and a window each second; the experiments on"
        " it are in [decisions/0008](decisions/0008-speed.md).",
        tables=tables,
        notes=left_out(measured),
    )


def main(duration_s: float) -> None:
    """Process scenes in short blocks, to be sampled: ``python -m bench.profile SECONDS``."""
    keep_freed_memory()
    pipeline = RecordedPipeline(load_model(ModelSettings()), block_s=LIVE_BLOCK_S)
    scenes = (*made_sound(2, 30.0).scenes, talk(30.0, lead_s=0.5))
    runs = [pipeline.prepare(scene) for scene in scenes]
    end_s = time.monotonic() + duration_s
    while time.monotonic() < end_s:
        for run in runs:
            run()


if __name__ == "__main__":
    main(float(sys.argv[1]))
