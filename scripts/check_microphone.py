"""Plays recordings into a virtual microphone and compares the events with those of the files.

PulseAudio runs with a null sink whose monitor is the microphone, a real Mosquitto receives the events,
and ``serd run`` records from it as from hardware. Each recording must give one utterance event, at the
right time, with the emotion that ``serd analyze`` finds in the file.

    python scripts/check_microphone.py ../shared/data/ravdess --clips 40
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from testkit import daemons
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import serd
from testkit.pulse import PulseAudio, virtual_microphone

_EVENT_S = 15.0
_GAP_S = 1.2


@dataclass(frozen=True, kw_only=True)
class PlayedClip:
    """The events of a played recording, compared with those of the file."""

    path: Path
    n_utterances: int
    emotion_in_file: str
    emotion_played: str
    start_error_s: float
    end_error_s: float


@contextlib.contextmanager
def serd_listening(microphone: PulseAudio, port: int, model: str) -> Iterator[None]:
    """Run ``serd run`` on the virtual microphone until the block is left, then end it with SIGTERM.

    Raises:
        RuntimeError: it ended with an error.
    """
    arguments = ["run", "--source", "pulse", "--name", "virtual", "--node", "check"]
    arguments += ["--host", "127.0.0.1", "--port", str(port), *(["--model", model] if model else [])]
    with (
        tempfile.TemporaryDirectory(prefix="serd-home-") as home,
        serd(*arguments, home=Path(home), extra=microphone.variables) as daemon,
    ):
        daemon.wait_for_log("listening to microphone")
        yield
        if (code := daemon.stop()) != 0:
            raise RuntimeError(f"serd ended with code {code}: {daemon.log}")


def utterances(listener: Listener) -> list[dict[str, Any]]:
    """All utterance events so far."""
    events = [json.loads(payload) for payload in listener.of("serd/check/virtual/event")]
    return [event for event in events if event["kind"] == "utterance"]


def play_all(paths: list[Path], *, model: str = "", resampler: str = "") -> list[PlayedClip]:
    """Play each recording and compare its events with those of ``serd analyze`` for the file."""
    in_files = analyze_files(paths, model=model)
    with (
        virtual_microphone(resampler) as microphone,
        mosquitto() as broker,
        Listener(broker) as listener,
        serd_listening(microphone, broker.port, model),
    ):
        return [_play(path, in_files[path], listener, microphone) for path in paths]


def _play(path: Path, in_file: dict[str, Any], listener: Listener, microphone: PulseAudio) -> PlayedClip:
    n_before = len(utterances(listener))
    played_at = microphone.play(path)
    with contextlib.suppress(AssertionError):
        wait_until(lambda: len(utterances(listener)) > n_before, "an utterance", _EVENT_S)
    # Any further event of the recording comes within the hangover.
    time.sleep(_GAP_S)
    new = utterances(listener)[n_before:]
    if not new:
        nan = float("nan")
        return _compared(path, new, in_file, nan, nan)
    first, last = new[0], new[-1]
    epoch_s = datetime.fromisoformat(last["time"]).timestamp() - last["end_s"]
    start_error_s = epoch_s + first["start_s"] - (played_at + in_file["start_s"])
    end_error_s = epoch_s + last["end_s"] - (played_at + in_file["end_s"])
    return _compared(path, new, in_file, start_error_s, end_error_s)


def _compared(
    path: Path,
    events: list[dict[str, Any]],
    in_file: dict[str, Any],
    start_error_s: float,
    end_error_s: float,
) -> PlayedClip:
    return PlayedClip(
        path=path,
        n_utterances=len(events),
        emotion_in_file=in_file["emotion"],
        emotion_played=events[-1]["emotion"] if events else "none",
        start_error_s=start_error_s,
        end_error_s=end_error_s,
    )


def analyze_files(paths: list[Path], *, model: str = "") -> dict[Path, dict[str, Any]]:
    """The last utterance event that ``serd analyze`` finds in each file.

    Raises:
        RuntimeError: it finds none in a file.
    """
    command = [
        *daemons.SERD,
        "analyze",
        "--json",
        *(["--model", model] if model else []),
        *map(str, paths),
    ]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    events = [json.loads(line) for line in output.splitlines()]
    found = {Path(event["file"]): event for event in events if event["kind"] == "utterance"}
    for path in set(paths) - set(found):
        raise RuntimeError(f"{path}: serd analyze finds no utterance in it; choose other recordings")
    return found


def main() -> int:
    """Play random speech clips of a RAVDESS folder; the exit code is 0 if all events match."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="")
    parser.add_argument("--resampler", default="", help="of PulseAudio, such as soxr-vhq")
    args = parser.parse_args()
    recordings = sorted(args.folder.rglob("03-01-*.*"))
    chosen = random.Random(args.seed).sample(recordings, args.clips)  # noqa: S311
    results = play_all(chosen, model=args.model, resampler=args.resampler)
    for clip in results:
        mark = "" if clip.emotion_played == clip.emotion_in_file else "  <- differs"
        print(
            f"{clip.path.name}  {clip.n_utterances} utterance  start {clip.start_error_s:+.2f} s"
            f"  end {clip.end_error_s:+.2f} s  {clip.emotion_in_file} / {clip.emotion_played}{mark}"
        )
    n_one = sum(clip.n_utterances == 1 for clip in results)
    n_same = sum(clip.emotion_played == clip.emotion_in_file for clip in results)
    errors = [abs(error) for clip in results for error in (clip.start_error_s, clip.end_error_s)]
    worst_s = max(errors)
    print(f"{n_one} of {len(results)} gave one utterance; same emotion in {n_same};", end=" ")
    print(f"largest error of a time {worst_s:.2f} s")
    return 0 if n_one == len(results) and n_same >= 0.95 * len(results) and worst_s <= 0.2 else 1


if __name__ == "__main__":
    sys.exit(main())
