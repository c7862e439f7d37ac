"""The machine, the installed versions, and the resources of a process, as the system reports them."""

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.context import ROOT
from testkit.brokers import program

_PROC: Final = Path("/proc")
_PACKAGES: Final = (
    "numpy", "ai-edge-litert", "webrtcvad-wheels", "paho-mqtt", "soundfile", "python_speech_features",
    "librosa", "opensmile", "tensorflow-cpu", "tensorflow", "keras",
)  # fmt: skip


def machine() -> Mapping[str, Any]:
    """Processor, cores, memory, load and system of this machine."""
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text()) or platform.machine(),
        "architecture": platform.machine(),
        "n_cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def processor(cpuinfo: str) -> str:
    """The processor's name in the text of /proc/cpuinfo; empty if it has none."""
    for line in cpuinfo.splitlines():
        key, _, text = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return text.strip()
    return ""


def versions() -> dict[str, str]:
    """Versions of serd, Python, Mosquitto and the packages under comparison."""
    found = {"serd": _commit(), "python": platform.python_version(), "mosquitto": _mosquitto()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _commit() -> str:
    """The commit of the checkout, marked "-dirty" if files differ from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or version("serd")


def _mosquitto() -> str:
    done = subprocess.run([program("mosquitto"), "-h"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].removeprefix("mosquitto version ") if done.stdout else "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Counters:
    """Counters of all threads of a process, since they started."""

    at_s: float
    """Monotonic time of the reading, in seconds."""
    cpu_s: float
    """Time on a processor, user and system, in seconds."""
    n_wakeups: int
    """Voluntary context switches: a thread waited for something."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """Resources that a process used over some time."""

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


def usage_since(before: Counters, pid: int) -> Usage:
    """Resources that a process used since a reading; it must have the same threads as then."""
    now = counters(pid)
    elapsed_s = now.at_s - before.at_s
    status = _status(_PROC / str(pid))
    return Usage(
        cpu_percent=100.0 * (now.cpu_s - before.cpu_s) / elapsed_s,
        wakeups_per_s=(now.n_wakeups - before.n_wakeups) / elapsed_s,
        rss_mb=_megabytes(status["VmRSS"]),
        n_threads=int(status["Threads"]),
    )


def peak_rss_mb(pid: int) -> float:
    """Peak resident memory of a process, in megabytes; 0 if it has ended."""
    try:
        return _megabytes(_status(_PROC / str(pid))["VmHWM"])
    except (OSError, KeyError):
        return 0.0


def with_children(pid: int) -> list[int]:
    """A process and all its descendants."""
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
