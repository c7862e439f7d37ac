"""Loads a model and runs its network with a TFLite runtime, behind a small protocol."""

import contextlib
import importlib
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from serd.audio.paths import expanded
from serd.errors import LibraryError, ModelError
from serd.model.card import ModelCard
from serd.model.file import BUNDLED_MODELS, bundled_model_path, named_model_path, read_model
from serd.model.front_end import Features
from serd.model.windows import FeatureWindow, amplified

RUNTIMES: Final = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")
"""Modules of the runtimes, in order of preference: LiteRT, that of 32-bit boards, that of TensorFlow."""

_MIN_PROBABILITY: Final = np.float32(1e-9)
"""Lower bound of each emotion's output, so that they can be normalized when no speech is certain."""

_redirecting = threading.RLock()
"""Held while standard error is redirected."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """The model."""

    path: str = ""
    """A bundled model: "tiny", the smallest, or "default" (or empty), the most accurate; the name of a
    model in the folder models of the state folder, without its ".tflite"; or a .tflite file. The card is
    inside the file or beside it. A file without a suffix is given as ./tiny."""
    threads: int = 1
    """Threads of the TFLite runtime, 1 to 64; one is fastest for a network this small."""
    no_speech_threshold: float = 0.0
    """Probability of no speech at which sound is rejected, above 0, up to 1; 0 for the threshold of the
    model's card, 0.1 in the bundled models. A higher threshold rejects fewer voices and more often
    accepts noise as speech."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, expected values) for each bad value."""
        if not 1 <= self.threads <= 64:
            yield "threads", "1 to 64"
        if not 0.0 <= self.no_speech_threshold <= 1.0:
            yield "no_speech_threshold", "0 to 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The network's output for one window."""

    probabilities: NDArray[np.float32]
    """float32, shape (n_labels,), in the card's order; sums to 1. Conditional on speech."""
    no_speech: float = 0.0
    """Probability of no speech; 0 from a network without that output."""


class EmotionModel(Protocol):
    """A model that computes class probabilities for windows of features."""

    @property
    def card(self) -> ModelCard:
        """Card of the model."""
        ...

    def predict(self, window: FeatureWindow, /) -> Prediction:
        """Return the probabilities for one window."""
        ...


def model_path(settings: ModelSettings, environment: Mapping[str, str] = os.environ) -> Path:
    """Return the path of the model that the settings name.

    Args:
        settings: the settings.
        environment: variables, which name the state folder.

    Raises:
        ModelError: a name, without "/" and without a suffix, is that of no model.
    """
    if not settings.path or settings.path in BUNDLED_MODELS:
        return bundled_model_path(settings.path or "default")
    return named_model_path(settings.path, environment) or expanded(settings.path)


class TfliteModel:
    """A network in a TFLite interpreter, checked against its card."""

    def __init__(self, path: Path, *, threads: int = 1, no_speech_threshold: float = 0.0) -> None:
        """Load the network.

        Args:
            path: the model file.
            threads: number of threads of the runtime.
            no_speech_threshold: replaces that of the card; 0 for that of the card.

        Raises:
            ModelError: the file is broken, the card does not match the network, or a threshold is given
                for a network without an output of no speech.
            LibraryError: no TFLite runtime is installed.
        """
        network, card = read_model(path)
        if no_speech_threshold:
            card = _with_threshold(path, card, no_speech_threshold)
        self.card = card
        self.runtime, interpreter_class = _load_runtime()
        try:
            with quiet_stderr():  # a banner ("INFO: Created ...") that has no switch
                self._interpreter = interpreter_class(model_content=network, num_threads=threads)
                self._interpreter.allocate_tensors()
            (inputs,) = self._interpreter.get_input_details()
            (outputs,) = self._interpreter.get_output_details()
        except (RuntimeError, ValueError) as exc:
            reason = str(exc).splitlines()[0]
            raise ModelError(f"{path}: {self.runtime} does not load the network: {reason}") from exc
        _check_tensor(path, "input", inputs, (1, card.n_frames, card.feature_set.n_features))
        _check_tensor(path, "output", outputs, (1, len(card.outputs)))
        self._input = inputs["index"]
        self._output = outputs["index"]

    def predict(self, window: FeatureWindow) -> Prediction:
        """Return the probabilities for one window."""
        outputs = self.outputs(amplified(window.features, self.card.min_log_energy))
        if self.card.no_speech_threshold is None:
            return Prediction(probabilities=outputs)
        emotions = np.maximum(outputs[:-1], _MIN_PROBABILITY)
        return Prediction(
            probabilities=emotions / emotions.sum(),
            no_speech=float(outputs[-1]),
        )

    def outputs(self, features: Features) -> NDArray[np.float32]:
        """Run the network on one window.

        Args:
            features: float32, shape (n_frames, n_features).

        Returns:
            float32, shape (n_outputs,), sums to 1: the probability of each label and, if the network has
            that output, of no speech at the end.
        """
        self._interpreter.set_tensor(self._input, features[np.newaxis])
        self._interpreter.invoke()
        outputs: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return outputs


def _with_threshold(path: Path, card: ModelCard, no_speech_threshold: float) -> ModelCard:
    if card.no_speech_threshold is None:
        raise ModelError(
            f"{path}: the settings have [model] no_speech_threshold = {no_speech_threshold:g}, but this"
            " network has no output for it; remove the setting"
        )
    return replace(card, no_speech_threshold=no_speech_threshold)


def _check_tensor(path: Path, which: str, tensor: dict[str, Any], shape: tuple[int, ...]) -> None:
    got = tuple(int(size) for size in tensor["shape"])
    if got != shape or tensor["dtype"] is not np.float32:
        dtype = np.dtype(tensor["dtype"]).name
        raise ModelError(
            f"{path}: the network's {which} is {dtype} {got}, its card expects float32 {shape}"
        )


def _load_runtime() -> tuple[str, Any]:
    """Import the first available TFLite runtime; returns its name with version, and its Interpreter."""
    failures = []
    for module_name in RUNTIMES:
        package = module_name.partition(".")[0]
        try:
            interpreter_class = importlib.import_module(module_name).Interpreter
        except ImportError as exc:
            failures.append(f"{package}: {exc}")
            continue
        version = getattr(importlib.import_module(package), "__version__", "")
        return f"{package} {version}".strip(), interpreter_class
    raise LibraryError(f"no TFLite runtime loads ({'; '.join(failures)}): pip install ai-edge-litert")


def load_model(settings: ModelSettings) -> TfliteModel:
    """Load the model that the settings name.

    Raises:
        ModelError: as ``TfliteModel``.
        LibraryError: as ``TfliteModel``.
    """
    return TfliteModel(
        model_path(settings),
        threads=settings.threads,
        no_speech_threshold=settings.no_speech_threshold,
    )


def read_card(settings: ModelSettings) -> ModelCard:
    """Read the card of the model that the settings name, without a TFLite runtime.

    Raises:
        ModelError: as ``read_model``.
    """
    return read_model(model_path(settings))[1]


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Discard the output of C libraries on standard error, of the whole process.

    Threads take turns, or one would restore what another has redirected.
    """
    with _redirecting:
        saved = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            yield
        finally:
            os.dup2(saved, 2)
            os.close(null)
            os.close(saved)
