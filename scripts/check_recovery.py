"""Kills PulseAudio under a listening daemon again and again, and measures how it comes back.

``serd run`` listens to a virtual microphone and publishes to a real Mosquitto. Each round PulseAudio
dies by SIGKILL at a random moment and is started again, at once or some seconds after the daemon has
said that the source is away; every few rounds a made voice is played into it. The exit code is 1 where
``availability`` took more than 5 s to be offline, or more than 10 s to be online again, where a voice
brought no event, where the process is another one, or where it holds more threads, files or memory at
the end than after the first recovery.

Now and then PortAudio hangs over the death of its server (``PortAudio.end``); then serd starts afresh in
the same process, and that is counted.

    python scripts/check_recovery.py             20 rounds, about 3 minutes
    python scripts/check_recovery.py --rounds 5
"""

import argparse
import itertools
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import Daemon, Footprint, serd
from testkit.pulse import PulseAudio, virtual_microphone
from testkit.voices import silence, synthetic_voice

MOST_OFFLINE_S: Final = 5.0
MOST_ONLINE_S: Final = 10.0
MOST_GROWTH_MB: Final = 3.0
AWAY_S: Final = (0.0, 1.0, 2.0, 4.0)
"""How long PulseAudio stays away in one round and the next."""
_PATIENCE_S: Final = 45.0
"""How long a round waits for what may be late: the longest pause between two tries, and more."""
_AVAILABILITY: Final = "serd/check/virtual/availability"
_EVENT: Final = "serd/check/virtual/event"


@dataclass(frozen=True, kw_only=True)
class Recovery:
    """One death of PulseAudio."""

    offline_s: float
    """From its death until the source was called offline."""
    online_s: float
    """From its return until the source was called online."""
    n_events: int | None
    """Events that a voice brought; None where none was played."""
    has_started_afresh: bool
    """Whether PortAudio hung."""
    footprint: Footprint
    """What the daemon held after that."""

    @property
    def is_right(self) -> bool:
        """Whether everything came in time."""
        in_time = self.offline_s <= MOST_OFFLINE_S and self.online_s <= MOST_ONLINE_S
        return in_time and self.n_events != 0


class Recoveries:
    """A daemon at a virtual microphone, and what is known of it."""

    def __init__(self, daemon: Daemon, microphone: PulseAudio, listener: Listener, voice: Path) -> None:
        self._daemon = daemon
        self._microphone = microphone
        self._listener = listener
        self._voice = voice
        self._await(["online"])
        # What the first voice loads stays.
        self._events_of_a_voice()

    def once(self, *, away_s: float, plays: bool) -> Recovery:
        """Kill PulseAudio, start it again, and play a voice if asked to.

        Args:
            away_s: how long PulseAudio stays away once that is known, in seconds.
            plays: whether a voice is played.

        Raises:
            AssertionError: something did not happen at all, or the daemon is gone.
        """
        told = self._told()
        n_fresh_starts = self._n_fresh_starts()
        self._microphone.kill()
        offline_s = self._await([*told, "offline"])
        time.sleep(away_s)
        self._microphone.start()
        online_s = self._await([*told, "offline", "online"])
        return Recovery(
            offline_s=offline_s,
            online_s=online_s,
            has_started_afresh=self._n_fresh_starts() > n_fresh_starts,
            n_events=self._events_of_a_voice() if plays else None,
            footprint=self._daemon.footprint(),
        )

    def _await(self, told: list[str]) -> float:
        """Wait until exactly this was told of the source; how long that took, in seconds."""
        started_s = time.monotonic()
        wait_until(
            lambda: len(self._told()) >= len(told) or self._daemon.process.poll() is not None,
            f"availability {told[-1]}",
            _PATIENCE_S,
        )
        took_s = time.monotonic() - started_s
        if self._told() != told:
            raise AssertionError(f"got {self._told()}, expected {told}; the log: {self._daemon.log}")
        return took_s

    def _told(self) -> list[str]:
        """What was said of the source, without repeats."""
        return [text for text, _ in itertools.groupby(self._listener.of(_AVAILABILITY))]

    def _n_fresh_starts(self) -> int:
        return sum("starts afresh" in line for line in self._daemon.log)

    def _events_of_a_voice(self) -> int:
        n_before = len(self._listener.of(_EVENT))
        self._microphone.play(self._voice)
        wait_until(lambda: len(self._listener.of(_EVENT)) > n_before, "an event", _PATIENCE_S)
        return len(self._listener.of(_EVENT)) - n_before


def recoveries(n_rounds: int, play_each: int) -> Iterator[Recovery]:
    """Start everything and yield round after round; a voice is played in each ``play_each``-th.

    Raises:
        AssertionError: something did not happen at all, or the daemon did not end well.
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
            dice = random.Random(0)  # noqa: S311
            rounds = Recoveries(daemon, microphone, listener, voice)
            for number in range(1, n_rounds + 1):
                time.sleep(dice.uniform(0.0, 2.0))
                away_s = AWAY_S[number % len(AWAY_S)]
                yield rounds.once(away_s=away_s, plays=number % play_each == 0)
            code = daemon.stop()
            if code != 0:
                raise AssertionError(f"exit code {code}: {daemon.log}")


def _line(number: int, each: Recovery) -> str:
    events = "" if each.n_events is None else f"{each.n_events} events"
    held = each.footprint
    fresh = "   started afresh" if each.has_started_afresh else ""
    return (
        f"{number:3d}   offline {each.offline_s:5.2f} s   online {each.online_s:5.2f} s   {events:9s}"
        f" {held.rss_mb:6.1f} MB {held.n_threads:3d} threads {held.n_files:3d} files"
        f"{fresh}{'' if each.is_right else '   <- too late'}"
    )


def main() -> int:
    """Run all rounds; the exit code says whether all of them were right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--play-each", type=int, default=5, metavar="N", help="rounds (5)")
    args = parser.parse_args()
    done: list[Recovery] = []
    for each in recoveries(args.rounds, args.play_each):
        done.append(each)
        print(_line(len(done), each), flush=True)
    first, last = done[0].footprint, done[-1].footprint
    growth_mb = last.rss_mb - first.rss_mb
    is_constant = (first.n_threads, first.n_files) == (last.n_threads, last.n_files)
    print(
        f"{sum(each.is_right for each in done)} of {len(done)} in time,"
        f" {sum(each.has_started_afresh for each in done)} by a fresh start; offline within"
        f" {max(each.offline_s for each in done):.2f} s, online within"
        f" {max(each.online_s for each in done):.2f} s; memory {growth_mb:+.1f} MB,"
        f" threads {last.n_threads - first.n_threads:+d}, files {last.n_files - first.n_files:+d}"
    )
    is_right = all(each.is_right for each in done)
    return 0 if is_right and is_constant and growth_mb <= MOST_GROWTH_MB else 1


if __name__ == "__main__":
    sys.exit(main())
