"""Analyzes an archive of many short files, kills the run in the middle, and checks that none is missing.

The files are links to a few generated voices, a thousand in each folder. ``serd analyze --out`` analyzes
them with processes of this machine, with one Dask worker and with two. Each time it is ended by SIGKILL
when half of the results are there, and started again. The exit code is 1 if a file has no result or two,
if a process outlives the kill, or if memory grows by more than 50 MB after the first tenth.

    python scripts/check_archive.py                    100,000 files, three times
    python scripts/check_archive.py --files 1000000 --ways processes
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.voices import silence, synthetic_voice

WAYS: Final = {"processes": 0, "one-worker": 1, "two-workers": 2}
"""Ways to analyze, each with its number of Dask workers."""
MOST_GROWTH_MB: Final = 50.0
_FILES_PER_FOLDER: Final = 1000
_LINKS_PER_FILE: Final = 50_000
"""Fewer than the 65,000 links that ext4 allows."""
_POLL_S: Final = 0.2
_ENDING_S: Final = 10.0
"""Time in which the worker processes of a killed run end, in seconds."""


@dataclass(kw_only=True)
class Run:
    """One run of the command, and what was seen of it."""

    process: "subprocess.Popen[bytes]"
    n_before: int
    """Results that an earlier run left."""
    n_results: int = 0
    start_s: float = 0.0
    """Time of the first new result, on the monotonic clock, in seconds."""
    end_s: float = 0.0
    """Time of the latest look."""
    rss_mb: list[tuple[int, float]] = field(default_factory=list)
    """Number of results and peak memory of the process, at each look."""

    def look(self, n_results: int) -> None:
        """Note the number of results and the memory."""
        self.n_results = n_results
        self.end_s = time.monotonic()
        if n_results > self.n_before and not self.start_s:
            self.start_s = self.end_s
            self.n_before = n_results
        if peak_mb := _peak_mb(self.process.pid):
            self.rss_mb.append((n_results, peak_mb))

    @property
    def files_per_s(self) -> float:
        """Files a second after the first result."""
        return (self.n_results - self.n_before) / max(self.end_s - self.start_s, 1e-3)


def make_archive(folder: Path, n_files: int) -> None:
    """Write a few voices of a second, and link them under ``n_files`` names."""
    sources = folder.with_name("voices")
    sources.mkdir()
    n_sources = max(8, n_files // _LINKS_PER_FILE + 1)
    for number in range(n_sources):
        voice = synthetic_voice(1.0, seed=number, f0_hz=100.0 + 7.0 * (number % 16))
        sound = np.concatenate((silence(0.2), voice, silence(0.3)))
        soundfile.write(sources / f"{number}.wav", sound, SAMPLE_RATE_HZ)
    for number in range(n_files):
        below = folder / f"{number // _FILES_PER_FOLDER:05d}"
        if number % _FILES_PER_FOLDER == 0:
            below.mkdir(parents=True)
        os.link(sources / f"{number % n_sources}.wav", below / f"{number:08d}.wav")


def _peak_mb(pid: int) -> float:
    """Peak resident memory of a process, in MB; 0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    except OSError:
        return 0.0
    peaks = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(peaks[0]) / 1024.0 if peaks else 0.0


def _children(pid: int) -> list[int]:
    listing = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listing.read_text("utf-8").split()]


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


class LineCounter:
    """Counts the lines of a growing file, and reads each byte once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._n_lines = 0

    def count(self) -> int:
        """Number of lines so far; the latest number once the file is gone."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                while data := file.read(1_000_000):
                    self._offset += len(data)
                    self._n_lines += data.count(b"\n")
        except FileNotFoundError:
            pass
        return self._n_lines


def follow(archive: Path, out: Path, flags: Sequence[str], counter: LineCounter, kill_at: int) -> Run:
    """Run the command to its end, or kill it when there are ``kill_at`` results.

    Raises:
        RuntimeError: it failed, or one of its processes outlived the kill.
    """
    command = [sys.executable, "-m", "serd", "analyze", archive, "--out", out, *flags]
    log = out.with_suffix(".log")
    with log.open("ab") as stderr:
        run = Run(
            process=subprocess.Popen(list(map(str, command)), stderr=stderr), n_before=counter.count()
        )
    while run.process.poll() is None:
        run.look(counter.count())
        if run.n_results >= kill_at:
            children = _children(run.process.pid)
            run.process.kill()
            run.process.wait()
            _await_end(children)
            return run
        time.sleep(_POLL_S)
    if run.process.returncode:
        raise RuntimeError(f"serd analyze ended with {run.process.returncode}: {log.read_text('utf-8')}")
    return run


def _await_end(pids: Sequence[int]) -> None:
    deadline_s = time.monotonic() + _ENDING_S
    while left := [pid for pid in pids if _is_running(pid)]:
        if time.monotonic() > deadline_s:
            raise RuntimeError(f"processes {left} outlive the run that was killed")
        time.sleep(_POLL_S)


@contextmanager
def flags_of(n_workers: int) -> Iterator[list[str]]:
    """The flags of the command, while the Dask workers that they need run."""
    if not n_workers:
        yield []
        return
    from distributed import LocalCluster  # noqa: PLC0415 - --help needs no extra

    with LocalCluster(
        n_workers=n_workers, threads_per_worker=1, dashboard_address=":0", processes=True
    ) as cluster:
        yield ["--dask", cluster.scheduler_address]


def check(way: str, archive: Path, n_files: int) -> bool:
    """Analyze the archive in one way, print the figures, and return whether they are in bounds."""
    from pyarrow import parquet  # noqa: PLC0415 - as Dask

    out = archive.with_name(f"{way}.parquet")
    counter = LineCounter(out.with_name(f"{out.name}.partial.jsonl"))
    with flags_of(WAYS[way]) as flags:
        killed = follow(archive, out, flags, counter, kill_at=n_files // 2)
        finished = follow(archive, out, flags, counter, kill_at=sys.maxsize)
    names = Counter[str]()
    with parquet.ParquetFile(out) as file:
        for batch in file.iter_batches(columns=["file"]):
            names.update(batch.column(0).to_pylist())
    expected = {str(path) for path in archive.rglob("*.wav")}
    n_missing = len(expected - names.keys())
    n_doubled = sum(count > 1 for count in names.values())
    peaks = [peak for run in (killed, finished) for _, peak in run.rss_mb]
    early = [peak for n, peak in killed.rss_mb if n <= max(n_files // 10, killed.n_before)]
    growth_mb = max(peak for _, peak in killed.rss_mb) - early[-1]
    print(
        f"{way:12} {killed.files_per_s:7.1f} files/s, killed after {killed.n_results};"
        f" {finished.files_per_s:7.1f} files/s; peak {max(peaks):.0f} MB, {growth_mb:+.1f} MB after a"
        f" tenth; {len(names)} of {n_files} files, {n_missing} missing, {n_doubled} doubled",
        flush=True,
    )
    return not n_missing and not n_doubled and len(names) == n_files and growth_mb <= MOST_GROWTH_MB


def main(arguments: Sequence[str]) -> int:
    """Make the archive and analyze it in each way; the exit code is 0 if all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=100_000, help="number of files (100000)")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="all")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="serd-archive-") as name:
        archive = Path(name) / "archive"
        make_archive(archive, args.files)
        passed = [check(way, archive, args.files) for way in args.ways]
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
