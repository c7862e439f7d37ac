"""The article's networks are those that it describes."""

import keras
import numpy as np
import pytest

from train.article.networks import ArticleNetwork, build_article_network


def _count(model: keras.Model, kind: type) -> int:
    return sum(isinstance(layer, kind) for layer in model.layers)


def test_the_baseline_has_six_convolutions_and_one_dense_layer() -> None:
    """It has one pooling, and the first convolution 256 filters over five frames."""
    model = build_article_network("baseline", n_frames=216, n_labels=10)
    assert _count(model, keras.layers.Conv1D) == 6
    assert _count(model, keras.layers.Dense) == 1
    assert _count(model, keras.layers.MaxPooling1D) == 1
    first = model.layers[0]
    assert (first.filters, first.kernel_size) == (256, (5,))


def test_the_rework_adds_what_the_article_names() -> None:
    """Eight convolutions, two poolings, two normalizations, and dropout of a quarter."""
    model = build_article_network("reworked", n_frames=216, n_labels=5)
    assert _count(model, keras.layers.Conv1D) == 8
    assert _count(model, keras.layers.MaxPooling1D) == 2
    assert _count(model, keras.layers.BatchNormalization) == 2
    rates = {layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == {0.25}


@pytest.mark.parametrize("kind", ["baseline", "reworked", "recurrent"])
@pytest.mark.parametrize(("n_frames", "n_labels"), [(216, 2), (448, 10)])
def test_each_gives_probabilities(kind: ArticleNetwork, n_frames: int, n_labels: int) -> None:
    """One for each class, summing to 1, with either length of input."""
    model = build_article_network(kind, n_frames=n_frames, n_labels=n_labels)
    inputs = np.random.default_rng(0).normal(2.0, 3.5, (3, n_frames, 1)).astype(np.float32)
    outputs = np.asarray(model(inputs))
    assert outputs.shape == (3, n_labels)
    assert np.allclose(outputs.sum(axis=1), 1.0, atol=1e-5)


def test_the_recurrent_network_is_recurrent() -> None:
    """It has two GRU layers."""
    model = build_article_network("recurrent", n_frames=216, n_labels=5)
    assert _count(model, keras.layers.GRU) == 2
