"""Operations and parameters are those that a person would count."""

import keras
import numpy as np
import pytest
from keras import layers

from serd.model.file import default_model_path, read_model
from train.model.conversion import to_tflite
from train.model.graph import read_graph


def test_the_served_network_costs_what_its_layers_cost() -> None:
    """Convolutions, gates, attention and output layer, by the sizes in its card's recipe."""
    network, card = read_model(default_model_path())
    size = card.training["recipe"]["learn"]["network"]
    stem, wide, hidden = size["stem_channels"], size["channels"], size["attention_channels"]
    n_blocks, gate, n_labels = len(size["dilations"]), size["channels"] // 8, len(card.outputs)
    graph = read_graph(network)
    n_members = card.training["recipe"]["members"]
    assert graph.macs == n_members * (
        149 * stem * 5 * 40
        + 75 * wide * 3 * stem
        + n_blocks * (2 * 75 * wide * 3 * wide + 2 * wide * gate)
        + 2 * 75 * wide * hidden
        + 2 * wide * n_labels
    )
    # Batch normalization is folded into weights and biases: of four numbers a channel one is left. Keras
    # counts no normalization of the input, and no constant that keeps a square root finite or divides
    # the members' sum.
    n_folded = n_members * 3 * (stem + wide + n_blocks * 2 * wide)
    n_constants = 1 + (n_members > 1)
    assert graph.n_parameters == card.training["parameters"] - n_folded + 2 * 40 + n_constants
    assert {each.is_custom for each in graph.operators} == {False}
    assert not graph.has_loops


@pytest.mark.parametrize(
    ("layer", "macs"),
    [
        (layers.Conv1D(5, 3, padding="valid", strides=2), 9 * 5 * 3 * 6),
        (layers.DepthwiseConv1D(3, padding="same"), 20 * 6 * 3),
        (layers.Dense(7), 20 * 6 * 7),
        (layers.Dot(axes=(2, 2)), 20 * 20 * 6),
        (layers.MaxPooling1D(2), 0),
    ],
)
def test_each_product_is_counted(layer: keras.Layer, macs: int) -> None:
    """Elements written times the multiplications for each; pooling multiplies nothing."""
    inputs = keras.Input((20, 6))
    outputs = layer([inputs, inputs]) if isinstance(layer, layers.Dot) else layer(inputs)
    model = keras.Model(inputs, outputs)
    rng = np.random.default_rng(0)
    model.set_weights([rng.standard_normal(weights.shape) for weights in model.get_weights()])
    graph = read_graph(to_tflite(model))
    assert graph.macs == macs
    assert graph.n_parameters == model.count_params()
