"""From a Keras model to a TFLite file with its card inside, and the card beside it."""

import contextlib
import hashlib
import tempfile
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from serd.model.card import ModelCard
from serd.model.file import card_path, pack_model
from train.files import write_whole


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
    """A folder with the model as the TFLite converter takes it, for one window at a time.

    Args:
        model: one input and one output.
    """
    _, *shape = model.input_shape
    archive = keras.export.ExportArchive()
    archive.track(model)
    # A fixed batch of 1 lets the converter fold shapes and dilations that it would compute at run time.
    signature = [tf.TensorSpec((1, *shape), tf.float32, name="mfcc")]
    archive.add_endpoint("serve", partial(model, training=False), input_signature=signature)
    with tempfile.TemporaryDirectory() as folder:
        archive.write_out(folder, verbose=False)
        yield Path(folder)


def to_keras(model: keras.Model) -> bytes:
    """A Keras model as the archive that ``keras.saving.load_model`` reads, without its optimizer."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Keras hands NumPy what it will not take
        path = Path(folder) / "model.keras"
        # A second model over the same layers was never compiled: no moments and averages of the weights.
        keras.Model(model.inputs, model.outputs).save(path)
        return path.read_bytes()


def network_sha256(network: bytes) -> str:
    """The checksum that a card names its network by."""
    return hashlib.sha256(network).hexdigest()


def write_model(path: Path, network: bytes, card: ModelCard) -> None:
    """Write the model with its card inside, and the same card beside it."""
    write_whole(path, pack_model(network, card))
    write_whole(card_path(path), card.to_json().encode())
