"""Kills PulseAudio under a running daemon repeatedly, and measures the recovery.

``serd run`` records from a virtual microphone and publishes to a real Mosquitto. Each round kills
PulseAudio at a random moment and starts it again, at once or some seconds after the daemon reported the
source offline; every few rounds play a synthetic voice. The exit code is 1 if ``availability`` took more
than 5 s to be offline or more than 10 s to be online again, if a voice gave no event, if the process is
not the same, or if it has more threads, files or memory at the end than after the first recovery.

Sometimes PortAudio hangs when its server dies (``PortAudio.close``); serd then restarts in the same
process, and the script counts these restarts.

    python scripts/check_recovery.py             20 rounds, about 3 minutes
    python scripts/check_recovery.py --rounds 5
    python scripts/check_recovery.py --slack 1.5   on a busy machine: the limits times 1.5
"""

import argparse
import random
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
from testkit.availability import PATIENCE_S, Availability
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import Daemon, Footprint, serd
from testkit.pulse import PulseAudio, virtual_microphone
from testkit.voices import silence, synthetic_voice

MOST_OFFLINE_S: Final = 5.0
MOST_ONLINE_S: Final = 10.0
MOST_GROWTH_MB: Final = 3.0
AWAY_S: Final = (0.0, 1.0, 2.0, 4.0)
"""Times for which PulseAudio stays away, in seconds, in turn."""
_AVAILABILITY: Final = "serd/check/virtual/availability"
_EVENT: Final = "serd/check/virtual/event"


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """The recovery from one death of PulseAudio."""

    offline_s: float
    """Time from its death until the source was offline, in seconds."""
    online_s: float
    """Time from its return until the source was online, in seconds."""
    n_events: int | None
    """Number of events of a voice; None if none was played."""
    has_restarted: bool
    """Whether PortAudio hung, so that serd restarted."""
    footprint: Footprint
    """Memory, threads and files of the daemon afterwards."""

    def is_right(self, slack: float) -> bool:
        """Whether all happened within the limits times ``slack``, and a played voice gave events."""
        is_in_time = self.offline_s <= slack * MOST_OFFLINE_S and self.online_s <= slack * MOST_ONLINE_S
        return is_in_time and self.n_events != 0


class Recoveries:
    """A daemon with a virtual microphone, whose server can be killed."""

    def __init__(self, daemon: Daemon, microphone: PulseAudio, listener: Listener, voice: Path) -> None:
        self._daemon = daemon
        self._microphone = microphone
        self._listener = listener
        self._voice = voice
        self._availability = Availability(daemon, listener, _AVAILABILITY)
        self._availability.wait_for(["online"])
        # The first voice loads libraries, which stay in memory.
        self._events_of_a_voice()

    def once(self, *, away_s: float, plays: bool) -> Recovery:
        """Kill PulseAudio, start it again, and play a voice if wanted.

        Args:
            away_s: time for which PulseAudio stays away after the source is offline, in seconds.
            plays: whether a voice is played.

        Raises:
            AssertionError: an expected message did not come, or the daemon ended.
        """
        states = self._availability.states
        n_restarts = self._n_restarts()
        self._microphone.kill()
        offline_s = self._availability.wait_for([*states, "offline"])
        time.sleep(away_s)
        self._microphone.start()
        online_s = self._availability.wait_for([*states, "offline", "online"])
        return Recovery(
            offline_s=offline_s,
            online_s=online_s,
            has_restarted=self._n_restarts() > n_restarts,
            n_events=self._events_of_a_voice() if plays else None,
            footprint=self._daemon.footprint(),
        )

    def _n_restarts(self) -> int:
        return sum("restarting serd" in line for line in self._daemon.log)

    def _events_of_a_voice(self) -> int:
        n_before = len(self._listener.of(_EVENT))
        self._microphone.play(self._voice)
        wait_until(lambda: len(self._listener.of(_EVENT)) > n_before, "an event", PATIENCE_S)
        return len(self._listener.of(_EVENT)) - n_before


def recoveries(n_rounds: int, play_each: int) -> Iterator[Recovery]:
    """Start everything and yield the recovery of each round.

    Args:
        n_rounds: number of rounds.
        play_each: a voice is played in every round whose number is a multiple of this.

    Raises:
        AssertionError: an expected message did not come, or the daemon ended with an error.
    """
    with tempfile.TemporaryDirectory(prefix="serd-recovery-") as name:
        folder = Path(name)
        voice = folder / "voice.wav"
        sound = np.concatenate((silence(0.3), synthetic_voice(2.2), silence(1.5)))
        soundfile.write(voice, sound, SAMPLE_RATE_HZ)
        with (
            mosquitto() as broker,
            Listener(broker) as listener,
            virtual_microphone() as microphone,
            serd("run", "--source", "pulse", "--name", "virtual", "--node", "check", "--host",
                 broker.host, "--port", broker.port, home=folder, extra=microphone.variables) as daemon,
        ):  # fmt: skip
            rng = random.Random(0)  # noqa: S311
            rounds = Recoveries(daemon, microphone, listener, voice)
            for number in range(1, n_rounds + 1):
                time.sleep(rng.uniform(0.0, 2.0))
                away_s = AWAY_S[number % len(AWAY_S)]
                yield rounds.once(away_s=away_s, plays=number % play_each == 0)
            code = daemon.stop()
            if code != 0:
                raise AssertionError(f"exit code {code}: {daemon.log}")


def is_passed(done: Sequence[Recovery], slack: float) -> bool:
    """Whether all recoveries are right, and threads, files and memory did not grow after the first."""
    first, last = done[0].footprint, done[-1].footprint
    is_constant = (first.n_threads, first.n_files) == (last.n_threads, last.n_files)
    is_small = last.rss_mb - first.rss_mb <= MOST_GROWTH_MB
    return is_constant and is_small and all(each.is_right(slack) for each in done)


def _line(number: int, each: Recovery, slack: float) -> str:
    events = "" if each.n_events is None else f"{each.n_events} events"
    footprint = each.footprint
    restart = "   restarted" if each.has_restarted else ""
    return (
        f"{number:3d}   offline {each.offline_s:5.2f} s   online {each.online_s:5.2f} s   {events:9s}"
        f" {footprint.rss_mb:6.1f} MB {footprint.n_threads:3d} threads {footprint.n_files:3d} files"
        f"{restart}{'' if each.is_right(slack) else '   <- too late'}"
    )


def main(arguments: Sequence[str]) -> int:
    """Run all rounds; the exit code is 0 if all recoveries were in time."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--play-each", type=int, default=5, metavar="N", help="rounds (5)")
    parser.add_argument("--slack", type=float, default=1.0, help="factor of the limits of time (1)")
    args = parser.parse_args(arguments)
    done: list[Recovery] = []
    for each in recoveries(args.rounds, args.play_each):
        done.append(each)
        print(_line(len(done), each, args.slack), flush=True)
    first, last = done[0].footprint, done[-1].footprint
    print(
        f"{sum(each.is_right(args.slack) for each in done)} of {len(done)} in time,"
        f" {sum(each.has_restarted for each in done)} by a restart; offline within"
        f" {max(each.offline_s for each in done):.2f} s, online within"
        f" {max(each.online_s for each in done):.2f} s; memory {last.rss_mb - first.rss_mb:+.1f} MB,"
        f" threads {last.n_threads - first.n_threads:+d}, files {last.n_files - first.n_files:+d}"
    )
    return 0 if is_passed(done, args.slack) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
