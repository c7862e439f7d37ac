"""What is int8 and what stays float32 follows from the graph's order alone."""

import keras
import numpy as np
from ai_edge_litert.interpreter import Interpreter
from keras import layers
from numpy.typing import NDArray

from train.model.conversion import convert, float_operators, to_int8
from train.model.graph import read_graph


def test_products_over_frames_are_int8_and_those_of_one_vector_float() -> None:
    """Convolutions and the pooling between them; the layer behind the flattening stays as it is."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((40, 6))
    x = layers.Conv1D(8, 5, activation="relu")(inputs)
    x = layers.Conv1D(8, 5, activation="relu")(layers.MaxPooling1D(2)(x))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(layers.Flatten()(x)))
    windows = np.random.default_rng(0).standard_normal((30, 40, 6)).astype(np.float32)
    networks = convert(model, windows)
    in_int8 = [each.name for each in read_graph(networks["int8"]).operators if not each.is_float]
    assert [name for name in in_int8 if name in {"CONV_2D", "MAX_POOL_2D"}] == [
        "CONV_2D",
        "MAX_POOL_2D",
        "CONV_2D",
    ]
    assert float_operators(networks["int8"]) == ["FULLY_CONNECTED", "SOFTMAX"]
    assert float_operators(networks["float32"]) == ["CONV_2D", "FULLY_CONNECTED", "SOFTMAX"]


def test_a_network_without_names_is_smaller_and_says_the_same() -> None:
    """Names are no part of what a runtime computes."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((40, 6))
    x = layers.GlobalAveragePooling1D()(layers.Conv1D(8, 5, activation="relu")(inputs))
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(x))
    windows = np.random.default_rng(0).standard_normal((30, 40, 6)).astype(np.float32)
    named, nameless = convert(model, windows)["int8"], to_int8(model, windows)
    assert len(nameless) < 0.9 * len(named)
    assert b"conv1d" in named
    assert b"conv1d" not in nameless
    for window in windows[:5]:
        assert np.array_equal(_said(named, window), _said(nameless, window))


def _said(network: bytes, window: NDArray[np.float32]) -> NDArray[np.float32]:
    interpreter = Interpreter(model_content=network)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[np.newaxis])
    interpreter.invoke()
    output: NDArray[np.float32] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output
