"""From a Keras model to a TFLite file with its card inside, and the card beside it."""

import hashlib
import tempfile
from functools import partial
from pathlib import Path

import keras
import tensorflow as tf

from serd.card import ModelCard
from serd.runtime import card_path, pack_model


def to_tflite(model: keras.Model) -> bytes:
    """A float32 flatbuffer of a Keras model, for one window at a time.

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
        network: bytes = tf.lite.TFLiteConverter.from_saved_model(folder).convert()
    return network


def network_sha256(network: bytes) -> str:
    """The checksum that a card names its network by."""
    return hashlib.sha256(network).hexdigest()


def write_model(path: Path, network: bytes, card: ModelCard) -> None:
    """Write the model with its card inside, and the same card beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pack_model(network, card))
    card_path(path).write_text(card.to_json(), "utf-8")
