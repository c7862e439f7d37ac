"""Generates the JSON Schemas of events and moods from their dataclasses and the docs of the fields."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_args, get_type_hints

from serd.events import mood
from serd.events.event import SCHEMA_VERSION, Dimensions, Event, ModelReference
from serd.events.mood import SourceMood, SpanMood


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of an event."""
    optional = {"time", "file", "dimensions", "replayed", "provisional"}
    schema = _object_schema(Event, _EVENT_RULES, optional=optional)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "serd event",
        "description": "The emotion that serd recognized in a segment of sound.",
    } | schema


def mood_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a mood."""
    head = {
        "schema": {
            "type": "integer",
            "const": mood.SCHEMA_VERSION,
            "description": f"Version of this schema: {mood.SCHEMA_VERSION}.",
        },
        "time": {
            "type": "string",
            "format": "date-time",
            "description": "When serd computed the mood, RFC 3339 with zone.",
        },
    }
    spans = _object_schema(SourceMood, {}, optional=set())
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "serd mood",
        "description": (inspect.getdoc(SourceMood) or "").splitlines()[0],
        "type": "object",
        "properties": head | spans["properties"],
        "required": [*head, *spans["required"]],
    }


_UNIT = {"minimum": 0, "maximum": 1}
_SHA256 = {"pattern": "^[0-9a-f]{64}$"}
_DIMENSION = {"minimum": -1, "maximum": 1}
_EVENT_RULES: Mapping[str, Mapping[str, Any]] = {
    "schema": {"const": SCHEMA_VERSION},
    "id": {"minLength": 1},
    "time": {"format": "date-time"},
    "confidence": _UNIT,
    "scores": {"additionalProperties": {"type": "number"} | _UNIT},
    "start_s": {"minimum": 0},
    "end_s": {"minimum": 0},
    "speech_ratio": _UNIT,
    "level_dbfs": {"minimum": -100, "maximum": 0},
    "latency_ms": {"minimum": 0},
    "replayed": {"const": True},
    "provisional": {"const": True},
}
_SPAN_RULES: Mapping[str, Mapping[str, Any]] = {
    "span_s": {"exclusiveMinimum": 0},
    "speech_s": {"minimum": 0},
    "shares": {"additionalProperties": {"type": "number"} | _UNIT},
    "arousal": _DIMENSION,
    "valence": _DIMENSION,
}
_TYPES: Mapping[Any, str | list[str]] = {
    bool: "boolean",
    int: "integer",
    str: "string",
    float: "number",
    str | None: "string",
    float | None: ["number", "null"],
    dict[str, float]: "object",
}


def _object_schema(
    cls: type, rules: Mapping[str, Mapping[str, Any]], optional: set[str]
) -> dict[str, Any]:
    hints = get_type_hints(cls)
    docs = field_docs(cls)
    properties: dict[str, Any] = {}
    names = [field.name for field in fields(cls)]
    for name in names:
        hint = hints[name]
        if hint is ModelReference:
            properties[name] = _object_schema(ModelReference, {"sha256": _SHA256}, set())
        elif hint == Dimensions | None:
            rules_of_both = {"valence": _DIMENSION, "arousal": _DIMENSION}
            properties[name] = _object_schema(Dimensions, rules_of_both, set())
        elif hint is SpanMood:
            properties[name] = _object_schema(SpanMood, _SPAN_RULES, set())
        elif hint in _TYPES:
            properties[name] = {"type": _TYPES[hint]} | dict(rules.get(name, {}))
        else:
            properties[name] = {"enum": list(get_args(hint))}
        properties[name]["description"] = docs[name]
    required = [name for name in names if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def field_docs(cls: type) -> dict[str, str]:
    """Return the docstring under each field of ``cls`` that has one, on a single line.

    Python discards these docstrings at run time, so they are read from the source. They describe the
    fields in the event schema and in the settings file.
    """
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    docs: dict[str, str] = {}
    name = None
    for node in tree.body[0].body:  # type: ignore[attr-defined]
        match node:
            case ast.AnnAssign(target=ast.Name(id=field_name)):
                name = field_name
            case ast.Expr(value=ast.Constant(value=str(text))) if name is not None:
                docs[name] = " ".join(text.split())
                name = None
            case _:
                name = None
    return docs
