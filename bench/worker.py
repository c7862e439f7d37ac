"""One contestant in a process of its own: ``python -m bench.worker NAME CORE SCENES.npz``.

Says ``{"is_ready": true}`` once it is warm, or why it cannot take
part. Then each line with the number of a scene is answered by a line with what one pass over it cost.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Final

# Before NumPy is imported: libraries ask for their numbers of threads as they load.
ONE_THREAD: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_WARM_S: Final = 12.0
for _name in ONE_THREAD:
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from bench.contestants import Run, make_contestant  # noqa: E402
from serd.audio.format import SAMPLE_RATE_HZ, Samples  # noqa: E402


def main(name: str, core: int, path: str) -> None:
    """Answer requests until there are no more."""
    try:
        contestant = make_contestant(name)
    except ImportError as exc:
        _say({"is_ready": False, "reason": f"{exc}"})
        return
    scenes: list[Samples] = list(np.load(path).values())
    runs: dict[int, Run] = {number: contestant.prepare(scene) for number, scene in enumerate(scenes)}
    contestant.prepare(scenes[0][: round(_WARM_S * SAMPLE_RATE_HZ)])()
    for thread in Path("/proc/self/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})
    _say({"is_ready": True, "reason": ""})
    for line in sys.stdin:
        number = int(line)
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        n_done = runs[number]()
        cpu_s, wall_s = time.process_time() - cpu_s, time.perf_counter() - wall_s
        sound_s = scenes[number].size / SAMPLE_RATE_HZ
        _say({"cpu_s": cpu_s, "wall_s": wall_s, "sound_s": sound_s, "n_done": n_done})


def _say(body: dict[str, object]) -> None:
    print(json.dumps(body), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
