"""What is profiled: ``python -m bench.profile_target SECONDS`` works through scenes in short blocks."""

import sys
import time

from bench.contestants import keep_memory
from bench.sound import made_sound, talk
from bench.ways import LIVE_BLOCK_S, Recorded


def main(duration_s: float) -> None:
    """Work for a while."""
    keep_memory()
    way = Recorded(block_s=LIVE_BLOCK_S)
    runs = [way.prepare(scene) for scene in (*made_sound(2, 30.0).scenes, talk(30.0, lead_s=0.5))]
    ends_s = time.monotonic() + duration_s
    while time.monotonic() < ends_s:
        for run in runs:
            run()


if __name__ == "__main__":
    main(float(sys.argv[1]))
