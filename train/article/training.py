"""Training of an experiment's network on its training clips."""

from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from train.article.copies import learnt_and_held_out
from train.article.experiment import TrainingSettings
from train.article.learning import BEST, EpochBackup, Follow, Outcome, Training, Uar, outcome_of, stopped
from train.article.networks import build_article_network
from train.article.own_network import train_own
from train.data.clips import CorpusError

_CHUNK: Final = 64


__all__ = ["Outcome", "Training", "train"]


def train_article(training: Training) -> Outcome:
    """Train a network of the article."""
    part, settings = training.part, training.experiment.learn
    originals = training.store.originals(training.experiment.input.kind, training.on_clips)  # type: ignore[arg-type]
    learnt, held_out = learnt_and_held_out(
        training.experiment,
        part,
        originals,
        training.store,
        seed=training.seed,
        progress=training.on_clips,
    )
    inputs = learnt.inputs
    labels = {**part.truth, **part.learnt}
    classes = [labels[clip] for clip in learnt.clip.tolist()]
    if not classes:
        raise CorpusError("nothing can be read or heard in any of the training clips")
    truth = [part.truth[clip] for clip in held_out.clip.tolist()]
    n_labels = len(part.labels)
    one_hot = np.eye(n_labels, dtype=np.float32)
    model = build_article_network(
        training.experiment.network.kind,  # type: ignore[arg-type]
        n_frames=inputs.shape[1],
        n_labels=n_labels,
    )
    model.compile(
        _optimizer(settings),
        loss="categorical_crossentropy",
        metrics=["accuracy", Uar(n_labels)],
        run_eagerly=training.is_quick and training.experiment.network.kind != "recurrent",
    )
    best = training.state / BEST
    callbacks, backup = _callbacks(training, best)
    if not stopped(backup, settings):
        n_batches = -(-len(inputs) // settings.batch)
        model.fit(
            _batches(inputs, one_hot[classes], settings.batch, training.seed, backup.n_done),
            validation_data=(held_out.inputs, one_hot[truth]) if truth else None,
            validation_batch_size=_CHUNK,
            shuffle=False,
            steps_per_epoch=n_batches,
            initial_epoch=backup.n_done,
            epochs=settings.epochs,
            verbose=0,
            callbacks=callbacks,
        )
    elif settings.keep == "last":
        backup.set_model(model)
        backup.on_train_begin()
    if settings.keep == "best" and best.is_file():  # there is none where every loss was infinite
        model.load_weights(best)
    return outcome_of(training, model, backup, originals.of_clips(part.split.test), len(inputs))


def _callbacks(training: Training, best: Path) -> tuple[list[keras.callbacks.Callback], EpochBackup]:
    settings = training.experiment.learn
    callbacks: list[keras.callbacks.Callback] = []
    kept: list[tuple[keras.callbacks.Callback, Sequence[str]]] = []
    if settings.plateau:
        plateau = keras.callbacks.ReduceLROnPlateau(
            monitor="val_loss", factor=0.9, patience=20, min_lr=1e-6
        )
        callbacks.append(plateau)
        kept.append((plateau, ("best", "wait", "cooldown_counter")))
    if settings.keep == "best":
        checkpoint = keras.callbacks.ModelCheckpoint(
            best, monitor="val_loss", mode="min", save_best_only=True, save_weights_only=True
        )
        callbacks.append(checkpoint)
        kept.append((checkpoint, ("best",)))
    training.state.mkdir(parents=True, exist_ok=True)
    backup = EpochBackup(training.state, kept)
    return [*callbacks, backup, Follow(backup, settings, training.on_epoch)], backup


def _optimizer(settings: TrainingSettings) -> keras.optimizers.Optimizer:
    rate: Any = settings.learning_rate
    if settings.decay:
        rate = keras.optimizers.schedules.InverseTimeDecay(
            rate, decay_steps=1, decay_rate=settings.decay
        )
    kinds = {
        "rmsprop": keras.optimizers.RMSprop,
        "sgd": keras.optimizers.SGD,
        "adam": keras.optimizers.Adam,
    }
    return kinds[settings.optimizer](rate)


def _batches(
    inputs: NDArray[np.float32], targets: NDArray[np.float32], size: int, seed: int, first_epoch: int
) -> Iterator[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Yield batches without end, in an order that depends on the seed and the epoch."""
    for epoch in count(first_epoch):
        order = np.random.default_rng([seed, epoch]).permutation(len(inputs))
        for first in range(0, len(order), size):
            chosen = order[first : first + size]
            yield inputs[chosen], targets[chosen]


def train(training: Training) -> Outcome:
    """Train a network, or resume an interrupted training.

    The same seed gives the same figures on the same machine with the same libraries and number of
    threads, whether interrupted or not.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    return train_own(training) if training.experiment.network.kind == "own" else train_article(training)
