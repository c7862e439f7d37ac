"""Training that can be killed at any time and ends with the same figures.

After each epoch all that the next one depends on is written to one file: the network's variables with
the state of its random generators, the optimizer's, and the history. The order of the clips depends on
the seed and the epoch's number alone.
"""

import io
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np

from serd.errors import OperationError
from train.files import write_whole

BACKUP: Final = "epoch.npz"
BEST: Final = "best.weights.h5"

History = list[dict[str, float]]


class EpochBackup(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the history, and writes and reads the backup. It has to be the last of the callbacks.

    Args:
        folder: where the backup lies; an earlier run's is taken up from there.
        kept: attributes of other callbacks that belong to the state, by callback.
    """

    def __init__(
        self, folder: Path, kept: Sequence[tuple[keras.callbacks.Callback, Sequence[str]]] = ()
    ) -> None:
        super().__init__()
        self._path = folder / BACKUP
        self._kept = kept
        self._began_s = 0.0
        self._found: dict[str, Any] | None = None
        self.history: History = []
        if self._path.is_file():
            with np.load(self._path, allow_pickle=False) as arrays:
                self._found = dict(arrays)
            self.history = json.loads(str(self._found["history"]))

    @property
    def n_done(self) -> int:
        """Epochs finished."""
        return len(self.history)

    def on_train_begin(self, _logs: Mapping[str, float] | None = None) -> None:
        """Put back the state of an earlier run."""
        if self._found is None:
            return
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        variables = _variables(self.model)
        if len(variables) != int(self._found["n_variables"]):
            raise OperationError(f"{self._path}: a backup of another network; begin anew with --again")
        for number, variable in enumerate(variables):
            variable.assign(self._found[f"v{number}"])
        others = json.loads(str(self._found["callbacks"]))
        for (callback, names), values in zip(self._kept, others, strict=True):
            for name in names:
                setattr(callback, name, values[name])
        self._found = None

    def on_epoch_begin(self, _epoch: int, _logs: Mapping[str, float] | None = None) -> None:
        """Note the time."""
        self._began_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add a row to the history, and write everything down."""
        row = {name: float(value) for name, value in (logs or {}).items()}
        row["learning_rate"] = float(keras.ops.convert_to_numpy(self.model.optimizer.learning_rate))
        row["seconds"] = time.monotonic() - self._began_s
        self.history.append({"epoch": epoch + 1, **row})
        self._write()

    def _write(self) -> None:
        variables = _variables(self.model)
        arrays: dict[str, Any] = {
            f"v{number}": keras.ops.convert_to_numpy(variable)
            for number, variable in enumerate(variables)
        }
        others = [{name: _plain(getattr(each, name)) for name in names} for each, names in self._kept]
        packed = io.BytesIO()
        np.savez(
            packed,
            allow_pickle=False,
            n_variables=len(variables),
            history=json.dumps(self.history),
            callbacks=json.dumps(others),
            **arrays,
        )
        write_whole(self._path, packed.getvalue())


def _plain(value: Any) -> object:  # noqa: ANN401
    """A number as JSON takes it; an infinite one, too, which Python reads back."""
    return value if isinstance(value, int) or value is None else float(value)


def _variables(model: keras.Model) -> list[Any]:
    """All that a further epoch depends on: weights, random states, optimizer; no metrics."""
    measured = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in measured]
    return [*own, *model.optimizer.variables]


def stop_reason(history: History, *, epochs: int, patience: int) -> str:
    """Why learning is over; empty while it is not.

    Nothing improves while neither the least validation loss nor the highest validation accuracy changes.
    """
    if len(history) >= epochs:
        return "the last epoch was reached"
    if patience and history and "val_loss" in history[0]:
        least = int(np.argmin([row["val_loss"] for row in history]))
        highest = int(np.argmax([row["val_accuracy"] for row in history]))
        if len(history) - 1 - max(least, highest) >= patience:
            return f"no better validation loss or accuracy for {patience} epochs"
    return ""
