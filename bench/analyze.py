"""Part ``analyze``: long recordings with ``serd analyze``, and with the peers as programs."""

import contextlib
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import soundfile

from bench.context import ONE_THREAD, Context, Measurements
from bench.daemon import environment
from bench.statistics import paired_ratios, summarize
from bench.system import peak_rss_mb, with_children
from bench.tables import Section, Table, left_out, rounded, with_quartiles
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.errors import OperationError

PEERS: Final = ("psf-litert", "librosa-keras")
_POLL_S: Final = 0.1


@dataclass(frozen=True, kw_only=True, slots=True)
class ProgramRun:
    """Resources and output of a program that has run."""

    wall_s: float
    cpu_s: float
    """CPU time of the program and its children, user and system, in seconds."""
    rss_mb: float
    """Peak resident memory, summed over the program and its children, sampled each 0.1 s."""
    output: str


def measure(context: Context) -> Measurements:
    """Measure two long files on one core and on two, memory by the length of a file, and the peers."""
    workload = context.workload
    files = [context.folder / f"{name}.wav" for name in ("one", "two")]
    for path in files:
        write_repeated(path, context.sound.scenes, workload.analyze_s)
    cores = sorted({context.core, context.other_core})
    runs: dict[str, list[ProgramRun]] = {"one_core": [], "two_cores": []}
    separate_s: list[float] = []
    for number in range(workload.n_analyze):
        context.say(f"analyze: {number + 1} of {workload.n_analyze}")
        runs["one_core"].append(_serd(context, files, jobs=1, cores=cores[:1]))
        runs["two_cores"].append(_serd(context, files, jobs=2, cores=cores))
        separate_s.append(_separate_s(context, files, cores))
    sound_s = 2.0 * workload.analyze_s
    alone_s = [run.wall_s for run in runs["one_core"]]
    return {
        "sound_s": sound_s,
        "n_cores": len(cores),
        **{name: _summary(each, sound_s) for name, each in runs.items()},
        "gain_of_two_cores": paired_ratios(alone_s, [run.wall_s for run in runs["two_cores"]]).to_json(),
        "gain_of_two_programs": paired_ratios(alone_s, separate_s).to_json(),
        "memory": _memory(context, files[0]),
        **_peers(context),
    }


def write_repeated(path: Path, scenes: Sequence[Samples], duration_s: float) -> None:
    """Write a WAV file of the scenes, repeated up to the duration."""
    left = round(duration_s * SAMPLE_RATE_HZ)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE_HZ, 1, "PCM_16") as file:
        while left > 0:
            for scene in scenes:
                file.write(scene[:left])
                left = max(0, left - scene.size)


