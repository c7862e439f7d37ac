"""The training loop: what it draws comes from the seed, and it lets go of what it trained on."""

import gc
import weakref

import keras
import numpy as np
import pytest
from made_corpora import made_clip
from train_helpers import window_settings

from serd.model.labels import EMOTIONS
from train.features.dataset import ClipWindows, Dataset
from train.model.learning import LearnSettings, TrainedNetwork, TrainingMonitor, train_network
from train.model.network import NetworkSettings

SMALL = LearnSettings(
    epochs=1,
    n_frames=100,
    is_compiled=False,
    network=NetworkSettings(stem_channels=8, channels=8, dilations=(1,), attention_channels=4),
)


def made_dataset() -> Dataset:
    """A clip of each emotion, of noise."""
    rng = np.random.default_rng(0)
    clips = tuple(made_clip(f"03-01-0{emotion}-01-01-01-01") for emotion in range(1, 9))
    return Dataset(
        clips=clips,
        copies=tuple(
            ClipWindows(clip=index, copy=0, frames=(rng.standard_normal((110, 40)).astype(np.float16),))
            for index in range(len(clips))
        ),
        left_out={},
    )


def learnt(dataset: Dataset, seed: int = 0, teacher: keras.Model | None = None) -> TrainedNetwork:
    """A small network after one epoch."""
    return train_network(
        dataset,
        window_settings(),
        SMALL,
        seed=seed,
        watch=TrainingMonitor(is_eager=True),
        teacher=teacher,
    )


@pytest.mark.parametrize("seed", [0, 1])
def test_the_seed_decides_the_weights(seed: int) -> None:
    """The same twice, and others with another seed."""
    dataset = made_dataset()
    first = learnt(dataset).model.get_weights()
    again = learnt(dataset, seed).model.get_weights()
    assert all(map(np.array_equal, first, again)) == (seed == 0)


def test_a_teacher_is_heard() -> None:
    """One that always says "sad" makes the network sadder than the labels alone do."""
    inputs = keras.Input((SMALL.n_frames, 40))
    logits = keras.layers.Dense(8, kernel_initializer="zeros", bias_initializer="zeros")
    outputs = keras.layers.Softmax()(logits(keras.layers.GlobalAveragePooling1D()(inputs)))
    teacher = keras.Model(inputs, outputs)
    logits.set_weights([np.zeros((40, 8)), 20.0 * np.eye(8)[EMOTIONS.index("sad")]])
    dataset = made_dataset()
    windows = np.array([each.frames[0] for each in dataset.copies], np.float32)
    windows = np.pad(windows, ((0, 0), (0, 298 - windows.shape[1]), (0, 0)), mode="wrap")
    alone, taught = (
        learnt(dataset, teacher=each).model.predict(windows, verbose=0)[:, EMOTIONS.index("sad")].mean()
        for each in (None, teacher)
    )
    assert taught > alone


def test_windows_are_let_go_of() -> None:
    """Of a network that has learnt, weights alone stay in memory, however many learn in turn."""
    dataset = made_dataset()
    frames = weakref.ref(dataset.copies[0].frames[0])
    kept = learnt(dataset)
    del dataset
    gc.collect()
    assert frames() is None
    assert kept.mean.shape == (40,)
