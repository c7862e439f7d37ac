"""A line for each epoch of a training."""

import time
from collections.abc import Callable

import keras
import numpy as np

from serd.model.labels import EMOTIONS
from train.batches import Windows
from train.scores import score


class Progress(keras.callbacks.Callback):  # type: ignore[misc]
    """One line an epoch: loss, the held-out actors' UAR over windows, and the time left."""

    def __init__(self, epochs: int, report: Callable[[str], None], held_out: Windows) -> None:
        """Prepare to follow a training.

        Args:
            epochs: how many there will be.
            report: told the line.
            held_out: windows that are scored after each epoch; none where there are no such actors.
        """
        super().__init__()
        self._epochs = epochs
        self._report = report
        self._held_out = held_out
        self._started_s = time.monotonic()

    def on_train_begin(self, _logs: dict[str, float] | None = None) -> None:
        """Start the clock."""
        self._started_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Report an epoch."""
        n_done = epoch + 1
        elapsed_s = time.monotonic() - self._started_s
        left_s = elapsed_s / n_done * (self._epochs - n_done)
        line = f"epoch {n_done}/{self._epochs}  loss {(logs or {}).get('loss', np.nan):.4f}"
        inputs, labels = self._held_out
        if len(labels):
            decisions = self.model.predict(inputs, batch_size=64, verbose=0).argmax(axis=1)
            line += f"  validation UAR {score(labels, decisions, EMOTIONS).uar:.4f} (windows)"
        self._report(f"{line}  {left_s / 60:.1f} min left")
