"""Models and clips to judge: the shipped network under another card, and clips without sound."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from serd.model.file import default_model_path, pack_model, read_model
from train.data.clips import Clip
from train.evaluation.predictions import Prediction


def packed_model(path: Path, **changes: Any) -> Path:  # noqa: ANN401
    """The shipped network with a card that is changed; by default it was trained on actor 1."""
    network, card = read_model(default_model_path())
    changes = {"training": {"actors": "1", "validation_actors": ""}} | changes
    path.write_bytes(pack_model(network, replace(card, **changes)))
    return path


def made_clip(emotion: str = "happy", actor: str = "1", **changes: Any) -> Clip:  # noqa: ANN401
    """A clip that has no file."""
    clip = Clip(
        path=Path(f"clips/{emotion}-{actor}.wav"),
        corpus="ravdess",
        actor=actor,
        gender="male",
        emotion=emotion,
        channel="speech",
        intensity="normal",
        statement="1",
    )
    return replace(clip, **changes)


def made_prediction(
    truth: int,
    decision: int,
    *,
    n: int = 4,
    sure: float = 0.7,
    **clip: Any,  # noqa: ANN401
) -> Prediction:
    """A decision for one of ``n`` classes, or for none where it is below 0."""
    probabilities = np.full(n, (1.0 - sure) / (n - 1))
    if decision >= 0:
        probabilities[decision] = sure
    return Prediction(
        clip=made_clip(**clip),
        truth=truth,
        probabilities=probabilities if decision >= 0 else None,
        speech_s=1.5,
        noise="",
    )
