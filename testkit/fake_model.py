"""A model without a network."""

from typing import TYPE_CHECKING

import numpy as np

from serd.model.card import ModelCard
from serd.model.runtime import Prediction
from serd.model.windows import FeatureWindow
from testkit.cards import made_card

if TYPE_CHECKING:
    from serd.model.front_end import Features


class FakeModel:
    """Takes every window for the first label of its card, and keeps the features that it was given."""

    def __init__(self, card: ModelCard | None = None) -> None:
        self.card = card or made_card()
        self.features: list[Features] = []

    def predict(self, features: FeatureWindow) -> Prediction:
        """0.9 for the first label, the rest for the others."""
        self.features.append(features.features)
        n_labels = len(self.card.labels)
        probabilities = np.full(n_labels, 0.1 / (n_labels - 1), np.float32)
        probabilities[0] = 0.9
        return Prediction(features=features, probabilities=probabilities)
