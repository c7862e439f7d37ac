"""The JSON Schemas of what the API takes and answers."""

from typing import Any, Final

Schema = dict[str, Any]

TEXT: Final[Schema] = {"type": "string"}
NUMBER: Final[Schema] = {"type": "number"}
SWITCH: Final[Schema] = {"type": "boolean"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
ANY: Final[Schema] = {"type": "object"}
EVENT: Final[Schema] = {"$ref": "#/components/schemas/Event"}


def an_object(optional: tuple[str, ...] = (), **properties: Schema) -> Schema:
    """The schema of an object, whose properties are required unless they are named as optional."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def a_list(items: Schema) -> Schema:
    """The schema of a list."""
    return {"type": "array", "items": items}


def or_null(schema: Schema) -> Schema:
    """The schema of something that may be missing."""
    return {"anyOf": [schema, {"type": "null"}]}


CONTROL_VALUES: Final = an_object(mute=SWITCH, threshold=NUMBER, cooldown_s=NUMBER)
SOURCE: Final = an_object(
    name=TEXT,
    online=or_null(SWITCH),
    reason=TEXT,
    speaking=SWITCH,
    emotion=TEXT,
    level_dbfs=or_null(NUMBER),
    controls=CONTROL_VALUES,
    mood=or_null(ANY),
    alerts={"type": "object", "additionalProperties": SWITCH},
    event=or_null(EVENT),
)
STATE: Final = an_object(
    node=TEXT,
    version=TEXT,
    started=TIME,
    time=TIME,
    labels=a_list(TEXT),
    model=or_null(an_object(name=TEXT, version=TEXT)),
    keeps_sound=SWITCH,
    keeps_events=SWITCH,
    broker=or_null(an_object(address=TEXT, is_connected=SWITCH, since_s=NUMBER)),
    parts={"type": "object", "additionalProperties": TEXT},
    silent_parts=a_list(TEXT),
    stats=or_null(ANY),
    sources=a_list(SOURCE),
)
ABSENCE: Final = an_object(
    source=TEXT,
    kind={"enum": ["offline", "muted"]},
    since=TIME,
    until=or_null(TIME),
    reason=TEXT,
)
TIMELINE: Final = an_object(
    since=TIME,
    until=TIME,
    part_s=NUMBER,
    parts=a_list({"type": "object", "additionalProperties": NUMBER}),
    absences=a_list(ABSENCE),
)
FIELD: Final = an_object(
    key=TEXT,
    kind={"enum": ["switch", "integer", "number", "text", "choice", "secret", "other"]},
    about=TEXT,
    choices=a_list(TEXT),
    minimum=or_null(NUMBER),
    value={},
    origin=TEXT,
    is_own=SWITCH,
    is_fixed=SWITCH,
)
SECTION: Final = an_object(
    section=TEXT,
    name=TEXT,
    is_new=SWITCH,
    is_own=SWITCH,
    may_change=SWITCH,
    about=TEXT,
    fields=a_list(FIELD),
)
SETTINGS: Final = an_object(
    file=TEXT, tag=TEXT, has_own=SWITCH, has_password=SWITCH, sections=a_list(SECTION)
)
SETTING_CHANGE: Final = an_object(section=TEXT, name=TEXT, key=TEXT, value={}) | {
    "additionalProperties": False
}
ALERT_CHANGE: Final = an_object(time=TIME, source=TEXT, name=TEXT, on=SWITCH)
LOG_LINE: Final = an_object(time=TIME, level=TEXT, text=TEXT)
