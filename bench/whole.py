"""A peer as a whole program: ``python -m bench.whole NAME FILE`` reads, cuts and deals with each window.

Prints nothing if all went well, and why it could not take part if not.
"""

import os
import sys
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

from bench.peers import WINDOW_SAMPLES, make  # noqa: E402
from bench.ways import windows_of  # noqa: E402
from serd.audio.files import read_samples  # noqa: E402


def main(name: str, path: Path) -> None:
    """Deal with every window of a file."""
    try:
        peer = make(name)
    except ImportError as exc:
        print(f"{exc}")
        return
    for window in windows_of(read_samples(path), WINDOW_SAMPLES):
        peer.deal(window.samples)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
