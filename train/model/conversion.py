"""A Keras model as a TFLite file with its card, in float32, dynamic range and int8.

How the int8 graph is divided, and why, is in docs/decisions/0006-int8.md. Its arithmetic: B. Jacob et
al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference",
CVPR 2018.
"""

import contextlib
import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow.lite.python.convert_phase import ConverterError
from tensorflow.lite.tools import flatbuffer_utils

from serd.model.card import ModelCard
from serd.model.file import card_path, pack_model
from serd.model.runtime import quiet_stderr
from train.data.files import write_whole
from train.model.agreement import Precision
from train.model.checkpoint import CheckpointError
from train.model.graph import MOVES, PRODUCTS, Graph, read_graph

_ROUND_OR_MOVE: Final = MOVES | {"CONCATENATION", "QUANTIZE"}
"""Operators without arithmetic."""


def to_tflite(model: keras.Model) -> bytes:
    """A float32 flatbuffer of a Keras model, for one window at a time.

    Args:
        model: one input and one output.
    """
    with saved_model(model) as folder:
        network: bytes = tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert()
    return network


@contextlib.contextmanager
def saved_model(model: keras.Model) -> Iterator[Path]:
    """A folder with the SavedModel of a Keras model, for one window at a time.

    Args:
        model: one input and one output.
    """
    _, *shape = model.input_shape
    archive = keras.export.ExportArchive()
    archive.track(model)
    # A fixed batch of 1 lets the converter fold shapes and dilations.
    signature = [tf.TensorSpec((1, *shape), tf.float32, name="mfcc")]
    archive.add_endpoint("serve", partial(model, training=False), input_signature=signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        yield Path(folder)


def to_keras(model: keras.Model) -> bytes:
    """The archive of a Keras model, without its optimizer."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy, caused by Keras
        path = Path(folder) / "model.keras"
        # A second model over the same layers is not compiled, so it has no optimizer state.
        keras.Model(model.inputs, model.outputs).save(path)
        return path.read_bytes()


def network_sha256(network: bytes) -> str:
    """The checksum of a network in its card."""
    return hashlib.sha256(network).hexdigest()


def write_model(path: Path, network: bytes, card: ModelCard) -> None:
    """Write the model with its card inside, and the card as a file of its own."""
    write_whole(path, pack_model(network, card))
    write_whole(card_path(path), card.to_json().encode())


def convert(model: keras.Model, windows: NDArray[np.float32]) -> dict[Precision, bytes]:
    """Flatbuffers of a Keras model, each with float32 input and output.

    Args:
        model: one input and one output.
        windows: float32, shape (n, n_frames, n_mfcc), for the ranges of int8 activations.

    Raises:
        CheckpointError: the graph needs operators that a TFLite runtime does not have, or runs in loops.
    """
    with _converting(model) as folder:
        float32 = _float32(folder)
        graph = read_graph(float32)
        if graph.has_loops:  # TensorFlow's calibration would end the process
            raise CheckpointError(
                "the network runs in loops, whose ranges TensorFlow cannot measure for int8; build its"
                " recurrent layers with unroll=True, or of convolutions"
            )
        return {
            "float32": float32,
            "dynamic": _dynamic(folder),
            "int8": _int8(folder, windows, float_tensors(graph)),
        }


def to_int8(model: keras.Model, windows: NDArray[np.float32]) -> bytes:
    """The int8 flatbuffer of a network without loops, as ``convert`` gives it, without tensor names."""
    with _converting(model) as folder:
        return without_names(_int8(folder, windows, float_tensors(read_graph(_float32(folder)))))


def without_names(network: bytes) -> bytes:
    """The network without the names of its tensors, which no runtime needs."""
    graph = flatbuffer_utils.convert_bytearray_to_object(bytearray(network))
    flatbuffer_utils.strip_strings(graph)
    return bytes(flatbuffer_utils.convert_object_to_bytearray(graph))


@contextlib.contextmanager
def _converting(model: keras.Model) -> Iterator[Path]:
    """The SavedModel of a model, with the converter's messages suppressed."""
    with saved_model(model) as folder, warnings.catch_warnings(), quiet_stderr():
        # TensorFlow deprecates its own interpreter, which serd does not use.
        warnings.simplefilter("ignore", UserWarning)
        yield folder


def float_tensors(graph: Graph) -> list[str]:
    """Names of the tensors that stay float32 in the int8 graph.

    Matrix products over many frames, and operators that only move their results, are int8. All
    else is float32, as are products of a single vector.
    """
    in_int8: set[str] = set()
    for each in graph.operators:
        is_moved = each.name in MOVES and each.source in in_int8
        if is_moved or (each.name in PRODUCTS and each.n_rows > 1):
            in_int8.add(each.tensor)
    return [each.tensor for each in graph.operators if each.tensor not in in_int8]


def float_operators(network: bytes) -> list[str]:
    """Names of the operators of an int8 graph that compute in float32."""
    in_float = {each.name for each in read_graph(network).operators if each.is_float}
    return sorted(in_float - _ROUND_OR_MOVE)


def _float32(folder: Path) -> bytes:
    """A float32 flatbuffer; operators that TFLite lacks are refused by name."""
    try:
        network: bytes = _converter(folder).convert()
    except ConverterError as exc:
        names = _flex_operators(folder)
        if not names:
            reason = str(exc).strip().splitlines()[0]
            raise CheckpointError(
                f"TensorFlow does not convert the network to TFLite: {reason}"
            ) from exc
        raise CheckpointError(
            f"the network needs operators that no TFLite runtime has without TensorFlow beside it:"
            f" {', '.join(names)}; build it of others"
        ) from exc
    return network


def _flex_operators(folder: Path) -> list[str]:
    """Names of the operators that only TensorFlow has; none if the network does not convert."""
    converter = _converter(folder)
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    converter.allow_custom_ops = True
    try:
        graph = read_graph(converter.convert())
    except ConverterError:
        return []
    return sorted({each.name for each in graph.operators if each.is_custom})


def _dynamic(folder: Path) -> bytes:
    """A flatbuffer with int8 weights."""
    converter = _converter(folder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    network: bytes = converter.convert()
    return network


def _int8(folder: Path, windows: NDArray[np.float32], in_float: list[str]) -> bytes:
    """A flatbuffer with int8 weights and activations, except for some float32 tensors."""

    def representative() -> Iterator[list[NDArray[np.float32]]]:
        for window in windows:
            yield [window[np.newaxis]]

    converter = _converter(folder)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    # The converter quantizes all or nothing; its debugger takes a list of exceptions.
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=representative,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=in_float),
    )
    network: bytes = debugger.get_nondebug_quantized_model()
    return network


def _converter(folder: Path) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_saved_model(str(folder))
