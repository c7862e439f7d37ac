"""A model without a network, settings that training cuts windows with, and settings side by side."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.labels import EMOTIONS
from serd.model.mfcc import MFCC40_V1, Mfccs
from serd.model.runtime import Prediction
from serd.model.windows import FeatureWindow
from testkit.models import made_card
from train.features.dataset import WindowSettings


class FakeModel:
    """Answers by a rule."""

    def __init__(self, rule: Callable[[Mfccs], NDArray[np.float32]] | None = None) -> None:
        self.card = made_card()
        self._rule = rule or (lambda _mfccs: np.full(len(EMOTIONS), 0.125, np.float32))

    def predict(self, window: FeatureWindow) -> Prediction:
        """The rule's answer for one window."""
        return Prediction(probabilities=self._rule(window.features))


def window_settings() -> WindowSettings:
    """Windows of three seconds, as in the shipped model."""
    return WindowSettings(
        feature_set=MFCC40_V1,
        window_samples=3 * SAMPLE_RATE_HZ,
        padding="repeat",
    )


def flat(body: Mapping[str, Any], where: str = "") -> dict[str, Any]:
    """Values by the path of their keys."""
    values: dict[str, Any] = {}
    for key, value in body.items():
        values |= flat(value, f"{where}{key}.") if isinstance(value, dict) else {where + key: value}
    return values
