"""What is counted: ``python -m bench.counted SECONDS`` sends speech through the daemon's live way.

The network is left out: what it costs is the model's affair, and an emulated processor takes long over
it. Prints how many events came of it.
"""

import sys

import numpy as np

from bench.live_way import live_reports
from bench.sound import blocks_of, talk
from bench.ways import LIVE_BLOCK_S
from serd.events.event import Event
from serd.model.runtime import ModelSettings, Prediction, read_card
from serd.model.windows import FeatureWindow


class StillModel:
    """Says the same of each window."""

    def __init__(self) -> None:
        self.card = read_card(ModelSettings())
        n_labels = len(self.card.labels)
        self._probabilities = np.full(n_labels, 1 / n_labels, np.float32)

    def predict(self, features: FeatureWindow) -> Prediction:
        """Nothing is computed."""
        return Prediction(features=features, probabilities=self._probabilities)


class Work:
    """Speech of some length, ready to be worked through."""

    def __init__(self, duration_s: float) -> None:
        """Make the sound.

        Args:
            duration_s: its length.
        """
        self._blocks = list(blocks_of(talk(duration_s, lead_s=0.3), LIVE_BLOCK_S))
        self._model = StillModel()

    def run(self) -> int:
        """Work through it; how many events came."""
        n_events = 0
        for report in live_reports(iter(self._blocks), self._model):
            if isinstance(report, Event):
                report.to_json()
                n_events += 1
        return n_events


if __name__ == "__main__":
    print(Work(float(sys.argv[1])).run())
