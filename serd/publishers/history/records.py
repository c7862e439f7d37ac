"""Events and changes of state as rows of the history's tables."""

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from serd.events.event import SCHEMA_VERSION, Dimensions, Event, ModelReference, local_rfc3339

EVENT_COLUMNS: Final = (
    "time_s",
    "id",
    "kind",
    "node",
    "source",
    "emotion",
    "confidence",
    "scores",
    "valence",
    "start_s",
    "end_s",
    "speech_ratio",
    "level_dbfs",
    "latency_ms",
    "model",
    "valence_dimension",
    "arousal_dimension",
    "is_provisional",
)
"""The columns of an event, except its number."""
_SCORE_STEPS: Final = 10_000
"""Scores of events have four decimal places."""
_MAX_SCORE: Final = 0xFFFF

SourceState = Literal["online", "offline", "muted", "unmuted"]

Row = tuple[Any, ...]
"""The values of the columns of a row."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TimedEvent:
    """An event with its time as a number, which moves when the clock is set."""

    time_s: float
    """End of the sound, in seconds since 1970; the time in the event itself is not used."""
    event: Event
    """The event."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StateChange:
    """A source was lost, recovered, was muted or unmuted."""

    time_s: float
    """When, in seconds since 1970."""
    source: str
    """Name of the source."""
    state: SourceState
    """Its state from then on: online or offline, and beside that muted or unmuted."""
    reason: str = ""
    """Why it is offline; empty if nothing is known."""


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model, and the order of the labels in the scores of its events."""

    reference: ModelReference
    """The model."""
    labels: tuple[str, ...]
    """Its labels."""


def model_row(event: Event) -> Row:
    """The row of an event's model: name, version, sha256 and labels."""
    model = event.model
    return (model.name, model.version, model.sha256, json.dumps(list(event.scores), ensure_ascii=False))


def model_from(row: Sequence[Any]) -> ModelRow:
    """The model in a row of ``model_row``.

    Raises:
        ValueError: the labels are no list.
    """
    name, version, sha256, labels = row
    reference = ModelReference(name=name, version=version, sha256=sha256)
    return ModelRow(reference, tuple(map(str, json.loads(labels))))


def event_row(timed: TimedEvent, model_number: int) -> Row:
    """The row of an event, in the order of ``EVENT_COLUMNS``."""
    event, dimensions = timed.event, timed.event.dimensions
    steps = [min(_MAX_SCORE, max(0, round(each * _SCORE_STEPS))) for each in event.scores.values()]
    return (
        timed.time_s,
        event.id,
        event.kind,
        event.node,
        event.source,
        event.emotion,
        event.confidence,
        struct.pack(f"<{len(steps)}H", *steps),
        event.valence,
        event.start_s,
        event.end_s,
        event.speech_ratio,
        event.level_dbfs,
        event.latency_ms,
        model_number,
        None if dimensions is None else dimensions.valence,
        None if dimensions is None else dimensions.arousal,
        int(event.provisional),
    )


def event_from(row: Sequence[Any], models: Mapping[int, ModelRow]) -> Event:
    """The event in a row of ``EVENT_COLUMNS``; its time is in the present local time zone.

    Raises:
        KeyError, ValueError, OverflowError, struct.error: the row is damaged.
    """
    values = dict(zip(EVENT_COLUMNS, row, strict=True))
    model = models[values["model"]]
    steps = struct.unpack(f"<{len(model.labels)}H", values["scores"])
    valence, arousal = values["valence_dimension"], values["arousal_dimension"]
    return Event(
        schema=SCHEMA_VERSION,
        id=values["id"],
        kind=values["kind"],
        time=local_rfc3339(values["time_s"]),
        node=values["node"],
        source=values["source"],
        emotion=values["emotion"],
        confidence=values["confidence"],
        scores={label: step / _SCORE_STEPS for label, step in zip(model.labels, steps, strict=True)},
        valence=values["valence"],
        start_s=values["start_s"],
        end_s=values["end_s"],
        speech_ratio=values["speech_ratio"],
        level_dbfs=values["level_dbfs"],
        latency_ms=values["latency_ms"],
        model=model.reference,
        dimensions=None
        if valence is None or arousal is None
        else Dimensions(valence=valence, arousal=arousal),
        provisional=bool(values["is_provisional"]),
    )


def change_row(change: StateChange) -> Row:
    """The row of a change of state: time_s, source, state and reason."""
    return (change.time_s, change.source, change.state, change.reason)
