"""Swaps the models of a running daemon again and again while two sources speak, and measures the cost.

Two daemons hear the same sound at once, in real time, with a window each 0.25 s. One keeps its models.
In the other, the file of a model in the state folder is replaced and SIGHUP sent, over and over, and
every fourth time the file is no model. All models have the same network and names of their own, so both
daemons must publish the same events but for the name of the model. The exit code is 1 if an event is
missing or differs, if more than 1 s passes between two windows of an utterance, if a model was not used,
or if a broken file was not refused.

    python scripts/check_model_swap.py               60 s of speech, a swap each 0.8 s
    python scripts/check_model_swap.py --sound-s 20
"""

import argparse
import contextlib
import itertools
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.model.file import default_model_path, read_model
from testkit.brokers import wait_until
from testkit.daemons import Daemon, events, serd
from testkit.models import write_model
from testkit.voices import quiet_room, synthetic_voice

MOST_GAP_S: Final = 1.0
SWAP_S: Final = 0.8
_BLOCK_S: Final = 0.1
_QUIET_S: Final = 2.0
"""Quiet at the end, so that all utterances end, in seconds."""
_NAMES: Final = ("one", "two", "three")
_SOURCES: Final = ("hall", "attic")
_REFUSED: Final = "the settings are unchanged"
_SETTINGS: Final = """
[segmenter]
hop_s = 0.25
[mqtt]
enabled = false
[model]
path = "own"
[[source]]
name = "hall"
input = "{folder}/hall"
[[source]]
name = "attic"
input = "{folder}/attic"
model = "other"
"""
Key = tuple[str, str, float, float, str, float]
"""Source, kind, start, end, emotion and confidence of an event."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a daemon published."""

    events: list[dict[str, Any]]
    log: list[str]

    @property
    def keys(self) -> list[Key]:
        """What must be the same without swaps."""
        fields = ("source", "kind", "start_s", "end_s", "emotion", "confidence")
        return sorted(tuple(each[name] for name in fields) for each in self.events)

    def longest_gap_s(self) -> float:
        """The longest time between two windows of an utterance, in seconds.

        Where an utterance begins, 3 s of speech pass before the first full window.
        """
        gaps_s = [0.0]
        for source in _SOURCES:
            of_source = [each for each in self.events if each["source"] == source]
            for earlier, later in itertools.pairwise(of_source):
                if earlier["kind"] == later["kind"] == "window" and not earlier.get("provisional"):
                    gaps_s.append(_made_s(later) - _made_s(earlier))
        return max(gaps_s)

    def models(self, source: str) -> list[str]:
        """The name of the model of each event of a source, in order."""
        return [each["model"]["name"] for each in self.events if each["source"] == source]


def _made_s(event: dict[str, Any]) -> float:
    """When an event was made, in seconds after the start of the sound."""
    end_s, latency_ms = float(event["end_s"]), float(event["latency_ms"])
    return end_s + latency_ms / 1000.0


