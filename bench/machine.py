"""Which machine and which versions the figures are of."""

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from bench.contest import ROOT
from testkit.brokers import program

_PACKAGES: Final = (
    "numpy", "ai-edge-litert", "webrtcvad-wheels", "paho-mqtt", "soundfile", "python_speech_features",
    "librosa", "opensmile", "tensorflow-cpu", "tensorflow", "keras",
)  # fmt: skip


def machine() -> Mapping[str, Any]:
    """Processor, cores, memory and how busy it was as the bench began."""
    return {
        "processor": processor(Path("/proc/cpuinfo").read_text()) or platform.machine(),
        "architecture": platform.machine(),
        "n_cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "load_at_start": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
    }


def processor(cpuinfo: str) -> str:
    """The processor's name in the words of /proc/cpuinfo; empty where it has none."""
    for line in cpuinfo.splitlines():
        key, _, text = line.partition(":")
        if key.strip() in {"model name", "Model"}:
            return text.strip()
    return ""


def versions() -> dict[str, str]:
    """Of serd, Python, Mosquitto and the packages that take part."""
    found = {"serd": _described(), "python": platform.python_version(), "mosquitto": _mosquitto()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _described() -> str:
    """The commit, and whether the tree differs from it."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or version("serd")


def _mosquitto() -> str:
    done = subprocess.run([program("mosquitto"), "-h"], capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[0].removeprefix("mosquitto version ") if done.stdout else "unknown"
