"""The training loop: windows of some actors in, a Keras model out.

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
from train.model.losses import MaskedCrossentropy
from train.model.network import NetworkSettings, build_network, inference_form


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnSettings:
    """How the network learns; there is no early stop, so nothing is chosen by looking."""

    epochs: int = 60
    """Number of epochs."""
    n_frames: int = 200
    """Frames of a training window: what a clip mostly holds. The network kept takes the daemon's."""
    learning_rate: float = 2e-3
    """Highest learning rate, reached after the warm-up; it falls to zero along a cosine."""
    warmup_epochs: float = 3.0
    """Epochs in which the learning rate rises."""
    weight_decay: float = 0.02
    """Decoupled weight decay of AdamW."""
    kernels: Literal["muon", "adamw"] = "muon"
    """What updates the convolutions' kernels; "adamw" treats them as all other weights."""
    kernel_rate: float = 0.02
    """Highest learning rate of the convolutions' kernels, which Muon updates."""
    kernel_decay: float = 0.05
    """Decoupled weight decay of those kernels."""
    label_smoothing: float = 0.1
    """Probability mass spread over all classes."""
    is_compiled: bool = True
    """Whether XLA compiles a step: it takes half a minute and then half the time."""
    ema: float = 0.99
    """Momentum of the moving average of the weights, which is what is kept."""
    batches: BatchSettings = field(default_factory=BatchSettings)
    """What an epoch consists of."""
    augment: FeatureAugment = field(default_factory=FeatureAugment)
    """How windows vary."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """Size of the network."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainedNetwork:
    """A trained network."""

    model: keras.Model
    """From MFCCs to probabilities."""
    mean: NDArray[np.float32]
    """float32, shape (n_mfcc,): what the graph subtracts."""
    std: NDArray[np.float32]
    """float32, shape (n_mfcc,): what the graph divides by."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingMonitor:
    """How somebody follows the training, and takes it up again where it was interrupted."""

    callbacks: Sequence[keras.callbacks.Callback] = ()
    """Told of each epoch; one of them may put back weights and optimizer when training begins."""
    metrics: Sequence[keras.metrics.Metric] = ()
    """Computed over training windows as they are shown, and over those of ``validation``."""
    validation: Dataset | None = None
    """Held-out clips that Keras computes loss and metrics of after each epoch."""
    n_done: int = 0
    """Epochs that an earlier run has finished; their batches are drawn and passed over."""
    is_eager: bool = False
    """Whether no graph is built, which takes longer than a handful of batches."""


def learn(
    dataset: Dataset,
    windows: WindowSettings,
    settings: LearnSettings,
    *,
    seed: int,
    watch: TrainingMonitor,
) -> TrainedNetwork:
    """Train a network.

    The same seed gives the same weights on the same machine with the same libraries; another processor
    or number of threads may round otherwise.

    Args:
        dataset: training actors only.
        windows: what the input is.
        settings: how to learn.
        seed: seeds the weights, the order and the variations.
        watch: follows the training.
    """
    keras.utils.clear_session()  # or layers' names, and so the file, would depend on earlier folds
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
        is_trained=True,
    )
    maker = BatchMaker(
        dataset, windows.feature_set, settings.n_frames, settings.batches, settings.augment, mean
    )
    _compile(model, settings, maker.n_batches, watch)
    # TensorFlow never lets go of a generator: closed, it at least lets go of the windows.
    with closing(maker.batches(np.random.default_rng(seed))) as batches:
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
    """Give a model what it learns by: optimizer, loss, and the metrics of the watch."""
    model.compile(
        optimizer=_optimizer(settings, n_batches),
        loss=MaskedCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=watch.metrics or None,
        run_eagerly=watch.is_eager,
        jit_compile=settings.is_compiled and not watch.is_eager,
    )


def _optimizer(settings: LearnSettings, n_batches: int) -> keras.optimizers.Optimizer:
    """Muon or AdamW with warm-up and cosine; their weight average replaces the weights at the end."""
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
        # Keras takes the rate of all weights, and the decay of all, from that of Muon's.
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
    """Inputs and one-hot targets of held-out clips; None where there is no window."""
    if dataset is None:
        return None
    inputs, labels = plain_windows(dataset, settings.n_frames, padding)
    return (inputs, np.eye(n_outputs, dtype=np.float32)[labels]) if len(labels) else None
