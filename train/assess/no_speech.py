"""Recordings in which nobody speaks, and which of them the daemon would say something of.

TensorFlow is not imported here: a process that hears recordings would spend most of its time on it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from serd.audio.files import read_samples
from serd.audio.format import whole
from serd.pipeline import PipelineSettings, recognize
from train.evaluation.predictions import loaded
from train.processes import map_in_order


def named_recordings(model_path: Path, recordings: Sequence[Path]) -> tuple[str, ...]:
    """Names of the recordings that lead to any event.

    Args:
        model_path: the .tflite file; each process loads it once.
        recordings: sound files.
    """
    named = map_in_order(partial(_is_named, model_path=model_path), recordings)
    return tuple(path.name for path, is_named in zip(recordings, named, strict=True) if is_named)


def _is_named(path: Path, *, model_path: Path) -> bool:
    model = loaded(model_path, model_path.stat().st_mtime_ns)
    decisions = recognize([whole(read_samples(path))], model, PipelineSettings())
    return any(decision.is_speech for decision in decisions)