def main(arguments: Sequence[str]) -> int:
    """Run the check and print what it found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--sound-s", type=float, default=60.0, help="length of the speech, in seconds")
    args = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="serd-swap-") as name:
        still, swapped, n_swaps, n_broken = _run(Path(name), synthetic_voice(args.sound_s, seed=1))
    print(f"{n_swaps} swaps and {n_broken} broken files in {args.sound_s:g} s of speech at two sources")
    print(f"{len(swapped.events)} events, {len(still.events)} without swaps")
    for heard, what in ((swapped, "with"), (still, "without")):
        print(f"longest time between two windows, {what} swaps: {heard.longest_gap_s():.2f} s")
    problems = list(_problems(still, swapped, n_broken))
    for problem in problems:
        print(f"WRONG: {problem}")
    return 1 if problems else 0


def _run(folder: Path, voice: Samples) -> tuple[Heard, Heard, int, int]:
    """Run both daemons on a voice; what each heard, the number of swaps and of broken files."""
    homes = [folder / "still", folder / "swapped"]
    fifos = [_prepare(home, source) for home in homes for source in _SOURCES]
    n_swaps = n_broken = 0
    with contextlib.ExitStack() as stack:
        still, swapped = (stack.enter_context(_daemon(home)) for home in homes)
        files = [stack.enter_context(fifo.open("wb", buffering=0)) for fifo in fifos]
        for daemon in (still, swapped):
            for source in _SOURCES:
                daemon.wait_for_log(f"listening to {source}")
        start_s, swap_at_s = time.monotonic(), 3.0
        n_block = round(_BLOCK_S * SAMPLE_RATE_HZ)
        sound = np.concatenate((voice, quiet_room(_QUIET_S)))
        for number, start in enumerate(range(0, sound.size, n_block)):
            time.sleep(max(0.0, start_s + number * _BLOCK_S - time.monotonic()))
            for file in files:
                file.write(sound[start : start + n_block].tobytes())
            if swap_at_s <= number * _BLOCK_S < voice.size / SAMPLE_RATE_HZ:
                swap_at_s += SWAP_S
                is_broken = (n_swaps + n_broken) % 4 == 3
                _swap(homes[1], n_swaps, is_broken=is_broken)
                swapped.process.send_signal(signal.SIGHUP)
                n_broken += is_broken
                n_swaps += not is_broken
        for daemon in (still, swapped):
            wait_until(lambda: _n_ended(daemon, voice.size) == len(_SOURCES), "the last utterances")  # noqa: B023
            daemon.stop(signal.SIGINT)
    heard = [Heard(events=events(each.output), log=each.log) for each in (still, swapped)]
    return heard[0], heard[1], n_swaps, n_broken


def _n_ended(daemon: Daemon, n_samples: int) -> int:
    """The number of utterances that end with the voice."""
    end_s = n_samples / SAMPLE_RATE_HZ - 1.0
    return sum(each["kind"] == "utterance" and each["end_s"] > end_s for each in events(daemon.output))


def _prepare(home: Path, source: str) -> Path:
    """The FIFO of a source, in a home folder with its models."""
    models = home / "serd" / "models"
    models.mkdir(parents=True, exist_ok=True)
    network, card = read_model(default_model_path())
    for name in _NAMES:
        write_model(home / f"{name}.tflite", network, replace(card, name=name))
    for name in ("own", "other"):
        write_model(models / f"{name}.tflite", network, replace(card, name=_NAMES[0]))
    (home / "serd.toml").write_text(_SETTINGS.format(folder=home))
    os.mkfifo(home / source)
    return home / source


@contextlib.contextmanager
def _daemon(home: Path) -> Iterator[Daemon]:
    with serd("run", "--json", "--config", home / "serd.toml", home=home) as daemon:
        yield daemon


def _swap(home: Path, number: int, *, is_broken: bool) -> None:
    """Replace the file of one model, in turn, as a person who copies another one over it."""
    target = home / "serd" / "models" / f"{('own', 'other')[number % 2]}.tflite"
    name = _NAMES[1 + number // 2 % (len(_NAMES) - 1)]
    content = b"no model" if is_broken else (home / f"{name}.tflite").read_bytes()
    new = target.with_suffix(".new")
    new.write_bytes(content)
    new.replace(target)


def _problems(still: Heard, swapped: Heard, n_broken: int) -> Iterator[str]:
    missing = set(still.keys) - set(swapped.keys)
    added = set(swapped.keys) - set(still.keys)
    if missing or added or len(swapped.keys) != len(still.keys):
        yield f"{len(missing)} events are missing or differ: {sorted(missing)[:2]}; {len(added)} are new"
    if swapped.longest_gap_s() > MOST_GAP_S:
        yield f"{swapped.longest_gap_s():.2f} s between two windows, expected at most {MOST_GAP_S:g} s"
    for source in _SOURCES:
        if unused := set(_NAMES) - set(swapped.models(source)):
            yield f"{source}: the models {sorted(unused)} decided on nothing"
    n_refused = sum(_REFUSED in line for line in swapped.log)
    if n_refused < n_broken:
        yield f"{n_broken} broken files, and {n_refused} lines in the log that refuse one"
    yield from (line for line in swapped.log if "Traceback" in line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
