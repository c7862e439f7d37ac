"""The input of every part of the benchmarks: how much to measure, on which sound, and where."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.sound import Sound

ROOT: Final = Path(__file__).parent.parent
"""The checkout."""
ONE_THREAD: Final = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
"""Environment variables that hold numeric libraries to one thread; read as the libraries load."""

Measurements = Mapping[str, Any]
"""The result of a part, as JSON."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """How much each part measures."""

    n_scenes: int
    """Number of scenes of sound; a round runs over one of them."""
    scene_s: float
    """Length of a scene, in seconds."""
    n_passes: int
    """Number of passes of the candidates over all scenes."""
    analyze_s: float
    """Length of each file for ``serd analyze``, in seconds."""
    long_file_s: float
    """Length of the file whose memory is compared with that of a short one, in seconds."""
    n_analyze: int
    """Number of repetitions of each analysis."""
    peer_file_s: float
    """Length of the file for the peers as programs, in seconds."""
    live_s: float
    """Time for which a daemon is measured at live pace, in seconds."""
    n_starts: int
    """Number of starts of each program."""
    n_listeners: int
    """Number of daemons whose latency is measured at the same time."""
    latency_s: float
    """Length of the sound for them, in seconds."""
    n_bare_messages: int
    """Number of messages of the bare client that their latency is compared with."""
    n_sources: tuple[int, ...]
    """Numbers of sources in one process."""
    growth_s: float
    """Time for which each number of sources is measured, in seconds."""
    hops_s: tuple[float, ...]
    """Distances between two windows, in seconds."""
    windows_s: tuple[float, ...]
    """Lengths of a window, in seconds."""
    profile_s: float
    """Time for which the profile is sampled, in seconds."""


FULL: Final = Workload(
    n_scenes=10,
    scene_s=60.0,
    n_passes=2,
    analyze_s=3600.0,
    long_file_s=4 * 3600.0,
    n_analyze=3,
    peer_file_s=600.0,
    live_s=60.0,
    n_starts=10,
    n_listeners=8,
    latency_s=310.0,
    n_bare_messages=400,
    n_sources=(1, 2, 4, 8, 16, 32, 64),
    growth_s=20.0,
    hops_s=(0.25, 0.5, 1.0, 2.0, 3.0),
    windows_s=(1.0, 2.0, 3.0, 5.0, 10.0),
    profile_s=15.0,
)

QUICK: Final = Workload(
    n_scenes=1,
    scene_s=12.0,
    n_passes=1,
    analyze_s=60.0,
    long_file_s=240.0,
    n_analyze=1,
    peer_file_s=15.0,
    live_s=3.0,
    n_starts=1,
    n_listeners=2,
    latency_s=8.0,
    n_bare_messages=8,
    n_sources=(1, 16),
    growth_s=3.0,
    hops_s=(0.5, 1.0),
    windows_s=(1.0,),
    profile_s=3.0,
)


@dataclass(frozen=True, kw_only=True)
class Context:
    """The input of a part."""

    workload: Workload
    sound: Sound
    folder: Path
    """For temporary files."""
    before: Path | None
    """A checkout of an earlier serd to compare with, if any."""
    say: Callable[[str], None]
    """Reports progress."""

    @property
    def core(self) -> int:
        """The processor core of the measured process."""
        return min(os.sched_getaffinity(0))

    @property
    def other_core(self) -> int:
        """The core of the benchmark itself and of the broker; the same one where there is no other."""
        return max(os.sched_getaffinity(0))
