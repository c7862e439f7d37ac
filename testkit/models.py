"""Model cards and files that differ from those that come with serd, and a model without a network."""

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from serd.model.card import ModelCard
from serd.model.file import pack_model
from serd.model.labels import EMOTIONS
from serd.model.mfcc import MFCC40_V1
from serd.model.runtime import Prediction
from serd.model.windows import FeatureWindow

if TYPE_CHECKING:
    from serd.model.front_end import Features

Model = tuple[bytes, ModelCard]
"""A TFLite network and its card."""
_CARD = ModelCard(
    name="test",
    version="1.2.3",
    labels=EMOTIONS,
    feature_set=MFCC40_V1,
    window_s=3.0,
    padding="repeat",
    mean=(0.0,) * 40,
    std=(1.0,) * 40,
    network_sha256="0123456789abcdef" * 4,
    licence="none",
)


def made_card(**changes: Any) -> ModelCard:  # noqa: ANN401
    """A valid model card with some fields changed."""
    return replace(_CARD, **changes)


def write_model(path: Path, network: bytes, card: ModelCard) -> Path:
    """Write a model file whose card holds the network's checksum."""
    known = replace(card, network_sha256=hashlib.sha256(network).hexdigest())
    path.write_bytes(pack_model(network, known))
    return path


class FakeModel:
    """A model that predicts the first label of its card for every window, and records the features."""

    def __init__(self, card: ModelCard | None = None) -> None:
        self.card = card or made_card()
        self.features: list[Features] = []

    def predict(self, window: FeatureWindow) -> Prediction:
        """A probability of 0.9 for the first label, and equal ones for the others."""
        self.features.append(window.features)
        n_labels = len(self.card.labels)
        probabilities = np.full(n_labels, 0.1 / (n_labels - 1), np.float32)
        probabilities[0] = 0.9
        return Prediction(probabilities=probabilities)
