"""The TFLite runtime behind one small protocol, and the settings that name a model."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from serd.errors import LibraryError, ModelError
from serd.model.card import ModelCard
from serd.model.file import BUNDLED_MODELS, bundled_model_path, read_model
from serd.model.front_end import Features
from serd.model.windows import FeatureWindow

RUNTIMES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")
"""Tried in this order: the living runtime, the one of 32-bit boards, the one that is always with TF."""

_LEAST_PROBABILITY = np.float32(1e-9)
"""Keeps the emotions' shares defined where a network is certain that nobody speaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelSettings:
    """Which model listens."""

    path: str = ""
    """The .tflite file with its card inside or beside it, or "tiny": the smallest that comes with serd.
    Empty, or "default": the best that does. A file of such a name is given as ./tiny."""
    threads: int = 1
    """Threads of the TFLite runtime, 1 to 64; one is fastest for a network this small."""
    no_speech_threshold: float = 0.0
    """Probability that nobody speaks from which on sound is rejected, above 0, at most 1; 0 for the
    model's own, 0.1 in those that come with serd. Higher where voices are taken for noise, which lets
    more noise pass for a voice."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not 1 <= self.threads <= 64:
            yield "threads", "1 to 64"
        if not 0.0 <= self.no_speech_threshold <= 1.0:
            yield "no_speech_threshold", "0 to 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """What the network says of one window."""

    probabilities: NDArray[np.float32]
    """float32, shape (n_labels,), in the card's order; sums to 1. What they are if somebody speaks."""
    no_speech: float = 0.0
    """Probability that nobody speaks; 0 from a network that does not judge it."""


class EmotionModel(Protocol):
    """Anything that gives class probabilities for windows of features."""

    @property
    def card(self) -> ModelCard:
        """What the model takes and gives."""
        ...

    def predict(self, window: FeatureWindow, /) -> Prediction:
        """Probabilities for one window."""
        ...


def model_path(settings: ModelSettings) -> Path:
    """The model file that the settings name."""
    if not settings.path or settings.path in BUNDLED_MODELS:
        return bundled_model_path(settings.path or "default")
    return Path(settings.path).expanduser()


class TfliteModel:
    """A network in a TFLite interpreter, checked against its card."""

    def __init__(self, path: Path, *, threads: int = 1, no_speech_threshold: float = 0.0) -> None:
        """Load the network and make it ready.

        Args:
            path: the model file.
            threads: of the runtime.
            no_speech_threshold: takes the place of the card's; 0 for that.

        Raises:
            ModelError: the file is broken, the card does not fit the network, or a threshold is given
                for what the network does not judge.
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
        """Probabilities for one window."""
        outputs = self.outputs(window.features)
        if self.card.no_speech_threshold is None:
            return Prediction(probabilities=outputs)
        emotions = np.maximum(outputs[:-1], _LEAST_PROBABILITY)
        return Prediction(
            probabilities=emotions / emotions.sum(),
            no_speech=float(outputs[-1]),
        )

    def outputs(self, features: Features) -> NDArray[np.float32]:
        """Run the network.

        Args:
            features: float32, shape (n_frames, n_features).

        Returns:
            float32, shape (n_outputs,), as the card says: a probability for each label and, where the
            network judges it, one that nobody speaks behind them. They sum to 1.
        """
        self._interpreter.set_tensor(self._input, features[np.newaxis])
        self._interpreter.invoke()
        outputs: NDArray[np.float32] = self._interpreter.get_tensor(self._output)[0]
        return outputs


def _with_threshold(path: Path, card: ModelCard, no_speech_threshold: float) -> ModelCard:
    if card.no_speech_threshold is None:
        raise ModelError(
            f"{path}: the settings have [model] no_speech_threshold = {no_speech_threshold:g}, but this"
            " network does not judge whether somebody speaks; take the setting out"
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
    """The first TFLite runtime that imports: its name with version, and its Interpreter class."""
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
    """The model that the settings name, ready to predict.

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
    """The card of the model that the settings name; needs no TFLite runtime.

    Raises:
        ModelError: as ``read_model``.
    """
    return read_model(model_path(settings))[1]


@contextlib.contextmanager
def quiet_stderr() -> Iterator[None]:
    """Send what C libraries print on standard error to /dev/null for a while, for this whole process."""
    saved = os.dup(2)
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(saved, 2)
        os.close(null)
        os.close(saved)
