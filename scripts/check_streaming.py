"""Sends clips through the daemon, from standard input to a broker, and compares it with the evaluation.

Each clip goes as raw samples into a ``serd run`` of its own, which publishes utterance events to a real
Mosquitto; ``python -m train evaluate`` classifies the same clips from their files. The emotion of a clip
is that of the mean of its utterances, weighted by the speech in each.

    python scripts/check_streaming.py ../shared/data/ravdess --clips 200
"""

import argparse
import csv
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from serd.audio.files import read_samples
from serd.model.file import default_model_path
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import SERD, environment
from train.data.corpora import CORPORA, find_clips

NOTHING = "none"
"""Stands for the emotion of a clip without speech."""
_MIN_SHARE = 0.99
_TIMEOUT_S = 60.0


def play_to_daemon(clip: Path, *, number: int, model: Path, broker_port: int, home: Path) -> int:
    """Play a clip to a daemon as node "clip-NUMBER"; returns the number of events that it printed.

    Raises:
        RuntimeError: the daemon ended with an error.
    """
    arguments = ["run", "--source", "-", "--name", "in", "--node", f"clip-{number}", "--json"]
    arguments += ["--host", "127.0.0.1", "--port", str(broker_port), "--model", str(model)]
    done = subprocess.run(
        [*SERD, *arguments],
        input=read_samples(clip).astype("<i2").tobytes(),
        capture_output=True,
        env=environment(home / str(number)),
        timeout=_TIMEOUT_S,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"{clip}: serd ended with code {done.returncode}: {done.stderr.decode()}")
    return len(done.stdout.splitlines())


def emotion_of(events: Sequence[dict[str, Any]]) -> str:
    """The emotion of a clip from the events of its utterances."""
    if not events:
        return NOTHING
    labels = list(events[0]["scores"])
    weights = [each["speech_ratio"] * (each["end_s"] - each["start_s"]) for each in events]
    scores = [[each["scores"][label] for label in labels] for each in events]
    return labels[int(np.average(scores, axis=0, weights=weights).argmax())]


def streamed(clips: Sequence[Path], model: Path, *, n_parallel: int) -> list[str]:
    """The emotion of each clip by the daemon's events at a subscriber."""
    with tempfile.TemporaryDirectory() as home, mosquitto() as broker, Listener(broker) as listener:
        play = partial(play_to_daemon, model=model, broker_port=broker.port, home=Path(home))
        with ThreadPoolExecutor(n_parallel) as pool:
            jobs = [pool.submit(play, clip, number=number) for number, clip in enumerate(clips)]
            sent = [job.result() for job in jobs]
        emotions = []
        for number, n_sent in enumerate(sent):
            topic = f"serd/clip-{number}/in/event"
            wait_until(lambda t=topic, n=n_sent: len(listener.of(t)) >= n, f"{n_sent} events on {topic}")
            events = [json.loads(payload) for payload in listener.of(topic)]
            emotions.append(emotion_of([each for each in events if each["kind"] == "utterance"]))
    return emotions


def evaluated(root: Path, model: Path) -> dict[str, str]:
    """The emotion of each clip of a folder by the evaluation, keyed by the clip's name."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "train", "evaluate", str(model), str(root)]
        command += ["--allow-seen", "--out", folder]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        with (Path(folder) / "predictions.csv").open(newline="", encoding="utf-8") as file:
            return {Path(row["file"]).stem: row["prediction"] for row in csv.DictReader(file)}


def main() -> int:
    """Compare random speech clips of a folder; the exit code is 0 if 99 % have the same emotion."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--jobs", type=int, default=2, help="daemons at a time")
    args = parser.parse_args()
    found = sorted(
        clip.path for clip in find_clips(args.folder, corpora=CORPORA).clips if clip.channel == "speech"
    )
    clips = random.Random(args.seed).sample(found, min(args.clips, len(found)))  # noqa: S311
    offline = evaluated(args.folder, args.model)
    online = streamed(clips, args.model, n_parallel=args.jobs)
    differing = [
        (clip.name, offline[clip.stem], said)
        for clip, said in zip(clips, online, strict=True)
        if offline[clip.stem] != said
    ]
    for name, in_file, in_stream in differing:
        print(f"{name}  evaluation: {in_file}  daemon: {in_stream}")
    n_same = len(clips) - len(differing)
    print(f"{n_same} of {len(clips)} clips have the same emotion ({n_same / len(clips):.1%})")
    return 0 if n_same >= _MIN_SHARE * len(clips) else 1


if __name__ == "__main__":
    sys.exit(main())
