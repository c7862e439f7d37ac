"""The events that serd publishes: their fields, their JSON and its schema.

The field names and their meaning are a contract with all subscribers. Within schema version 1 fields
may be added; none is renamed, removed or given another meaning.
"""

import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import UTC, datetime
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from serd.errors import EventError
from serd.model.card import ModelCard
from serd.model.decision import Decision, Kind
from serd.model.labels import VALENCE, Valence
from serd.speech.segments import SpeechWindow

SCHEMA_VERSION: Final = 1
MAX_JSON_CHARS: Final = 100_000
"""Longest text that is read as an event; the events of serd have about 1,000 characters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ModelReference:
    """The model of an event."""

    name: str
    """Name of the model, from its card."""
    version: str
    """Version of the model, from its card."""
    sha256: str
    """SHA-256 of the network, from its card; 64 hex digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dimensions:
    """Valence and arousal, computed from the probabilities with the weights of the model's card."""

    valence: float
    """From -1, unpleasant, to 1, pleasant."""
    arousal: float
    """From -1, passive, to 1, excited."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """The emotion in a segment of sound."""

    schema: int
    """Version of this schema: 1."""
    id: str
    """Unique; a repeated event keeps its id."""
    kind: Kind
    """window: during speech; utterance: at its end; file: for each whole recording."""
    time: str | None = None
    """End of the sound, RFC 3339 with zone; the time of the sound, not of the processing. Left out if it
    is unknown, as with recordings."""
    node: str
    """Name of the machine, from the settings."""
    source: str
    """Name of the sound source, from the settings."""
    emotion: str
    """A label of the model, "uncertain" if none is named, or "none" without speech."""
    confidence: float
    """Probability of the likeliest label; 0 to 1."""
    scores: dict[str, float]
    """Probability of each label; empty without speech."""
    valence: Valence
    """Group of the likeliest label."""
    start_s: float
    """Start of the sound, in seconds from the source's start."""
    end_s: float
    """End of the sound, in seconds from the source's start."""
    speech_ratio: float
    """Share of the sound from start_s to end_s that is voiced; 0 to 1."""
    level_dbfs: float
    """RMS level of the voiced sound, in dB relative to full scale; -100 to 0."""
    latency_ms: float
    """Time from the arrival of the last sample to the creation of this event, in milliseconds."""
    model: ModelReference
    """The model that recognized the emotion."""
    dimensions: Dimensions | None = None
    """Valence and arousal; left out without speech."""
    file: str | None = None
    """The analyzed file in events of serd analyze; else left out."""
    replayed: bool = False
    """True if the broker was unavailable when the event was created, or became unavailable before it
    received the event; else left out."""
    provisional: bool = False
    """True in an early estimate, the event of a window that is not full: less certain than the following
    window events, and without effect on the utterance event; else left out."""

    def to_json(self) -> str:
        """Return the event as one line of JSON."""
        body = _by_name(self) | {"model": _by_name(self.model)}
        if self.dimensions is not None:
            body["dimensions"] = _by_name(self.dimensions)
        for name in ("time", "file", "dimensions"):
            if body[name] is None:
                del body[name]
        for name in ("replayed", "provisional"):
            if not body[name]:
                del body[name]
        return json.dumps(body, ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "Event":
        """Read an event from a message; fields of later versions are ignored.

        Args:
            text: JSON as ``to_json`` writes it, at most ``MAX_JSON_CHARS`` long.

        Raises:
            EventError: not JSON, another schema, or a field that is missing or of another type.
        """
        body = _json_object(text)
        if body.get("schema") != SCHEMA_VERSION:
            raise EventError(f"event of schema {body.get('schema')!r}, expected {SCHEMA_VERSION}")
        return cls(**_fields_from(Event, body, "event"))


_HINTS: Final[Mapping[type[Any], Mapping[str, Any]]] = {
    cls: get_type_hints(cls) for cls in (Event, ModelReference, Dimensions)
}


_NESTED: Final[Mapping[Any, type[Any]]] = {
    ModelReference: ModelReference,
    Dimensions | None: Dimensions,
}
"""Class of each field that is an object."""


def _by_name(each: Event | ModelReference | Dimensions) -> dict[str, Any]:
    """Return the fields by name; ``asdict`` would copy their values, which is slow."""
    return {field.name: getattr(each, field.name) for field in fields(each)}


def _json_object(text: str | bytes) -> Mapping[str, Any]:
    if len(text) > MAX_JSON_CHARS:
        raise EventError(f"{len(text)} characters, expected an event of at most {MAX_JSON_CHARS}")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise EventError(f"not JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise EventError(f"got a JSON {type(body).__name__}, expected the object of an event")
    return body


def _fields_from(cls: type[Any], body: Mapping[str, Any], where: str) -> dict[str, Any]:
    """Return the fields of a dataclass from a JSON object, after checking their types."""
    values: dict[str, Any] = {}
    hints = _HINTS[cls]
    for item in fields(cls):
        if item.name not in body:
            if item.default is MISSING:
                raise EventError(f"{where}: {item.name} is missing")
            continue
        value, hint = body[item.name], hints[item.name]
        if hint in _NESTED and isinstance(value, dict):
            nested = _NESTED[hint]
            value = nested(**_fields_from(nested, value, f"{where}: {item.name}"))
        elif hint is float and type(value) is int and _is_number(value):
            value = float(value)
        if not _fits(value, hint):
            raise EventError(f"{where}: {item.name} = {str(value)[:60]!r} is of the wrong type or value")
        values[item.name] = value
    return values


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401
    """Whether a value has a field's type; a bool is not an int, and NaN is not a number."""
    if get_origin(hint) is Literal:
        return value in get_args(hint)
    if hint == dict[str, float]:
        return isinstance(value, dict) and all(_is_number(each) for each in value.values())
    if hint == str | None:
        return isinstance(value, str)
    if hint in _NESTED:
        return isinstance(value, _NESTED[hint])
    return type(value) is hint and (hint is not float or _is_number(value))


def _is_number(value: object) -> bool:
    """Whether a value is a number that a float can hold; NaN, infinity and longer integers are none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) <= sys.float_info.max


class EventMaker:
    """Creates the events of one source.

    The ids and the clock are arguments, so that this module is free of randomness and time.
    """

    def __init__(
        self,
        *,
        node: str,
        source: str,
        card: ModelCard,
        new_id: Callable[[], str],
        monotonic: Callable[[], float],
        file: str | None = None,
    ) -> None:
        """Create a maker.

        Args:
            node: name of the machine.
            source: name of the source.
            card: card of the model that recognizes the emotions.
            new_id: returns another id at each call.
            monotonic: returns the time on the clock of ``CaptureTime.arrived_s``, in seconds.
            file: the analyzed file; None for a live source.
        """
        self._node = node
        self._source = source
        self._model = ModelReference(name=card.name, version=card.version, sha256=card.network_sha256)
        self._valence_weights = card.valence_weights
        self._arousal_weights = card.arousal_weights
        self._new_id = new_id
        self._monotonic = monotonic
        self._file = file

    def make(self, decision: Decision) -> Event:
        """Create the event of a decision."""
        estimate, sound = decision.estimate, decision.sound
        began_s = sound.captured.epoch_s
        span_s = max(sound.end_s - sound.start_s, 1e-9)
        latency_s = self._monotonic() - sound.captured.arrived_s
        return Event(
            schema=SCHEMA_VERSION,
            id=self._new_id(),
            kind=decision.kind,
            time=None if began_s is None else local_rfc3339(began_s + sound.end_s),
            node=self._node,
            source=self._source,
            emotion=estimate.emotion,
            confidence=round(estimate.confidence, 4),
            scores={label: round(score, 4) for label, score in estimate.scores.items()},
            valence=VALENCE.get(estimate.likeliest, "neutral"),
            start_s=round(sound.start_s, 3),
            end_s=round(sound.end_s, 3),
            speech_ratio=round(min(1.0, sound.speech_s / span_s), 3),
            level_dbfs=round(sound.level_dbfs, 1),
            latency_ms=round(max(0.0, latency_s) * 1000.0, 2),
            model=self._model,
            dimensions=self._dimensions(estimate.scores),
            file=self._file,
            provisional=isinstance(sound, SpeechWindow) and sound.is_provisional,
        )

    def _dimensions(self, scores: Mapping[str, float]) -> Dimensions | None:
        if not scores:
            return None
        return Dimensions(
            valence=_expected(self._valence_weights, scores),
            arousal=_expected(self._arousal_weights, scores),
        )


def _expected(weights: Mapping[str, float], scores: Mapping[str, float]) -> float:
    """Return the mean weight of the labels under their probabilities."""
    return round(sum(weights.get(label, 0.0) * score for label, score in scores.items()), 3)


def local_rfc3339(time_s: float) -> str:
    """A time in the local time zone, RFC 3339 with milliseconds.

    Args:
        time_s: the time, in seconds since 1970.
    """
    return datetime.fromtimestamp(time_s, UTC).astimezone().isoformat(timespec="milliseconds")
