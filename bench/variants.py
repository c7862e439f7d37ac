"""Part ``variants``: what other distances between windows and other lengths of a window cost.

The length of a window belongs to the model, so for each length a network of the project's own shape is
made, untrained: the weights do not change how long it takes.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.contest import Entry, run_contest
from bench.context import Context, Figures
from bench.sound import talk
from bench.spread import spread
from bench.ways import Recorded
from serd.errors import OperationError
from serd.model.file import default_model_path
from serd.model.runtime import ModelSettings, TfliteModel, read_card
from serd.pipeline import PipelineSettings
from serd.speech.segmenter import SegmenterSettings

PREFIX = "variant"


def variants(context: Context) -> Figures:
    """CPU time a second of speech without cease, in the blocks in which files are read."""
    sizes = context.sizes
    context.say("variants: making networks")
    models, reason = _models(context)
    entries = [_entry(f"hop {hop_s:g} s", hop_s, default_model_path()) for hop_s in sizes.hops_s]
    entries += [_entry(f"window {window_s:g} s", 1.0, path) for window_s, path in models.items()]
    context.say(f"variants: {len(entries)}")
    outcome = run_contest(
        entries,
        [talk(sizes.scene_s, lead_s=0.5)] * (2 if sizes.n_passes > 1 else 1),
        n_passes=sizes.n_passes,
        core=context.core,
        folder=context.folder,
    )
    return {
        "cpu_ms": {name: spread(score.cpu_ms).to_json() for name, score in outcome.scores.items()},
        "windows_per_s": {name: score.n_per_s[0] for name, score in outcome.scores.items()},
        "left_out": outcome.left_out | ({"windows of other lengths": reason} if reason else {}),
    }


def make(name: str) -> Recorded:
    """A variant by its name: ``variant:HOP_S:MODEL``."""
    _, hop_s, path = name.split(":", 2)
    settings = PipelineSettings(segmenter=replace(SegmenterSettings(), hop_s=float(hop_s)))
    return Recorded(settings, TfliteModel(Path(path)))


def write_models(folder: Path, windows_s: list[float]) -> None:
    """Networks for windows of other lengths; needs TensorFlow."""
    import numpy as np  # noqa: PLC0415

    from train.model.conversion import (  # noqa: PLC0415
        network_sha256,
        to_int8,
        write_model,
    )
    from train.model.network import NetworkSettings, build_network  # noqa: PLC0415

    card = read_card(ModelSettings())
    mean, std = (np.array(each, np.float32) for each in (card.mean, card.std))
    rng = np.random.default_rng(0)
    for window_s in windows_s:
        # What has learnt nothing must not reject what it hears.
        other = replace(card, window_s=window_s, no_speech_threshold=1.0)
        network = build_network(
            NetworkSettings(),
            n_frames=other.n_frames,
            n_labels=len(card.outputs),
            mean=mean,
            std=std,
        )
        ranges = mean + std * rng.standard_normal((16, other.n_frames, len(mean)), np.float32)
        flatbuffer = to_int8(network, ranges)
        named = replace(other, network_sha256=network_sha256(flatbuffer))
        write_model(model_file(folder, window_s), flatbuffer, named)


def model_file(folder: Path, window_s: float) -> Path:
    """Where the network for a window of this length lies."""
    return folder / f"window{window_s:g}.tflite"


def _entry(label: str, hop_s: float, path: Path) -> Entry:
    return Entry(label=label, name=f"{PREFIX}:{hop_s:g}:{path}")


def _models(context: Context) -> tuple[dict[float, Path], str]:
    """The networks by length, made in another process, and why there are none; empty if there are."""
    lengths_s = context.sizes.windows_s
    code = (
        "import sys; from pathlib import Path; from bench.variants import write_models;"
        "write_models(Path(sys.argv[1]), [float(each) for each in sys.argv[2:]])"
    )
    command = [sys.executable, "-c", code, str(context.folder), *map(str, lengths_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return {each: model_file(context.folder, each) for each in lengths_s}, ""
    lines: list[Any] = done.stderr.strip().splitlines() or ["no word why"]
    if "ModuleNotFoundError" in lines[-1]:
        return {}, lines[-1].partition(": ")[2]
    raise OperationError(f"making networks failed: {lines[-1]}")
