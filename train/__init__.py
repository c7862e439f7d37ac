"""Training for serd: a folder of labelled clips in, a TFLite model with its card out.

Sound goes through the daemon's own segmenter and features, so that what the network learns from is
what it will be given.
"""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # TensorFlow reads it once, on import
os.environ.setdefault("KERAS_BACKEND", "tensorflow")
