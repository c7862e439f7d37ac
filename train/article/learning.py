"""Training that can be killed at any time and ends with the same metrics.

After each epoch everything that the next one depends on is written to one file: the network's variables
with the state of its random generators, those of the optimizer, and the history. The order of the clips
depends on the seed and the epoch's number alone.
"""

import io
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from serd.errors import OperationError
from serd.model.card import ModelCard
from train.article.data import Part
from train.article.experiment import Experiment, TrainingSettings
from train.article.features import Examples, FeatureStore
from train.data.files import write_whole

BACKUP: Final = "epoch.npz"
BEST: Final = "best.weights.h5"

History = list[dict[str, float]]


OnEpoch = Callable[[int, Mapping[str, float]], None]
"""Called with the number of finished epochs and the metrics of the last one."""
OnClips = Callable[[int, int], None]
"""Called with the number of clips with features and of all clips."""
_CHUNK: Final = 64


class EpochBackup(keras.callbacks.Callback):  # type: ignore[misc]
    """Keeps the history, and writes and reads the backup; it has to come after other callbacks.

    Args:
        folder: folder of the backup, from which training resumes.
        kept: attributes of other callbacks that belong to the state.
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
        """Number of finished epochs."""
        return len(self.history)

    def on_train_begin(self, _logs: Mapping[str, float] | None = None) -> None:
        """Restore the state of an earlier run."""
        if self._found is None:
            return
        if not self.model.optimizer.built:
            self.model.optimizer.build(self.model.trainable_variables)
        variables = _variables(self.model)
        if len(variables) != int(self._found["n_variables"]):
            raise OperationError(f"{self._path}: a backup of another network; start over with --again")
        for number, variable in enumerate(variables):
            variable.assign(self._found[f"v{number}"])
        others = json.loads(str(self._found["callbacks"]))
        for (callback, names), values in zip(self._kept, others, strict=True):
            for name in names:
                setattr(callback, name, values[name])
        self._found = None

    def on_epoch_begin(self, _epoch: int, _logs: Mapping[str, float] | None = None) -> None:
        """Note the start time."""
        self._began_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add a row to the history, and write the backup."""
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
    """A number for JSON; Python also reads an infinite one back."""
    return value if isinstance(value, int) or value is None else float(value)


def _variables(model: keras.Model) -> list[Any]:
    """Variables that a further epoch depends on: weights, random states and optimizer."""
    measured = {id(variable) for variable in model.metrics_variables}
    own = [variable for variable in model.variables if id(variable) not in measured]
    return [*own, *model.optimizer.variables]


def stop_reason(history: History, *, epochs: int, patience: int) -> str:
    """The reason that training is over; empty while it is not."""
    if len(history) >= epochs:
        return "the last epoch was reached"
    if patience and history and "val_loss" in history[0]:
        least = int(np.argmin([row["val_loss"] for row in history]))
        if len(history) - 1 - least >= patience:
            return f"no better validation loss for {patience} epochs"
    return ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """Experiment, clips and folders of a training."""

    experiment: Experiment
    """The experiment."""
    part: Part
    """Clips of the fold."""
    store: FeatureStore
    """Store of features."""
    state: Path
    """Folder of the backup and of the best weights."""
    seed: int
    """Random seed."""
    is_quick: bool
    """Whether it is a smoke run, whose network is useless."""
    on_epoch: OnEpoch
    """Called after each epoch."""
    on_clips: OnClips
    """Called while features are computed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A trained network and its probabilities for test clips."""

    model: keras.Model
    """The network."""
    history: History
    """A row for each epoch."""
    stopped: str
    """The reason that training ended."""
    owners: NDArray[np.int64]
    """int64, shape (n,): the clip of each test input."""
    probabilities: NDArray[np.float64]
    """float64, shape (n, n_labels)."""
    n_learnt: int
    """Number of training inputs, with copies."""
    left_out: Mapping[int, str]
    """Index of each unreadable clip, with the reason in one line."""
    card: ModelCard | None = None
    """Card of an exportable network; None for the article's, which the daemon cannot run."""


class Uar(keras.metrics.Metric):  # type: ignore[misc]
    """Unweighted average recall over the classes that occur."""

    def __init__(self, n_labels: int) -> None:
        super().__init__(name="uar")
        self._n_labels = n_labels
        self._counts = self.add_variable((n_labels, 2), initializer="zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ANN401, ARG002
        """Count decisions; the truth is the largest target."""
        truth, decision = keras.ops.argmax(y_true, axis=-1), keras.ops.argmax(y_pred, axis=-1)
        one_hot = keras.ops.one_hot(truth, self._n_labels)
        right = keras.ops.cast(keras.ops.equal(truth, decision), "float32")[:, None]
        columns = [keras.ops.sum(one_hot * right, axis=0), keras.ops.sum(one_hot, axis=0)]
        self._counts.assign_add(keras.ops.stack(columns, axis=1))

    def result(self) -> Any:  # noqa: ANN401
        """The mean recall."""
        right, all_ = self._counts[:, 0], self._counts[:, 1]
        n_classes = keras.ops.sum(keras.ops.cast(all_ > 0, "float32"))
        return keras.ops.sum(right / keras.ops.maximum(all_, 1.0)) / keras.ops.maximum(n_classes, 1.0)


class Follow(keras.callbacks.Callback):  # type: ignore[misc]
    """Reports each epoch, and ends training when nothing improves; it comes after the backup."""

    def __init__(self, backup: EpochBackup, settings: TrainingSettings, on_epoch: OnEpoch) -> None:
        super().__init__()
        self._backup = backup
        self._settings = settings
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, _logs: Mapping[str, float] | None = None) -> None:
        """Report the epoch, and decide whether training ends."""
        self._on_epoch(epoch + 1, self._backup.history[-1])
        self.model.stop_training = bool(stopped(self._backup, self._settings))


def stopped(backup: EpochBackup, settings: TrainingSettings) -> str:
    """The reason that training is over; empty while it is not."""
    return stop_reason(backup.history, epochs=settings.epochs, patience=settings.patience)


def outcome_of(
    training: Training, model: keras.Model, backup: EpochBackup, tested: Examples, n_learnt: int
) -> Outcome:
    """The outcome of a trained network on the test clips.

    Args:
        training: the training.
        model: the network.
        backup: holds the history.
        tested: inputs of the test clips.
        n_learnt: number of training inputs.
    """
    chunks = [
        keras.ops.convert_to_numpy(model(tested.inputs[first : first + _CHUNK], training=False))
        for first in range(0, len(tested.inputs), _CHUNK)
    ]
    probabilities = np.concatenate(chunks) if chunks else np.empty((0, len(training.part.labels)))
    return Outcome(
        model=model,
        history=backup.history,
        stopped=stopped(backup, training.experiment.learn),
        owners=tested.clip,
        probabilities=probabilities.astype(np.float64),
        n_learnt=n_learnt,
        left_out=tested.left_out,
    )
