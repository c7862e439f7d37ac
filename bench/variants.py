"""Part ``variants``: the cost of other hops and window lengths.

The window length belongs to the model, so each length gets a network of the project's own shape,
untrained: the weights do not change the run time.
"""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from bench.comparison import Entry, compare
from bench.context import Context, Measurements
from bench.pipelines import RecordedPipeline
from bench.sound import talk
from bench.statistics import summarize
from bench.tables import Section, Table, left_out, rounded, with_quartiles
from serd.errors import OperationError
from serd.model.file import default_model_path
from serd.model.runtime import ModelSettings, TfliteModel, read_card

_PREFIX: Final = "variant"


def measure(context: Context) -> Measurements:
    """Measure CPU time per second of continuous speech, in the blocks in which files are read."""
    workload = context.workload
    context.say("variants: making networks")
    models, reason = _models(context)
    entries = [_entry(f"hop {hop_s:g} s", hop_s, default_model_path()) for hop_s in workload.hops_s]
    entries += [_entry(f"window {window_s:g} s", 1.0, path) for window_s, path in models.items()]
    context.say(f"variants: {len(entries)}")
    comparison = compare(
        entries,
        [talk(workload.scene_s, lead_s=0.5)] * (2 if workload.n_passes > 1 else 1),
        n_passes=workload.n_passes,
        core=context.core,
        folder=context.folder,
    )
    return {
        "cpu_ms": {
            name: summarize(rounds.cpu_ms).to_json() for name, rounds in comparison.rounds.items()
        },
        "windows_per_s": {name: rounds.n_per_s[0] for name, rounds in comparison.rounds.items()},
        "left_out": comparison.left_out | ({"windows of other lengths": reason} if reason else {}),
    }


def make(name: str) -> RecordedPipeline:
    """A variant by its name, ``variant:HOP_S:MODEL``."""
    _, hop_s, path = name.split(":", 2)
    return RecordedPipeline(TfliteModel(Path(path)), hop_s=float(hop_s))


def write_models(folder: Path, windows_s: list[float]) -> None:
    """Write networks for other window lengths; needs TensorFlow."""
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
        # An untrained network would reject windows at random.
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
        finished = replace(other, network_sha256=network_sha256(flatbuffer))
        write_model(model_file(folder, window_s), flatbuffer, finished)


def model_file(folder: Path, window_s: float) -> Path:
    """The file of the network for a window length."""
    return folder / f"window{window_s:g}.tflite"


def _entry(label: str, hop_s: float, path: Path) -> Entry:
    return Entry(label=label, name=f"{_PREFIX}:{hop_s:g}:{path}")


def _models(context: Context) -> tuple[dict[float, Path], str]:
    """The networks by length, made in another process, and the reason why there are none, if so."""
    lengths_s = context.workload.windows_s
    code = (
        "import sys; from pathlib import Path; from bench.variants import write_models;"
        "write_models(Path(sys.argv[1]), [float(each) for each in sys.argv[2:]])"
    )
    command = [sys.executable, "-c", code, str(context.folder), *map(str, lengths_s)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return {each: model_file(context.folder, each) for each in lengths_s}, ""
    lines: list[Any] = done.stderr.strip().splitlines() or ["no message"]
    if "ModuleNotFoundError" in lines[-1]:
        return {}, lines[-1].partition(": ")[2]
    raise OperationError(f"making networks failed: {lines[-1]}")


def section(measured: Measurements) -> Section:
    """The section of the report."""
    rows = tuple(
        (name, rounded(measured["windows_per_s"][name]), with_quartiles(each))
        for name, each in measured["cpu_ms"].items()
    )
    return Section(
        title="Other hops and windows",
        about="Continuous speech, in the blocks of a file. The window length is the model's: each length"
        " has an untrained network of the same shape.",
        tables=[Table(head=("", "windows a second", "CPU ms a second of sound"), rows=rows)],
        notes=left_out(measured),
    )
