"""The model card: the description of a network's input, output and origin.

The same JSON is stored beside the ``.tflite`` file and inside it, so that one file is enough. It holds
the labels, the feature set with every parameter, the window, the normalization that the graph applies,
the checksum of the network and its provenance.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from serd.audio.format import SAMPLE_RATE_HZ
from serd.errors import ModelError
from serd.model.front_end import FRONT_ENDS, FrontEnd
from serd.model.labels import AROUSAL_WEIGHTS, NONE, VALENCE_WEIGHTS
from serd.model.naming import NamingRule, NamingScore
from serd.model.windows import PADDINGS, Padding

CARD_SCHEMA: Final = 1
MAX_CARD_BYTES: Final = 1_000_000
_MAX_LEVELS: Final = 20
"""Most levels of nested JSON in a card."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelCard:
    """The description of a network's input, output and origin."""

    name: str
    """Name of the model, as events carry it."""
    version: str
    """Version of the model, as events carry it."""
    labels: tuple[str, ...]
    """Class of each output, in order."""
    feature_set: FrontEnd
    """Front end that computes the input features."""
    window_s: float
    """Length of a full window, in seconds."""
    padding: Padding
    """Padding of a window shorter than that."""
    mean: tuple[float, ...]
    """Mean of each feature over the training data; the graph subtracts it."""
    std: tuple[float, ...]
    """Standard deviation of each feature over the training data; the graph divides by it."""
    network_sha256: str
    """SHA-256 of the TFLite flatbuffer, without the card that is appended to it; 64 hex digits."""
    licence: str
    """Terms of the model, with the required attribution."""
    no_speech_threshold: float | None = None
    """Probability of the last output, "no speech", at which a window is rejected; above 0, up to 1.
    None for a network without that output."""
    min_log_energy: float | None = None
    """Mean of the first feature, a frame's log energy, to which a fainter window is amplified in front
    of the network; None to leave windows as they are."""
    thresholds: Mapping[str, float] = field(default_factory=dict)
    """Probability of each label below which the emotion is "uncertain", 0 to 1; ``DEFAULT_THRESHOLD``
    of ``serd.model.naming`` for a label that is not in it."""
    naming: Mapping[str, NamingScore] = field(default_factory=dict)
    """Second test of a label: the naming score that it must also reach."""
    valence_weights: Mapping[str, float] = field(default_factory=lambda: dict(VALENCE_WEIGHTS))
    """Valence of each label, -1 to 1; 0 for a label that is not in it."""
    arousal_weights: Mapping[str, float] = field(default_factory=lambda: dict(AROUSAL_WEIGHTS))
    """Arousal of each label, -1 to 1; 0 for a label that is not in it."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """Provenance: data, actors, command, seed, epochs, versions, metrics; free-form JSON."""

    @property
    def window_samples(self) -> int:
        """Length of a full window, in samples."""
        return round(self.window_s * SAMPLE_RATE_HZ)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Name of each output: the labels, and "none" for the output of no speech if there is one."""
        return self.labels if self.no_speech_threshold is None else (*self.labels, NONE)

    @property
    def n_frames(self) -> int:
        """Frames in the network's input."""
        return self.feature_set.n_frames(self.window_samples)

    def continues(self, other: "ModelCard") -> bool:
        """Whether a model takes the same windows and gives the same labels as another one.

        Then it can replace that one in the middle of an utterance.
        """
        return all(
            getattr(self, each) == getattr(other, each)
            for each in ("labels", "feature_set", "window_s", "padding")
        )

    def rejects(self, no_speech: float) -> bool:
        """Whether a probability of no speech reaches the threshold; 0 to 1."""
        return self.no_speech_threshold is not None and no_speech >= self.no_speech_threshold

    def naming_rule(self, threshold: float) -> NamingRule:
        """Return the rule that decides which label is named.

        Args:
            threshold: one threshold for every label, 0 to 1; 0 for the rule of the card.
        """
        if threshold:
            return NamingRule(self.labels, dict.fromkeys(self.labels, threshold))
        return NamingRule(self.labels, self.thresholds, self.naming)

    def to_json(self) -> str:
        """Return the card as indented JSON text with a final newline."""
        body: dict[str, Any] = {"schema": CARD_SCHEMA}
        body |= {each.name: getattr(self, each.name) for each in fields(self)}
        body["feature_set"] = dict(self.feature_set.parameters())
        for name in ("no_speech_threshold", "min_log_energy"):
            if body[name] is None:
                del body[name]
        body["naming"] = {label: asdict(score) for label, score in self.naming.items()}
        defaults = {
            "thresholds": {},
            "naming": {},
            "valence_weights": VALENCE_WEIGHTS,
            "arousal_weights": AROUSAL_WEIGHTS,
        }
        for name, default in defaults.items():
            if body[name] == default:
                del body[name]
        return json.dumps(body, indent=2, ensure_ascii=False) + "\n"


