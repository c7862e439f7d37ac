"""What a running process uses, as the kernel counts it."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """Of all threads of a process since they began."""

    at_s: float
    """Monotonic time of the reading, in seconds."""
    cpu_s: float
    """Time on a processor, user and system, in seconds."""
    n_wakeups: int
    """How often a thread had waited for something and went on (voluntary context switches)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """What a process used over a while."""

    cpu_percent: float
    """Of one core."""
    wakeups_per_s: float
    rss_mb: float
    """Resident memory at the end, in megabytes."""
    n_threads: int


def counters(pid: int) -> Counters:
    """Read the counters of a process."""
    cpu_ns = n_wakeups = 0
    for thread in (_PROC / str(pid) / "task").iterdir():
        cpu_ns += int((thread / "schedstat").read_text().split()[0])
        n_wakeups += int(_status(thread)["voluntary_ctxt_switches"])
    return Counters(at_s=time.monotonic(), cpu_s=cpu_ns / 1e9, n_wakeups=n_wakeups)


def use_since(before: Counters, pid: int) -> Use:
    """What the process used from one reading to now; its threads are the same as then."""
    now = counters(pid)
    took_s = now.at_s - before.at_s
    status = _status(_PROC / str(pid))
    return Use(
        cpu_percent=100.0 * (now.cpu_s - before.cpu_s) / took_s,
        wakeups_per_s=(now.n_wakeups - before.n_wakeups) / took_s,
        rss_mb=_megabytes(status["VmRSS"]),
        n_threads=int(status["Threads"]),
    )


def peak_rss_mb(pid: int) -> float:
    """The most resident memory that a process ever had, in megabytes; 0 if it has ended."""
    try:
        return _megabytes(_status(_PROC / str(pid))["VmHWM"])
    except (OSError, KeyError):
        return 0.0


def with_children(pid: int) -> list[int]:
    """A process and all below it."""
    found = [pid]
    for parent in found:
        for path in (_PROC / str(parent) / "task").glob("*/children"):
            try:
                found += map(int, path.read_text().split())
            except OSError:
                continue
    return found


def _status(folder: Path) -> dict[str, str]:
    lines = (folder / "status").read_text().splitlines()
    return {key: text.strip() for key, text in (line.split(":", 1) for line in lines)}


def _megabytes(text: str) -> float:
    return int(text.split(maxsplit=1)[0]) * 1024 / 1e6
