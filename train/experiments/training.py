"""Trains the network of an experiment on its training clips, and asks it about the test clips."""

import keras
import tensorflow as tf

from train.experiments.learn_article import train_article
from train.experiments.learn_own import train_own
from train.experiments.learning import Outcome, Training

__all__ = ["Outcome", "Training", "train"]


def train(training: Training) -> Outcome:
    """Train, or go on where an earlier run was interrupted.

    The same seed gives the same figures on the same machine with the same libraries and number of
    threads, whether interrupted or not.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(training.seed)
    tf.config.experimental.enable_op_determinism()
    return train_own(training) if training.experiment.network.kind == "own" else train_article(training)
