"""The model card: what must travel with a network for its input and output to mean anything.

The same JSON lies beside the ``.tflite`` file and inside it, so that one file is enough. It names the
labels, the feature set with every parameter, the window, the normalisation that the graph holds, the
checksum of the network and where the network comes from.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from serd.audio.format import SAMPLE_RATE_HZ
from serd.errors import ModelError
from serd.model.front_end import FRONT_ENDS, FrontEnd
from serd.model.labels import NONE
from serd.model.windows import PADDINGS, Padding

CARD_SCHEMA = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """What a network was made for, and from what."""

    name: str
    """Name of the model, as events carry it."""
    version: str
    """Version of the model, as events carry it."""
    labels: tuple[str, ...]
    """Class of each output, in order."""
    feature_set: FrontEnd
    """Front end whose features the graph takes as they are."""
    window_s: float
    """Length of a full window, in seconds."""
    padding: Padding
    """How a window shorter than that is brought to full length."""
    mean: tuple[float, ...]
    """Mean of each feature over the training data; the graph subtracts it."""
    std: tuple[float, ...]
    """Standard deviation of each feature over the training data; the graph divides by it."""
    network_sha256: str
    """SHA-256 of the TFLite flatbuffer, without the card that is appended to it; 64 hex digits."""
    licence: str
    """Terms of the model, with the attribution that they ask for."""
    no_speech_threshold: float | None = None
    """Probability of the output behind those of the labels, "nobody speaks", from which on sound is
    rejected; above 0, at most 1. None where the network has no such output."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Provenance: data, actors, command, seed, epochs, versions, figures. Free-form JSON."""

    @property
    def window_samples(self) -> int:
        """Length of a full window, in samples."""
        return round(self.window_s * SAMPLE_RATE_HZ)

    @property
    def outputs(self) -> tuple[str, ...]:
        """What each output of the network stands for: the labels, and perhaps that nobody speaks."""
        return self.labels if self.no_speech_threshold is None else (*self.labels, NONE)

    @property
    def n_frames(self) -> int:
        """Frames in the network's input."""
        return self.feature_set.n_frames(self.window_samples)

    def rejects(self, no_speech: float) -> bool:
        """Whether a probability that nobody speaks means that no emotion is named."""
        return self.no_speech_threshold is not None and no_speech >= self.no_speech_threshold

    def to_json(self) -> str:
        """The card as indented JSON text, ending in a newline."""
        body: dict[str, Any] = {"schema": CARD_SCHEMA}
        body |= {each.name: getattr(self, each.name) for each in fields(self)}
        body["feature_set"] = dict(self.feature_set.parameters())
        if self.no_speech_threshold is None:
            del body["no_speech_threshold"]
        return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def card_from_json(text: str, where: str) -> ModelCard:
    """Read a card and check it against what this version of serd can compute.

    Args:
        text: the JSON text.
        where: what to call the card in an error message, its path as a rule.

    Raises:
        ModelError: no JSON, another schema, a key missing, an unknown feature set, or parameters that
            do not belong to the feature set's name.
    """
    try:
        body = json.loads(text)
    except ValueError as exc:
        raise ModelError(f"{where}: the model card is no JSON ({exc})") from exc
    if not isinstance(body, dict) or body.pop("schema", None) != CARD_SCHEMA:
        raise ModelError(f"{where}: expected a model card of schema {CARD_SCHEMA}")
    try:
        features = body.pop("feature_set")
        expected = FRONT_ENDS.get(features["name"])
        if expected is None:
            known = ", ".join(FRONT_ENDS)
            raise ModelError(
                f"{where}: unknown feature set {features['name']!r}, expected one of: {known}"
            )
        if features != dict(expected.parameters()):
            raise ModelError(
                f"{where}: the parameters of feature set {expected.name} are not those of its name:"
                f" got {_difference(features, expected.parameters())}"
            )
        for key in ("labels", "mean", "std"):
            body[key] = tuple(body[key])
        card = ModelCard(feature_set=expected, **body)
        _check(card, where)
    except (KeyError, TypeError) as exc:
        raise ModelError(f"{where}: the model card lacks a key or has a wrong one: {exc}") from exc
    return card


def _check(card: ModelCard, where: str) -> None:
    for text in (card.name, card.version, card.network_sha256, card.licence, *card.labels):
        if not isinstance(text, str):
            raise TypeError(f"got {text!r} where text was expected")
    n_features = card.feature_set.n_features
    if len(card.mean) != n_features or len(card.std) != n_features:
        raise ModelError(
            f"{where}: normalisation of {len(card.mean)} and {len(card.std)} coefficients,"
            f" expected {n_features}"
        )
    if len(card.labels) < 2 or len(set(card.labels)) != len(card.labels):
        raise ModelError(f"{where}: labels {list(card.labels)}, expected two or more distinct ones")
    hop_samples = card.feature_set.frame_hop_samples
    if not 0.5 <= card.window_s <= 30.0 or card.window_samples % hop_samples:
        raise ModelError(
            f"{where}: window_s is {card.window_s}, expected 0.5 to 30 seconds, a multiple of"
            f" {hop_samples / SAMPLE_RATE_HZ}"
        )
    if card.no_speech_threshold is not None and not 0.0 < card.no_speech_threshold <= 1.0:
        raise ModelError(
            f"{where}: no_speech_threshold is {card.no_speech_threshold}, expected a probability above 0"
        )
    if card.padding not in PADDINGS:
        raise ModelError(f"{where}: unknown padding {card.padding!r}, expected {list(PADDINGS)}")


def _difference(got: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} = {got.get(key)!r} (expected {expected.get(key)!r})"
        for key in sorted(got.keys() | expected.keys())
        if got.get(key) != expected.get(key)
    )
