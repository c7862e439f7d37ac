"""The alternatives to serd, each on the windows that serd cuts.

The cost of finding speech is counted for serd alone. A peer with LiteRT runs serd's network; the one
with Keras runs the article's, untrained, since the weights do not change its run time.
"""

import io
import os
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.candidates import Run
from bench.pipelines import windows_of
from serd.audio.files import read_samples
from serd.audio.format import FULL_SCALE, SAMPLE_RATE_HZ, Samples
from serd.model.mfcc import MFCC40_V1

WINDOW_SAMPLES: Final = 48_000
_ARTICLE_FRAMES: Final = 216
"""Frames of the article's input: 2.5 s of sound."""
_ARTICLE_SAMPLES: Final = 40_000
_ARTICLE_LABELS: Final = 10

Process = Callable[[Samples], Any]
"""Processes one window: int16, shape (n_samples,)."""


class Peer:
    """An alternative, called for each window."""

    def __init__(self, process: Process) -> None:
        self.process = process

    def prepare(self, scene: Samples) -> Run:
        """Cut the windows for the peer, ahead of the clock."""
        windows = [window.samples for window in windows_of(scene, WINDOW_SAMPLES)]

        def run() -> int:
            for samples in windows:
                self.process(samples)
            return len(windows)

        return run


def make(name: str) -> Peer:
    """A peer by name.

    Raises:
        ImportError: a package that it needs is not installed.
    """
    made = {"psf-litert": _psf_litert, "librosa-keras": _librosa_keras, "opensmile": _opensmile}
    return Peer(made[name]())


def _psf_litert() -> Process:
    """python_speech_features with serd's parameters, then serd's network in LiteRT."""
    import python_speech_features as psf  # noqa: PLC0415
    from ai_edge_litert.interpreter import Interpreter  # noqa: PLC0415

    from serd.model.file import default_model_path, read_model  # noqa: PLC0415
    from serd.model.runtime import quiet_stderr  # noqa: PLC0415

    network, card = read_model(default_model_path())
    with quiet_stderr():
        interpreter = Interpreter(model_content=network, num_threads=1)
        interpreter.allocate_tensors()
    inputs = interpreter.get_input_details()[0]["index"]
    outputs = interpreter.get_output_details()[0]["index"]
    front_end = MFCC40_V1

    def process(samples: Samples) -> NDArray[np.float32]:
        mfccs = psf.mfcc(
            samples,
            SAMPLE_RATE_HZ,
            winlen=front_end.frame_length_samples / SAMPLE_RATE_HZ,
            winstep=front_end.frame_hop_samples / SAMPLE_RATE_HZ,
            numcep=front_end.n_mfcc,
            nfilt=front_end.n_filters,
            nfft=front_end.n_fft,
            preemph=front_end.preemphasis,
            ceplifter=front_end.lifter,
            winfunc=np.hamming,
        )
        filled = mfccs[np.arange(card.n_frames) % len(mfccs)]
        interpreter.set_tensor(inputs, filled[np.newaxis].astype(np.float32))
        interpreter.invoke()
        probabilities: NDArray[np.float32] = interpreter.get_tensor(outputs)[0]
        return probabilities

    return process


def _librosa_keras() -> Process:
    """The article's method: librosa's MFCCs averaged over the coefficients, then Keras' predict."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import librosa  # noqa: PLC0415
    import tensorflow as tf  # noqa: PLC0415

    from train.article.networks import build_article_network  # noqa: PLC0415

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    network = build_article_network("baseline", n_frames=_ARTICLE_FRAMES, n_labels=_ARTICLE_LABELS)

    def process(samples: Samples) -> NDArray[np.float32]:
        sound = samples[:_ARTICLE_SAMPLES].astype(np.float32) / FULL_SCALE
        mfccs = librosa.feature.mfcc(
            y=sound, sr=SAMPLE_RATE_HZ, n_mfcc=13, n_fft=1024, hop_length=186, win_length=743
        )
        means = np.resize(mfccs.mean(axis=0), _ARTICLE_FRAMES)
        with redirect_stdout(io.StringIO()):
            probabilities: NDArray[np.float32] = network.predict(means[np.newaxis, :, np.newaxis])[0]
        return probabilities

    return process


def _opensmile() -> Process:
    """The eGeMAPSv02 functionals of each window, without a network."""
    import opensmile  # noqa: PLC0415

    extractor = opensmile.Smile(
        feature_set=opensmile.FeatureSet.eGeMAPSv02,
        feature_level=opensmile.FeatureLevel.Functionals,
        num_workers=1,
    )

    def process(samples: Samples) -> object:
        return extractor.process_signal(samples.astype(np.float32) / FULL_SCALE, SAMPLE_RATE_HZ)

    return process


def main(name: str, path: Path) -> None:
    """Run a peer over a file: ``python -m bench.peers NAME FILE``.

    Prints nothing, or the reason why the peer cannot run.
    """
    try:
        peer = make(name)
    except ImportError as exc:
        print(f"{exc}")
        return
    for window in windows_of(read_samples(path), WINDOW_SAMPLES):
        peer.process(window.samples)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
