"""Kills an RTSP server under a running daemon repeatedly, and measures the recovery.

``serd run`` hears a real server (GStreamer's) through ffmpeg and publishes to a real Mosquitto. Each
round kills the server, and starts it again at once or some seconds after the daemon reported the source
offline; the voice that it plays must give an event again. The exit code is 1 if ``availability`` took
more than 5 s to be offline or more than 10 s to be online again, or if the daemon has more threads,
files or child processes at the end than after the first recovery.

    python scripts/check_rtsp.py             10 rounds, about 2 minutes
    python scripts/check_rtsp.py --rounds 3
    python scripts/check_rtsp.py --slack 2     on a busy machine: the limits times 2
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from testkit.availability import PATIENCE_S, Availability
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import Daemon, serd
from testkit.rtsp import RtspServer
from testkit.voices import quiet_room, synthetic_voice

MOST_OFFLINE_S: Final = 5.0
MOST_ONLINE_S: Final = 10.0
AWAY_S: Final = (0.0, 1.0, 2.0, 4.0)
"""Times for which the server stays away, in seconds, in turn."""
_EVENT: Final = "serd/check/door/event"


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The recovery from one death of the server."""

    offline_s: float
    """Time from its death until the source was offline, in seconds."""
    online_s: float
    """Time from its return until the source was online, in seconds."""
    parts: tuple[int, int, int]
    """Threads, open files and child processes of the daemon afterwards."""

    def is_right(self, slack: float) -> bool:
        """Whether both happened within the limits times ``slack``."""
        return self.offline_s <= slack * MOST_OFFLINE_S and self.online_s <= slack * MOST_ONLINE_S


def recoveries(n_rounds: int) -> Iterator[Recovery]:
    """Start everything and yield the recovery of each round.

    Raises:
        AssertionError: an expected message did not come, or the daemon ended with an error.
    """
    with tempfile.TemporaryDirectory(prefix="serd-rtsp-") as name:
        folder = Path(name)
        recording = folder / "voice.raw"
        recording.write_bytes(np.concatenate((synthetic_voice(2.2), quiet_room(1.5))).tobytes())
        with (
            mosquitto() as broker,
            Listener(broker) as listener,
            RtspServer(recording) as server,
            serd("run", "--source", server.url, "--name", "door", "--node", "check", "--host",
                 broker.host, "--port", broker.port, home=folder) as daemon,
        ):  # fmt: skip
            availability = Availability(daemon, listener, "serd/check/door/availability")
            availability.wait_for(["online"])
            _wait_for_event(listener)
            for number in range(1, n_rounds + 1):
                states = availability.states
                server.kill()
                offline_s = availability.wait_for([*states, "offline"])
                time.sleep(AWAY_S[number % len(AWAY_S)])
                server.start()
                online_s = availability.wait_for([*states, "offline", "online"])
                _wait_for_event(listener)
                yield Recovery(offline_s=offline_s, online_s=online_s, parts=_parts(daemon))
            code = daemon.stop()
            if code != 0:
                raise AssertionError(f"exit code {code}: {daemon.log}")


def is_passed(done: Sequence[Recovery], slack: float) -> bool:
    """Whether all recoveries were in time, and nothing grew after the first."""
    return done[0].parts == done[-1].parts and all(each.is_right(slack) for each in done)


def _wait_for_event(listener: Listener) -> None:
    n_before = len(listener.of(_EVENT))
    wait_until(lambda: len(listener.of(_EVENT)) > n_before, "an event", PATIENCE_S)


def _parts(daemon: Daemon) -> tuple[int, int, int]:
    footprint = daemon.footprint()
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    n_children = sum(len((task / "children").read_text().split()) for task in tasks)
    return footprint.n_threads, footprint.n_files, n_children


def main(arguments: Sequence[str]) -> int:
    """Run all rounds; the exit code is 0 if all recoveries were in time and nothing was left behind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--slack", type=float, default=1.0, help="factor of the limits of time (1)")
    args = parser.parse_args(arguments)
    done: list[Recovery] = []
    for each in recoveries(args.rounds):
        done.append(each)
        n_threads, n_files, n_children = each.parts
        print(
            f"{len(done):3d}   offline {each.offline_s:5.2f} s   online {each.online_s:5.2f} s  "
            f" {n_threads:3d} threads {n_files:3d} files {n_children:3d} children"
            f"{'' if each.is_right(args.slack) else '   <- too late'}",
            flush=True,
        )
    n_right = sum(each.is_right(args.slack) for each in done)
    print(
        f"{n_right} of {len(done)} in time; offline within {max(each.offline_s for each in done):.2f} s,"
        f" online within {max(each.online_s for each in done):.2f} s"
    )
    return 0 if is_passed(done, args.slack) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