def run_program(
    command: Sequence[object],
    *,
    home: Path,
    cores: Sequence[int],
    extra: Mapping[str, str] | None = None,
) -> ProgramRun:
    """Run a program to its end on some cores.

    Raises:
        OperationError: the program failed.
    """
    home.mkdir(parents=True, exist_ok=True)
    pinned = ["taskset", "-c", ",".join(map(str, cores)), *map(str, command)]
    before = os.times()
    started_s = time.perf_counter()
    process = subprocess.Popen(
        pinned, env=environment(home, extra), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with _sampled_memory(process) as peaks:
        output, errors = process.communicate()
        wall_s = time.perf_counter() - started_s
    after = os.times()
    if process.returncode:
        raise OperationError(f"{' '.join(pinned[3:])} ended with {process.returncode}: {errors[-500:]}")
    cpu_s = (after.children_user + after.children_system) - (
        before.children_user + before.children_system
    )
    return ProgramRun(wall_s=wall_s, cpu_s=cpu_s, rss_mb=sum(peaks.values()), output=output)


@contextlib.contextmanager
def _sampled_memory(process: "subprocess.Popen[str]") -> Iterator[dict[int, float]]:
    """The peak memory of a process and its descendants, in megabytes by process number."""
    peaks: dict[int, float] = {}
    stopped = threading.Event()

    def sample() -> None:
        while not stopped.wait(_POLL_S):
            for pid in with_children(process.pid):
                peaks[pid] = max(peaks.get(pid, 0.0), peak_rss_mb(pid))

    sampler = threading.Thread(target=sample, name="bench-memory", daemon=True)
    sampler.start()
    try:
        yield peaks
    finally:
        stopped.set()
        sampler.join()


def _serd(context: Context, files: Sequence[Path], *, jobs: int, cores: Sequence[int]) -> ProgramRun:
    command = [sys.executable, "-m", "serd", "analyze", "--csv", "--jobs", jobs, *files]
    return run_program(command, home=context.folder / "analyze", cores=cores)


def _separate_s(context: Context, files: Sequence[Path], cores: Sequence[int]) -> float:
    """Wall time of independent programs, one for each file, each on a core of its own, in seconds."""
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
    write_repeated(long, context.sound.scenes, context.workload.long_file_s)
    context.say(f"analyze: a file of {context.workload.long_file_s / 3600:.2g} hours")
    runs = {path: _serd(context, [path], jobs=1, cores=[context.core]) for path in (short, long)}
    long.unlink()
    more_s = context.workload.long_file_s - context.workload.analyze_s
    return {
        "short_s": context.workload.analyze_s,
        "short_rss_mb": runs[short].rss_mb,
        "long_s": context.workload.long_file_s,
        "long_rss_mb": runs[long].rss_mb,
        "times_real_time_without_start": more_s / (runs[long].wall_s - runs[short].wall_s),
    }


def _peers(context: Context) -> dict[str, Any]:
    sound_s = context.workload.peer_file_s
    path = context.folder / "peers.wav"
    write_repeated(path, context.sound.scenes, sound_s)
    peers, absent = {}, {}
    for name in PEERS:
        context.say(f"analyze: peer {name}")
        command = [sys.executable, "-m", "bench.peers", name, path]
        home = context.folder / "analyze"
        run = run_program(command, home=home, cores=[context.core], extra=ONE_THREAD)
        if reason := run.output.strip():
            absent[name] = reason
        else:
            peers[name] = _summary([run], sound_s) | {"sound_s": sound_s}
    return {"peers": peers, "left_out": absent}


def _summary(runs: Sequence[ProgramRun], sound_s: float) -> dict[str, Any]:
    return {
        "times_real_time": summarize([sound_s / run.wall_s for run in runs]).to_json(),
        "cpu_ms_per_s": summarize([1e3 * run.cpu_s / sound_s for run in runs]).to_json(),
        "rss_mb": statistics.median(run.rss_mb for run in runs),
    }


def section(measured: Measurements) -> Section:
    """The section of the report."""
    rows = [
        _row("serd analyze, one core", measured["one_core"]),
        _row("serd analyze, two cores", measured["two_cores"]),
    ]
    letters = {"psf-litert": "(a)", "librosa-keras": "(b)"}
    rows += [
        _row(f"{letters[name]} as a program, {rounded(each['sound_s'] / 60)} minutes", each)
        for name, each in measured["peers"].items()
    ]
    memory = measured["memory"]
    return Section(
        title="Recorded sound",
        about=f"WAV files of {rounded(measured['sound_s'] / 7200)} h each, two at a time, and one"
        " shorter file for (a) and (b); the time includes the start of the program, which weighs more in"
        " a short file.",
        tables=[
            Table(
                head=(
                    "",
                    "hours of sound a minute",
                    "times real time",
                    "CPU ms a second of sound",
                    "peak MB",
                ),
                rows=tuple(rows),
            )
        ],
        notes=[
            f"Two cores are {with_quartiles(measured['gain_of_two_cores'])} times as fast as one.",
            (
                "Two independent programs, one on each core, are"
                f" {with_quartiles(measured['gain_of_two_programs'])} times as fast as one."
            ),
            (
                f"Peak memory for {rounded(memory['short_s'] / 3600)} h in one file:"
                f" {rounded(memory['short_rss_mb'])} MB; for {rounded(memory['long_s'] / 3600)} h:"
                f" {rounded(memory['long_rss_mb'])} MB."
            ),
            f"Without the start: {rounded(memory['times_real_time_without_start'])} times real time.",
            *left_out(measured),
        ],
    )


def _row(name: str, measured: Measurements) -> tuple[str, ...]:
    times = measured["times_real_time"]
    hours = rounded(times["median"] / 60.0)
    return (
        name,
        hours,
        with_quartiles(times),
        with_quartiles(measured["cpu_ms_per_s"]),
        rounded(measured["rss_mb"]),
    )
