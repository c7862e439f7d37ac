"""Part ``analyze``: long recordings through ``serd analyze``, and through the peers as programs."""

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import soundfile

from bench.context import Context, Figures
from bench.daemon import environment
from bench.process_use import peak_rss_mb, with_children
from bench.spread import paired_ratios, spread
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.errors import OperationError

PEERS: Final = ("psf-litert", "librosa-keras")
_LOOK_S: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class Ran:
    """A program that has run."""

    wall_s: float
    cpu_s: float
    """Of it and all its children, user and system."""
    rss_mb: float
    """Most resident memory, that of children added; looked at each tenth of a second."""
    output: str


def analyze(context: Context) -> Figures:
    """Two long files on one core and on two; memory of a short and a long one; the peers."""
    sizes = context.sizes
    files = [context.folder / f"{name}.wav" for name in ("one", "two")]
    for path in files:
        write_repeated(path, context.sound.scenes, sizes.analyze_s)
    cores = sorted({context.core, context.other_core})
    runs: dict[str, list[Ran]] = {"one_core": [], "two_cores": []}
    apart_s: list[float] = []
    for number in range(sizes.n_analyze):
        context.say(f"analyze: {number + 1} of {sizes.n_analyze}")
        runs["one_core"].append(_serd(context, files, jobs=1, cores=cores[:1]))
        runs["two_cores"].append(_serd(context, files, jobs=2, cores=cores))
        apart_s.append(_apart_s(context, files, cores))
    sound_s = 2.0 * sizes.analyze_s
    alone_s = [run.wall_s for run in runs["one_core"]]
    return {
        "sound_s": sound_s,
        "n_cores": len(cores),
        **{name: _summary(each, sound_s) for name, each in runs.items()},
        "gain_of_two_cores": paired_ratios(alone_s, [run.wall_s for run in runs["two_cores"]]).to_json(),
        "gain_of_two_programs": paired_ratios(alone_s, apart_s).to_json(),
        "memory": _memory(context, files[0]),
        **_peers(context),
    }


def write_repeated(path: Path, scenes: Sequence[Samples], duration_s: float) -> None:
    """A WAV file of the scenes, again and again."""
    left = round(duration_s * SAMPLE_RATE_HZ)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
        while left > 0:
            for scene in scenes:
                file.write(scene[:left])
                left = max(0, left - scene.size)


def run_program(command: Sequence[object], *, home: Path, cores: Sequence[int]) -> Ran:
    """Run a program to its end on some cores.

    Raises:
        OperationError: it failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    pinned = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    before = os.times()
    started_s = time.perf_counter()
    process = subprocess.Popen(
        pinned, env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with _watched_memory(process) as peaks:
        output, errors = process.communicate()
        wall_s = time.perf_counter() - started_s
    after = os.times()
    if process.returncode:
        raise OperationError(f"{' '.join(pinned[3:])} ended with {process.returncode}: {errors[-500:]}")
    cpu_s = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return Ran(wall_s=wall_s, cpu_s=cpu_s, rss_mb=sum(peaks.values()), output=output)


@contextlib.contextmanager
def _watched_memory(process: "subprocess.Popen[str]") -> Any:  # noqa: ANN401
    """The peak of each process of a tree, in megabytes by process number, as long as it runs."""
    peaks: dict[int, float] = {}
    over = threading.Event()

    def look() -> None:
        while not over.wait(_LOOK_S):
            for pid in with_children(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), peak_rss_mb(pid))

    watcher = threading.Thread(target=look, name="bench-memory", daemon=True)
    watcher.start()
    try:
        yield peaks
    finally:
        over.set()
        watcher.join()


def _serd(context: Context, files: Sequence[Path], *, jobs: int, cores: Sequence[int]) -> Ran:
    command = [sys.executable, "-m", "serd", "analyze", "--csv", "--jobs", jobs, *files]
    return run_program(command, home=context.folder / "analyze", cores=cores)


def _apart_s(context: Context, files: Sequence[Path], cores: Sequence[int]) -> float:
    """Wall time of programs that share nothing, one for each file, each on a core of its own."""
    started_s = time.perf_counter()
    with ThreadPoolExecutor(len(files)) as pool:
        jobs = [
            pool.submit(_serd, context, [path], jobs=1, cores=[cores[number % len(cores)]])
            for number, path in enumerate(files)
        ]
        for job in jobs:
            job.result()
    return time.perf_counter() - started_s


def _memory(context: Context, short: Path) -> dict[str, Any]:
    long = context.folder / "long.wav"
    write_repeated(long, context.sound.scenes, context.sizes.long_file_s)
    context.say(f"analyze: a file of {context.sizes.long_file_s / 3600:.2g} hours")
    runs = {path: _serd(context, [path], jobs=1, cores=[context.core]) for path in (short, long)}
    long.unlink()
    more_s = context.sizes.long_file_s - context.sizes.analyze_s
    return {
        "short_s": context.sizes.analyze_s,
        "short_rss_mb": runs[short].rss_mb,
        "long_s": context.sizes.long_file_s,
        "long_rss_mb": runs[long].rss_mb,
        "times_real_time_without_start": more_s / (runs[long].wall_s - runs[short].wall_s),
    }


def _peers(context: Context) -> dict[str, Any]:
    sound_s = context.sizes.peer_file_s
    path = context.folder / "peers.wav"
    write_repeated(path, context.sound.scenes, sound_s)
    figures, left_out = {}, {}
    for name in PEERS:
        context.say(f"analyze: peer {name}")
        command = [sys.executable, "-m", "bench.whole", name, path]
        ran = run_program(command, home=context.folder / "analyze", cores=[context.core])
        if reason := ran.output.strip():
            left_out[name] = reason
        else:
            figures[name] = _summary([ran], sound_s) | {"sound_s": sound_s}
    return {"peers": figures, "left_out": left_out}


def _summary(runs: Sequence[Ran], sound_s: float) -> dict[str, Any]:
    return {
        "times_real_time": spread([sound_s / run.wall_s for run in runs]).to_json(),
        "cpu_ms_per_s": spread([1e3 * run.cpu_s / sound_s for run in runs]).to_json(),
        "rss_mb": statistics.median(run.rss_mb for run in runs),
    }
