"""False accepts: recordings without speech for which the daemon would publish an event.

TensorFlow is not imported here: a worker process would spend most of its time on it.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from serd.audio.files import read_samples
from serd.audio.format import recording_block
from serd.daemon.worker_pool import map_in_order
from serd.pipeline import PipelineSettings, recognize
from train.evaluation.predictions import loaded


def false_accepts(model_path: Path, recordings: Sequence[Path]) -> tuple[str, ...]:
    """Names of the recordings that lead to an event.

    Args:
        model_path: the .tflite file; each process loads it once.
        recordings: sound files in which nobody speaks.
    """
    accepted = map_in_order(partial(_is_accepted, model_path=model_path), recordings)
    return tuple(
        path.name for path, is_accepted in zip(recordings, accepted, strict=True) if is_accepted
    )


def _is_accepted(path: Path, *, model_path: Path) -> bool:
    model = loaded(model_path, model_path.stat().st_mtime_ns)
    decisions = recognize([recording_block(read_samples(path))], model, PipelineSettings())
    return any(decision.is_speech for decision in decisions)
