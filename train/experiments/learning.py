"""What is common to the training of all networks: what it is given, watched by and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
from numpy.typing import NDArray

from serd.model.card import ModelCard
from train.experiments.backup import EpochBackup, History, stop_reason
from train.experiments.data import Part
from train.experiments.features import Examples, FeatureStore
from train.experiments.settings import Experiment, LearnSettings

OnEpoch = Callable[[int, Mapping[str, float]], None]
"""Told how many epochs are done, and the figures of the last."""
OnClips = Callable[[int, int], None]
"""Told of how many clips the features are done, of how many."""

_CHUNK: Final = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """What is trained, and where from and to."""

    experiment: Experiment
    """The experiment."""
    part: Part
    """Its clips."""
    store: FeatureStore
    """Computes what the network sees of them."""
    state: Path
    """Folder of the backup and of the best weights."""
    seed: int
    """Seeds everything that is drawn."""
    is_quick: bool
    """Whether it is a smoke run, whose network is worth nothing."""
    on_epoch: OnEpoch
    """Follows the training."""
    on_clips: OnClips
    """Follows the computation of features."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """A trained network and what it says."""

    model: keras.Model
    """The network."""
    history: History
    """A row for each epoch."""
    stopped: str
    """Why learning is over."""
    owners: NDArray[np.int64]
    """int64, shape (n,): the clip that each test input is of."""
    probabilities: NDArray[np.float64]
    """float64, shape (n, n_labels)."""
    n_learnt: int
    """Inputs that were learnt from, with copies."""
    left_out: Mapping[int, str]
    """Index of each clip that could not be read, with one line on why."""
    card: ModelCard | None = None
    """What an exported network needs; None for the article's, which the daemon cannot run."""


class Uar(keras.metrics.Metric):  # type: ignore[misc]
    """Unweighted average recall over the classes that occur."""

    def __init__(self, n_labels: int) -> None:
        super().__init__(name="uar")
        self._n_labels = n_labels
        self._counts = self.add_variable((n_labels, 2), initializer="zeros", name="counts")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ANN401, ARG002
        """Count decisions; the largest target is the truth."""
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
    """Tells of each epoch, and ends training when nothing improves. It comes after the backup."""

    def __init__(self, backup: EpochBackup, settings: LearnSettings, on_epoch: OnEpoch) -> None:
        super().__init__()
        self._backup = backup
        self._settings = settings
        self._on_epoch = on_epoch

    def on_epoch_end(self, epoch: int, _logs: Mapping[str, float] | None = None) -> None:
        """Tell, and decide."""
        self._on_epoch(epoch + 1, self._backup.history[-1])
        self.model.stop_training = bool(stopped(self._backup, self._settings))


def stopped(backup: EpochBackup, settings: LearnSettings) -> str:
    """Why learning is over; empty while it is not."""
    return stop_reason(backup.history, epochs=settings.epochs, patience=settings.patience)


def outcome_of(
    training: Training, model: keras.Model, backup: EpochBackup, tested: Examples, n_learnt: int
) -> Outcome:
    """Ask a trained network about the test clips.

    Args:
        training: what was trained.
        model: the network.
        backup: holds the history.
        tested: inputs of the test clips.
        n_learnt: inputs that were learnt from.
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
