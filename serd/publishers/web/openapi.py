"""The description of the API in OpenAPI 3.1; events have the schema that they have over MQTT."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from serd import __version__
from serd.events.controls import CONTROLS
from serd.events.schema import json_schema
from serd.mqtt.topics import FORGET

_Schema = dict[str, Any]

_TEXT: Final[_Schema] = {"type": "string"}
_NUMBER: Final[_Schema] = {"type": "number"}
_SWITCH: Final[_Schema] = {"type": "boolean"}
_TIME: Final[_Schema] = {"type": "string", "format": "date-time"}
_ANY: Final[_Schema] = {"type": "object"}
_EVENT: Final[_Schema] = {"$ref": "#/components/schemas/Event"}
_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request is wrong; the answer says what is expected.",
    401: "There is a password, and no session.",
    403: "The request comes from another page, or a change has no token.",
    404: "There is no such thing.",
    421: "The Host header names another machine.",
    429: "Too many requests of this address.",
    503: "The history is off or cannot be read, or too many ask.",
}


def _object(optional: tuple[str, ...] = (), **properties: _Schema) -> _Schema:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required}


def _list(items: _Schema) -> _Schema:
    return {"type": "array", "items": items}


def _or_null(schema: _Schema) -> _Schema:
    return {"anyOf": [schema, {"type": "null"}]}


_CONTROLS: Final = _object(mute=_SWITCH, threshold=_NUMBER, cooldown_s=_NUMBER)
_SOURCE: Final = _object(
    name=_TEXT,
    online=_or_null(_SWITCH),
    reason=_TEXT,
    speaking=_SWITCH,
    emotion=_TEXT,
    level_dbfs=_or_null(_NUMBER),
    controls=_CONTROLS,
    mood=_or_null(_ANY),
    alerts={"type": "object", "additionalProperties": _SWITCH},
    event=_or_null(_EVENT),
)
_STATE: Final = _object(
    node=_TEXT,
    version=_TEXT,
    started=_TIME,
    time=_TIME,
    labels=_list(_TEXT),
    model=_or_null(_object(name=_TEXT, version=_TEXT)),
    keeps_sound=_SWITCH,
    keeps_events=_SWITCH,
    broker=_or_null(_object(address=_TEXT, is_connected=_SWITCH, since_s=_NUMBER)),
    parts={"type": "object", "additionalProperties": _TEXT},
    silent_parts=_list(_TEXT),
    stats=_or_null(_ANY),
    sources=_list(_SOURCE),
)
_ABSENCE: Final = _object(
    source=_TEXT,
    kind={"enum": ["offline", "muted"]},
    since=_TIME,
    until=_or_null(_TIME),
    reason=_TEXT,
)
_TIMELINE: Final = _object(
    since=_TIME,
    until=_TIME,
    part_s=_NUMBER,
    parts=_list({"type": "object", "additionalProperties": _NUMBER}),
    absences=_list(_ABSENCE),
)
_FIELD: Final = _object(
    key=_TEXT,
    kind={"enum": ["switch", "integer", "number", "text", "choice", "secret", "other"]},
    about=_TEXT,
    choices=_list(_TEXT),
    minimum=_or_null(_NUMBER),
    value={},
    origin=_TEXT,
    is_own=_SWITCH,
    is_fixed=_SWITCH,
)
_SECTION: Final = _object(
    section=_TEXT,
    name=_TEXT,
    is_new=_SWITCH,
    is_own=_SWITCH,
    may_change=_SWITCH,
    about=_TEXT,
    fields=_list(_FIELD),
)
_SETTINGS: Final = _object(
    file=_TEXT, tag=_TEXT, has_own=_SWITCH, has_password=_SWITCH, sections=_list(_SECTION)
)
_CHANGE_OF_SETTING: Final = _object(section=_TEXT, name=_TEXT, key=_TEXT, value={}) | {
    "additionalProperties": False
}
_CHANGE: Final = _object(time=_TIME, source=_TEXT, name=_TEXT, on=_SWITCH)
_LINE: Final = _object(time=_TIME, level=_TEXT, text=_TEXT)


def _parameter(name: str, about: str, *, required: bool = False, **schema: Any) -> _Schema:  # noqa: ANN401
    return {
        "name": name,
        "in": "query",
        "description": about,
        "required": required,
        "schema": schema or _TEXT,
    }


_SINCE: Final = ("since", "Time of the first events.")
_UNTIL: Final = _parameter("until", "Time before which they are; the present if not given.", **_TIME)
_SELECTION: Final = (
    _UNTIL,
    _parameter("source", "Name of their source.", type="string", minLength=1, maxLength=200),
    _parameter("emotion", "Their emotion.", type="string", minLength=1, maxLength=200),
    _parameter("windows", "Whether windows are among them.", enum=["true", "false"]),
)


def _get(about: str, schema: _Schema, *parameters: _Schema, also: tuple[int, ...] = ()) -> _Schema:
    return {
        "summary": about,
        "parameters": list(parameters),
        "responses": _responses(200, schema, also),
    }


def _file(about: str, kind: str) -> _Schema:
    got = _get(about, _ANY, also=(503,))
    got["responses"]["200"]["content"] = {kind: {"schema": _TEXT}}
    return got


def _sound() -> _Schema:
    got = _file("The sound of a window, or a range of it.", "audio/wav")
    got["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": _TEXT}]
    got["responses"] |= {"206": {"description": "The range."}, "404": _refusal(404)}
    return got


def _post(
    about: str, body: _Schema | None, status: int, schema: _Schema | None, also: tuple[int, ...] = ()
) -> _Schema:
    token = {"name": "X-CSRF-Token", "in": "header", "required": False, "schema": _TEXT}
    post: _Schema = {
        "summary": about,
        "parameters": [token],
        "responses": _responses(status, schema, also),
    }
    if body is not None:
        content = {"application/json": {"schema": body}}
        post["requestBody"] = {"required": True, "content": content}
    return post


def _responses(status: int, schema: _Schema | None, also: tuple[int, ...]) -> _Schema:
    done: _Schema = {"description": "Done."}
    if schema is not None:
        done["content"] = {"application/json": {"schema": schema}}
    refusals = {str(each): _refusal(each) for each in sorted({401, 403, 421, 429, *also})}
    return {str(status): done} | refusals


def _refusal(status: int) -> _Schema:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": _REFUSALS[status], "content": content}


@cache
def description() -> _Schema:
    """The API as an OpenAPI document."""
    stream = _get("Server-sent events: the state, then each change.", _ANY, also=(503,))
    stream["parameters"] = [
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": _TEXT},
        _parameter("last_id", "The same, where a header cannot be set."),
    ]
    stream["responses"]["200"]["content"] = {"text/event-stream": {"schema": _TEXT}}
    control = _object(
        source={"type": "string", "maxLength": 200},
        control={"enum": [*CONTROLS, FORGET]},
        value={"type": "string", "maxLength": 40},
    ) | {"additionalProperties": False}
    password = _object(password=_TEXT) | {"additionalProperties": False}
    return {
        "openapi": "3.1.0",
        "info": {"title": "serd", "version": __version__, "description": _ABOUT},
        "paths": {
            "/session": {
                "get": _get("The token of changes.", _object(token=_TEXT, has_password=_SWITCH))
            },
            "/login": {"post": _post("Begin a session.", password, 204, None, (400,))},
            "/logout": {"post": _post("End the session in this browser.", None, 204, None)},
            "/state": {"get": _get("The present state.", _STATE)},
            "/model": {"get": _get("The card of the model.", _ANY, also=(404,))},
            "/events": {"get": stream},
            "/history": {
                "get": _get(
                    "Events of the past.",
                    _object(events=_list(_EVENT)),
                    _parameter(*_SINCE, **_TIME),
                    *_SELECTION,
                    _parameter("limit", "Only the newest.", type="integer", minimum=1, maximum=1000),
                    also=(400, 503),
                )
            },
            "/timeline": {
                "get": _get(
                    "Seconds of speech by emotion, in at most 1000 parts of equal length.",
                    _TIMELINE,
                    _parameter(*_SINCE, required=True, **_TIME),
                    *_SELECTION,
                    _parameter(
                        "part_s", "Seconds of a part.", type="integer", minimum=10, maximum=86_400
                    ),
                    also=(400, 503),
                )
            },
            "/clips": {
                "get": _get(
                    "The windows of a time whose sound is kept, at most an hour.",
                    _object(clips=_list(_object(event=_EVENT, mark=_or_null(_TEXT)))),
                    _parameter(*_SINCE, required=True, **_TIME),
                    *_SELECTION[:2],
                    also=(400, 503),
                )
            },
            "/clips/{id}/sound": {"get": _sound()},
            "/marks": {
                "post": _post(
                    "Mark what a window really was: an emotion, wrong, or nothing to remove the mark.",
                    _object(id=_TEXT, emotion=_TEXT) | {"additionalProperties": False},
                    200,
                    _object(id=_TEXT, mark=_or_null(_TEXT)),
                    (400, 404, 503),
                )
            },
            "/marks.csv": {"get": _file("The marks as a table of clips.", "text/csv")},
            "/marks.zip": {"get": _file("The table with its sounds.", "application/zip")},
            "/alerts": {"get": _get("When alerts changed.", _object(changes=_list(_CHANGE)))},
            "/log": {"get": _get("The latest lines of the log.", _object(lines=_list(_LINE)))},
            "/settings": {
                "get": _get("All settings with their descriptions.", _SETTINGS, also=(400, 404, 503)),
                "post": _post(
                    "The difference that changes of settings make; saved and applied if asked.",
                    _object(changes=_list(_CHANGE_OF_SETTING), tag=_TEXT, save=_SWITCH)
                    | {"additionalProperties": False},
                    200,
                    _object(difference=_list(_TEXT), saved=_SWITCH),
                    (400, 404, 503),
                ),
            },
            "/controls": {
                "post": _post(
                    "Set a control of a source, or let it forget the voices it has heard.",
                    control,
                    202,
                    _object(("value",), source=_TEXT, control=_TEXT, value=_TEXT),
                    (400, 404),
                )
            },
            "/openapi.json": {"get": _get("This description.", _ANY)},
        },
        "servers": [{"url": "."}],
        "components": {"schemas": {"Event": _event(), "Error": _object(error=_TEXT)}},
    }


_ABOUT: Final = (
    "What serd hears and has heard. Changes need the token of /session in the header X-CSRF-Token, and"
    " everything needs the cookie of /login if there is a password."
)


def _event() -> _Schema:
    schema = json_schema()
    return {name: value for name, value in schema.items() if name != "$schema"}
