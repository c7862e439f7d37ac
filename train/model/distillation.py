"""Targets that are partly the answers of a larger network, which is trained first.

G. Hinton et al., "Distilling the Knowledge in a Neural Network", NIPS Deep Learning Workshop, 2014,
https://arxiv.org/abs/1503.02531. The teacher sees the very windows of its student, copies and masks
included: L. Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022.
"""

from collections.abc import Generator
from contextlib import closing

import keras
import numpy as np
import tensorflow as tf

from train.model.batches import Batch


def distilled(
    batches: Generator[Batch, None, None], teacher: keras.Model, share: float
) -> Generator[Batch, None, None]:
    """Yield batches whose targets are partly the teacher's probabilities, without end.

    Args:
        batches: batches; all have as many windows as the first.
        teacher: network with the inputs and the labels of the batches.
        share: share of the teacher in each target; 0 to 1. Its probabilities are those of the classes
            that are labeled for a window.
    """

    @tf.function(jit_compile=True)  # type: ignore[untyped-decorator]
    def answer(inputs: tf.Tensor) -> tf.Tensor:
        return teacher(inputs, training=False)

    with closing(batches):
        for inputs, targets, weights in batches:
            is_labeled = targets >= 0.0
            taught = np.where(is_labeled, answer(inputs).numpy(), np.float32(0.0))
            taught /= taught.sum(axis=1, keepdims=True)
            mixed = (1.0 - share) * targets + share * taught
            yield inputs, np.where(is_labeled, mixed, targets).astype(np.float32), weights
