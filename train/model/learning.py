"""The training loop: from windows to a Keras model.

K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
https://kellerjordan.github.io/posts/muon (the convolutions' updates); I. Loshchilov and F. Hutter,
"Decoupled Weight Decay Regularization", ICLR 2019 (AdamW, for all other weights).
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Literal

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from serd.model.windows import Padding
from train.features.dataset import Dataset, WindowSettings
from train.features.feature_augmentation import FeatureAugment
from train.model.batches import BatchMaker, BatchSettings, plain_windows
from train.model.distillation import distilled
from train.model.losses import MaskedCrossentropy
from train.model.network import NetworkSettings, build_network, inference_form


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnSettings:
    """Training parameters; there is no early stopping, so nothing is selected on validation clips."""

    epochs: int = 100
    """Number of epochs."""
    n_frames: int = 200
    """Frames of a training window, the length of most clips; the saved network takes the daemon's."""
    learning_rate: float = 2e-3
    """Peak learning rate, after the warm-up and before a cosine decay to zero."""
    warmup_epochs: float = 3.0
    """Length of the warm-up, in epochs."""
    weight_decay: float = 0.02
    """Decoupled weight decay of AdamW."""
    kernels: Literal["muon", "adamw"] = "muon"
    """Optimizer of the convolutions' kernels; all other weights take AdamW."""
    kernel_rate: float = 0.02
    """Peak learning rate of kernels with Muon."""
    kernel_decay: float = 0.05
    """Decoupled weight decay of kernels with Muon."""
    label_smoothing: float = 0.1
    """Probability mass given to all classes."""
    teacher_share: float = 0.5
    """Share of the teacher's probabilities in the targets, where there is a teacher."""
    is_compiled: bool = True
    """Whether XLA compiles a step, which takes half a minute and halves the time of an epoch."""
    ema: float = 0.99
    """Momentum of the moving average of the weights, which the trained network takes."""
    batches: BatchSettings = field(default_factory=BatchSettings)
    """Composition of an epoch."""
    augment: FeatureAugment = field(default_factory=FeatureAugment)
    """Augmentation of windows."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """Architecture of the network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedNetwork:
    """A trained network."""

    model: keras.Model
    """The network, from MFCCs to probabilities."""
    mean: NDArray[np.float32]
    """float32, shape (n_mfcc,), subtracted in the graph."""
    std: NDArray[np.float32]
    """float32, shape (n_mfcc,), divided by in the graph."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingMonitor:
    """Callbacks and metrics of a training, and the epoch from which it resumes."""

    callbacks: Sequence[keras.callbacks.Callback] = ()
    """Keras callbacks; one of them may restore weights and optimizer when training begins."""
    metrics: Sequence[keras.metrics.Metric] = ()
    """Metrics of training windows and of ``validation``."""
    validation: Dataset | None = None
    """Clips whose loss and metrics are computed after each epoch."""
    n_done: int = 0
    """Epochs finished by an earlier run; their batches are drawn and skipped."""
    is_eager: bool = False
    """Whether to skip building a graph, which takes longer than a few batches."""


def train_network(
    dataset: Dataset,
    windows: WindowSettings,
    settings: LearnSettings,
    *,
    seed: int,
    watch: TrainingMonitor,
    teacher: keras.Model | None = None,
) -> TrainedNetwork:
    """Train a network.

    The same seed gives the same weights on the same machine with the same libraries; another processor
    or number of threads may round differently.

    Args:
        dataset: training actors only.
        windows: features of the input.
        settings: training parameters.
        seed: seed of weights, order and augmentation.
        watch: callbacks and metrics.
        teacher: network whose probabilities are part of the targets, with an input of ``n_frames``;
            None to learn from the labels alone.
    """
    keras.utils.clear_session()  # or layer names, and so the file, would depend on earlier folds
    keras.utils.set_random_seed(seed)
    if not settings.is_compiled:  # XLA's code would be three times slower
        tf.config.experimental.enable_op_determinism()
    mean, std = dataset.normalization()
    model = build_network(
        settings.network,
        n_frames=settings.n_frames,
        n_labels=len(dataset.outputs),
        mean=mean,
        std=std,
        is_training=True,
    )
    maker = BatchMaker(
        dataset, windows.feature_set, settings.n_frames, settings.batches, settings.augment, mean
    )
    _compile(model, settings, maker.n_batches, watch)
    # TensorFlow never releases a generator; once closed, it releases the windows at least.
    drawn = maker.batches(np.random.default_rng(seed))
    with closing(distilled(drawn, teacher, settings.teacher_share) if teacher else drawn) as batches:
        for _ in range(watch.n_done * maker.n_batches):
            next(batches)
        model.fit(
            batches,
            validation_data=_validation(
                watch.validation, settings, windows.padding, len(dataset.outputs)
            ),
            shuffle=False,
            steps_per_epoch=maker.n_batches,
            initial_epoch=watch.n_done,
            epochs=settings.epochs,
            verbose=0,
            callbacks=watch.callbacks,
        )
    kept = inference_form(model, settings.network, n_frames=windows.n_frames, mean=mean, std=std)
    return TrainedNetwork(model=kept, mean=mean, std=std)


def _compile(
    model: keras.Model, settings: LearnSettings, n_batches: int, watch: TrainingMonitor
) -> None:
    """Compile a model with optimizer, loss and metrics."""
    model.compile(
        optimizer=_optimizer(settings, n_batches),
        loss=MaskedCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=watch.metrics or None,
        run_eagerly=watch.is_eager,
        jit_compile=settings.is_compiled and not watch.is_eager,
    )


def _optimizer(settings: LearnSettings, n_batches: int) -> keras.optimizers.Optimizer:
    """Muon or AdamW with warm-up, cosine decay and weight averaging."""
    total = n_batches * settings.epochs
    warmup = min(round(n_batches * settings.warmup_epochs), total // 2)
    is_muon = settings.kernels == "muon"
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0,
        total - warmup,
        warmup_target=settings.kernel_rate if is_muon else settings.learning_rate,
        warmup_steps=warmup,
    )
    average = {"use_ema": True, "ema_momentum": settings.ema}
    if is_muon:
        # Keras scales the rate and decay of all other weights from those of Muon.
        ratio = settings.learning_rate / settings.kernel_rate
        optimizer = keras.optimizers.Muon(
            schedule,
            weight_decay=settings.kernel_decay,
            rms_rate=None,
            exclude_layers=["dense"],
            adam_lr_ratio=ratio,
            adam_weight_decay=settings.weight_decay * ratio,
            **average,
        )
    else:
        optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings.weight_decay, **average)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def _validation(
    dataset: Dataset | None, settings: LearnSettings, padding: Padding, n_outputs: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
    """Inputs and one-hot targets of validation clips; None without windows."""
    if dataset is None:
        return None
    inputs, labels = plain_windows(dataset, settings.n_frames, padding)
    return (inputs, np.eye(n_outputs, dtype=np.float32)[labels]) if len(labels) else None
