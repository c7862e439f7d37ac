"""Ensemble members, each trained apart from the others.

A trained member lies in a file, so that an interrupted run resumes and several members can be trained at
a time.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from serd.model.labels import EMOTIONS
from train.data.clips import Actors, Clip, CorpusError
from train.data.splits import is_learned
from train.evaluation.metrics import score
from train.features.dataset import Dataset, WindowSettings
from train.features.window_store import load_windows, read_arrays, write_arrays
from train.model.batches import Windows, plain_windows
from train.model.learning import LearnSettings, TrainedNetwork, TrainingMonitor, train_network
from train.model.network import NetworkSettings, average, build_network


class EpochLog(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs loss, validation UAR over windows and remaining time after each epoch."""

    def __init__(self, epochs: int, log: Callable[[str], None], held_out: Windows) -> None:
        """Set the number of epochs and the validation windows.

        Args:
            epochs: number of epochs.
            log: takes the line.
            held_out: validation windows; may be empty.
        """
        super().__init__()
        self._epochs = epochs
        self._log = log
        self._held_out = held_out
        self._started_s = time.monotonic()

    def on_train_begin(self, _logs: dict[str, float] | None = None) -> None:
        """Note the start time."""
        self._started_s = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Log an epoch."""
        n_done = epoch + 1
        elapsed_s = time.monotonic() - self._started_s
        left_s = elapsed_s / n_done * (self._epochs - n_done)
        line = f"epoch {n_done}/{self._epochs}  loss {(logs or {}).get('loss', np.nan):.4f}"
        inputs, labels = self._held_out
        if len(labels):
            decisions = self.model.predict(inputs, batch_size=64, verbose=0).argmax(axis=1)
            line += f"  validation UAR {score(labels, decisions, EMOTIONS).uar:.4f} (windows)"
        self._log(f"{line}  {left_s / 60:.1f} min left")


@dataclass(frozen=True, kw_only=True, slots=True)
class TeacherFiles:
    """The members of a trained network that teaches another."""

    paths: tuple[Path, ...]
    """Files of their weights."""
    network: NetworkSettings
    """Their architecture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class MemberJob:
    """An ensemble member to train."""

    name: str
    """Name in log lines."""
    path: Path
    """File of its weights."""
    data: Path
    """File of the windows, as ``stored_windows`` gives it."""
    clips: tuple[Clip, ...]
    """Clips of the windows."""
    train: Actors
    """Training actors."""
    validation: Actors
    """Validation actors."""
    without_noise: str
    """Noise fold without training windows; empty for none."""
    without_sentence: str
    """Sentence of RAVDESS without training windows; empty for none."""
    windows: WindowSettings
    """Features of the input."""
    learn: LearnSettings
    """Training parameters."""
    seed: int
    """Random seed."""
    teacher: TeacherFiles | None = None
    """The network whose probabilities are part of the targets; None for the labels alone."""


def train_member(job: MemberJob) -> None:
    """Train a member and write its weights; prints a line for each epoch.

    Raises:
        CorpusError: no speech is detected in any training clip.
    """
    everything = load_windows(job.data, job.clips)
    dataset = training_part(everything, job.train, job.without_noise, job.without_sentence)
    if not any(each.copy == 0 for each in dataset.copies):
        raise CorpusError(f"{job.name}: no speech is detected in any of their clips")
    held_out = plain_windows(
        everything.of_actors(job.validation), job.learn.n_frames, job.windows.padding
    )

    def log(line: str) -> None:
        print(f"{job.name}: {line}", flush=True)

    watch = TrainingMonitor(callbacks=[EpochLog(job.learn.epochs, log, held_out)])
    teacher = job.teacher and load_ensemble(
        job.teacher.paths, job.teacher.network, n_frames=job.learn.n_frames
    )
    learnt = train_network(
        dataset,
        job.windows,
        job.learn,
        seed=job.seed,
        watch=watch,
        teacher=teacher.model if teacher else None,
    )
    weights = {f"w{number}": each for number, each in enumerate(learnt.model.get_weights())}
    n_labels = np.array(learnt.model.output_shape[-1])
    write_arrays(job.path, {"mean": learnt.mean, "std": learnt.std, "n_labels": n_labels, **weights})


def training_part(dataset: Dataset, train: Actors, without_noise: str, without_sentence: str) -> Dataset:
    """The training windows of some actors without one noise fold and one sentence of RAVDESS."""
    learned = [index for index, clip in enumerate(dataset.clips) if is_learned(clip, without_sentence)]
    part = dataset.of_actors(train).of_clips(learned)
    return part.without_noise(without_noise) if without_noise else part


def load_ensemble(paths: Sequence[Path], network: NetworkSettings, *, n_frames: int) -> TrainedNetwork:
    """An ensemble from the weights of its members.

    Args:
        paths: weights of the members, trained on the same clips.
        network: their architecture.
        n_frames: frames of the input.
    """
    keras.utils.clear_session()  # or layers' names would depend on what was built before
    members = [_loaded(path, network, n_frames) for path in paths]
    return TrainedNetwork(
        model=average([member.model for member in members]), mean=members[0].mean, std=members[0].std
    )


def _loaded(path: Path, network: NetworkSettings, n_frames: int) -> TrainedNetwork:
    arrays = read_arrays(path)
    mean, std = (arrays[name].astype(np.float32) for name in ("mean", "std"))
    model = build_network(
        network,
        n_frames=n_frames,
        n_labels=int(arrays["n_labels"].item()),
        mean=mean,
        std=std,
    )
    model.set_weights([arrays[f"w{number}"] for number in range(len(model.weights))])
    return TrainedNetwork(model=model, mean=mean, std=std)