def card_from_json(text: str, where: str) -> ModelCard:
    """Read a card, and check it against the front ends and paddings of this version of serd.

    Args:
        text: the JSON text.
        where: name of the card in error messages, such as its path.

    Raises:
        ModelError: not JSON, longer than ``MAX_CARD_BYTES`` or nested too deeply, another schema, a
            missing key, an unknown feature set, or parameters other than those of the named feature set.
    """
    if len(text) > MAX_CARD_BYTES:
        raise ModelError(f"{where}: the model card is larger than {MAX_CARD_BYTES} bytes")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise ModelError(f"{where}: the model card is not JSON ({exc})") from exc
    if not _is_shallow(body, _MAX_LEVELS):
        raise ModelError(f"{where}: the model card has more than {_MAX_LEVELS} levels of nested JSON")
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
                f"{where}: the parameters of feature set {expected.name} differ from those of its name:"
                f" got {_difference(features, expected.parameters())}"
            )
        for key in ("labels", "mean", "std"):
            body[key] = tuple(body[key])
        if "naming" in body:
            body["naming"] = _naming_scores(body["naming"])
        card = ModelCard(feature_set=expected, **body)
        _check_types(card)
        _check(card, where)
    except (KeyError, TypeError, OverflowError) as exc:
        raise ModelError(f"{where}: the model card lacks a key or has a wrong one: {exc}") from exc
    return card


def _naming_scores(scores: object) -> dict[str, NamingScore]:
    if not isinstance(scores, dict):
        raise TypeError(f"got {scores!r} for naming, expected an object with a score for each label")
    return {label: NamingScore(**score) for label, score in scores.items()}


def _is_shallow(value: object, n_levels: int) -> bool:
    """Whether nested JSON has at most ``n_levels`` levels."""
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return n_levels > 0 and all(_is_shallow(each, n_levels - 1) for each in items)


def _check_types(card: ModelCard) -> None:
    for text in (card.name, card.version, card.network_sha256, card.licence, *card.labels):
        if not isinstance(text, str):
            raise TypeError(f"got {text!r}, expected text")
    levels = () if card.min_log_energy is None else (card.min_log_energy,)
    for value in (*card.mean, *card.std, *levels):
        if not isinstance(value, float | int) or not math.isfinite(value):
            raise TypeError(f"got {value!r}, expected a finite number")
    for by_label in (card.thresholds, card.valence_weights, card.arousal_weights):
        if any(not -1 <= value <= 1 for value in _numbers(by_label)):
            raise TypeError(f"got {by_label!r}, expected numbers from -1 to 1")
    for score in card.naming.values():
        _numbers(score.weights)
        _numbers({"offset": score.offset, "threshold": score.threshold})
    if not isinstance(card.training, dict):
        raise TypeError(f"got {card.training!r} for training, expected an object")


def _numbers(by_label: object) -> list[float]:
    """The values of a JSON object of finite numbers."""
    if not isinstance(by_label, dict):
        raise TypeError(f"got {by_label!r}, expected an object with a number for each label")
    for value in by_label.values():
        if isinstance(value, bool) or not isinstance(value, float | int) or not math.isfinite(value):
            raise TypeError(f"got {value!r}, expected a finite number")
    return list(by_label.values())


def _check(card: ModelCard, where: str) -> None:
    n_features = card.feature_set.n_features
    if len(card.mean) != n_features or len(card.std) != n_features:
        raise ModelError(
            f"{where}: normalization of {len(card.mean)} and {len(card.std)} coefficients,"
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
    if unknown := sorted(card.naming.keys() - set(card.labels)):
        raise ModelError(f"{where}: naming has scores of {unknown}, expected labels of the model")
    for label, score in card.naming.items():
        for problem in score.problems(card.labels):
            raise ModelError(f"{where}: naming of {label} has {problem}")
    if card.padding not in PADDINGS:
        raise ModelError(f"{where}: unknown padding {card.padding!r}, expected {list(PADDINGS)}")


def _difference(got: Mapping[str, Any], expected: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} = {got.get(key)!r} (expected {expected.get(key)!r})"
        for key in sorted(got.keys() | expected.keys())
        if got.get(key) != expected.get(key)
    )
