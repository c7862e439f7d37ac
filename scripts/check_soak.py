"""Sends a day of sound through the daemon at full speed, and checks that its resources do not grow.

A synthetic recording of several voices runs in a loop through ``serd run --fast`` to a real Mosquitto.
Memory comes from the daemon's own ``stats``, threads and file descriptors from the kernel. The exit code
is 1 if memory at the end is more than 3 MB above that after ten minutes of sound, or if the number of
threads or files changes.

    python scripts/check_soak.py              24 hours, a few minutes of time
    python scripts/check_soak.py --hours 240
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.brokers import Listener, mosquitto
from testkit.daemons import Daemon, serd
from testkit.voices import quiet_room, synthetic_voice

WARM_S: Final = 600.0
"""Length of the sound after which nothing may grow, in seconds."""
MOST_GROWTH_MB: Final = 3.0
N_LINES: Final = 10
"""Number of lines printed during the run."""
_STATS: Final = "serd/soak/stats"
_SETTINGS: Final = """
[source]
input = "{sound}"
loop = true

[report]
stats_s = 1
"""
_POLL_S: Final = 0.1


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """The resources of the daemon after some sound."""

    sound_s: float
    n_events: int
    rss_mb: float
    real_time_factor: float
    n_threads: int
    n_files: int

    def line(self) -> str:
        """One line of the table."""
        return (
            f"{self.sound_s / 3600:7.2f} h {self.n_events:9d} events {self.rss_mb:7.1f} MB"
            f" {self.n_threads:4d} threads {self.n_files:4d} files   factor {self.real_time_factor:.5f}"
        )


def write_sound(path: Path) -> None:
    """Write a recording of a minute and a half with several voices."""
    parts = []
    for number in range(12):
        voice = synthetic_voice(2.5 + 0.3 * (number % 5), seed=number, f0_hz=100.0 + 12.0 * number)
        parts += [voice, quiet_room(3.0 + number % 7, seed=number)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE_HZ)


def snapshots(daemon: Daemon, listener: Listener) -> Iterator[Snapshot]:
    """Snapshots of the daemon, about one per second, without end.

    Raises:
        RuntimeError: the daemon ended.
    """
    n_read = 0
    while True:
        stats = listener.of(_STATS)
        if len(stats) > n_read:
            n_read = len(stats)
            body = json.loads(stats[-1])
            footprint = daemon.footprint()
            yield Snapshot(
                sound_s=body["sound_s"],
                n_events=body["n_events"],
                rss_mb=body["rss_mb"],
                real_time_factor=body["real_time_factor"],
                n_threads=footprint.n_threads,
                n_files=footprint.n_files,
            )
        elif daemon.process.poll() is not None:
            raise RuntimeError(f"serd ended with code {daemon.wait()}: {daemon.log}")
        else:
            time.sleep(_POLL_S)


def follow(daemon: Daemon, listener: Listener, sound_s: float) -> list[Snapshot]:
    """Collect and print the snapshots from ``WARM_S`` to ``sound_s`` seconds of sound."""
    seen: list[Snapshot] = []
    for snapshot in snapshots(daemon, listener):
        if snapshot.sound_s < WARM_S:
            continue
        part = sound_s / N_LINES
        if not seen or snapshot.sound_s // part > seen[-1].sound_s // part:
            print(snapshot.line(), flush=True)
        seen.append(snapshot)
        if snapshot.sound_s >= sound_s:
            return seen
    raise AssertionError("unreachable")


def is_passed(seen: Sequence[Snapshot], code: int) -> bool:
    """Whether the resources did not grow after the first snapshot, and the exit code is 0."""
    sizes = {(snapshot.n_threads, snapshot.n_files) for snapshot in seen}
    return seen[-1].rss_mb - seen[0].rss_mb <= MOST_GROWTH_MB and len(sizes) == 1 and code == 0


def main(arguments: Sequence[str]) -> int:
    """Run the daemon; the exit code is 0 if its resources did not grow."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--hours", type=float, default=24.0, help="of sound (24)")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="serd-soak-") as name:
        folder = Path(name)
        write_sound(folder / "sound.wav")
        settings = folder / "serd.toml"
        settings.write_text(_SETTINGS.format(sound=folder / "sound.wav"))
        with (
            mosquitto() as broker,
            Listener(broker) as listener,
            serd("run", "--config", settings, "--fast", "--node", "soak", "--host", broker.host,
                 "--port", broker.port, home=folder) as daemon,
        ):  # fmt: skip
            started_s = time.monotonic()
            seen = follow(daemon, listener, 3600.0 * args.hours)
            elapsed_s = time.monotonic() - started_s
            code = daemon.stop()
            log = daemon.log
    first, last = seen[0], seen[-1]
    growth_mb = last.rss_mb - first.rss_mb
    most_mb = max(snapshot.rss_mb for snapshot in seen) - first.rss_mb
    sizes = {(snapshot.n_threads, snapshot.n_files) for snapshot in seen}
    print(
        f"{last.sound_s / 3600:.1f} hours of sound in {elapsed_s:.0f} s; memory {growth_mb:+.1f} MB, at"
        f" most {most_mb:+.1f} MB; (threads, files): {sizes};"
        f" exit code {code}; {len(log)} lines in the log"
    )
    return 0 if is_passed(seen, code) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
