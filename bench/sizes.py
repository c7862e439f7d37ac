"""How long each part measures: in full, or quickly to see that all is in order."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Sizes:
    """Lengths and repetitions."""

    n_scenes: int
    """Scenes of sound; a round runs over one of them."""
    scene_s: float
    """Length of a scene, in seconds."""
    n_passes: int
    """How often the contestants run over all scenes."""
    analyze_s: float
    """Length of each file that ``serd analyze`` is given, in seconds."""
    long_file_s: float
    """Length of the file whose memory is held against that of a short one, in seconds."""
    n_analyze: int
    """How often each analysis is repeated."""
    peer_file_s: float
    """Length of the file that the peers analyse, in seconds."""
    live_s: float
    """How long a daemon is watched at live pace, in seconds."""
    n_starts: int
    """How often each program is started."""
    n_listeners: int
    """Daemons whose latency is measured at the same time."""
    latency_s: float
    """How long they listen, in seconds."""
    n_bare_messages: int
    """Messages of a bare client whose latency is held beside theirs."""
    n_sources: tuple[int, ...]
    """Numbers of sources in one process."""
    growth_s: float
    """How long each number of sources is watched, in seconds."""
    hops_s: tuple[float, ...]
    """Distances between two windows, in seconds."""
    windows_s: tuple[float, ...]
    """Lengths of a window, in seconds."""
    profile_s: float
    """How long the profile is taken, in seconds."""


FULL: Final = Sizes(
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

QUICK: Final = Sizes(
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
