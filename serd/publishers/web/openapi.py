"""The description of the API in OpenAPI 3.1; events have the schema that they have over MQTT."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from serd import __version__
from serd.events.controls import CONTROLS
from serd.events.schema import json_schema
from serd.mqtt.topics import FORGET
from serd.publishers.web.openapi_schemas import (
    ALERT_CHANGE,
    ANY,
    EVENT,
    LOG_LINE,
    SETTING_CHANGE,
    SETTINGS,
    STATE,
    SWITCH,
    TEXT,
    TIME,
    TIMELINE,
    Schema,
    a_list,
    an_object,
    or_null,
)

_REFUSALS: Final[Mapping[int, str]] = {
    400: "The request is wrong; the answer says what is expected.",
    401: "There is a password, and no session.",
    403: "The request comes from another page, or a change has no token.",
    404: "There is no such thing.",
    409: "The settings have changed since they were read.",
    421: "The Host header names another machine.",
    429: "Too many requests of this address.",
    503: "The history is off or cannot be read, or too many ask.",
}


def _parameter(name: str, about: str, *, required: bool = False, **schema: Any) -> Schema:  # noqa: ANN401
    return {
        "name": name,
        "in": "query",
        "description": about,
        "required": required,
        "schema": schema or TEXT,
    }


_SINCE: Final = ("since", "Time of the first events.")
_UNTIL: Final = _parameter("until", "Time before which they are; the present if not given.", **TIME)
_SELECTION: Final = (
    _UNTIL,
    _parameter("source", "Name of their source.", type="string", minLength=1, maxLength=200),
    _parameter("emotion", "Their emotion.", type="string", minLength=1, maxLength=200),
    _parameter("windows", "Whether windows are among them.", enum=["true", "false"]),
)


def _get(about: str, schema: Schema, *parameters: Schema, also: tuple[int, ...] = ()) -> Schema:
    return {
        "summary": about,
        "parameters": list(parameters),
        "responses": _responses(200, schema, also),
    }


def _file(about: str, kind: str) -> Schema:
    got = _get(about, ANY, also=(503,))
    got["responses"]["200"]["content"] = {kind: {"schema": TEXT}}
    return got


def _sound() -> Schema:
    got = _file("The sound of a window, or a range of it.", "audio/wav")
    got["parameters"] = [{"name": "id", "in": "path", "required": True, "schema": TEXT}]
    got["responses"] |= {"206": {"description": "The range."}, "404": _refusal(404)}
    return got


def _post(
    about: str, body: Schema | None, status: int, schema: Schema | None, also: tuple[int, ...] = ()
) -> Schema:
    token = {"name": "X-CSRF-Token", "in": "header", "required": False, "schema": TEXT}
    post: Schema = {
        "summary": about,
        "parameters": [token],
        "responses": _responses(status, schema, also),
    }
    if body is not None:
        content = {"application/json": {"schema": body}}
        post["requestBody"] = {"required": True, "content": content}
    return post


def _responses(status: int, schema: Schema | None, also: tuple[int, ...]) -> Schema:
    done: Schema = {"description": "Done."}
    if schema is not None:
        done["content"] = {"application/json": {"schema": schema}}
    refusals = {str(each): _refusal(each) for each in sorted({401, 403, 421, 429, *also})}
    return {str(status): done} | refusals


def _refusal(status: int) -> Schema:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {"description": _REFUSALS[status], "content": content}


def _session_paths() -> Schema:
    """The session, and what describes the server."""
    password = an_object(password=TEXT) | {"additionalProperties": False}
    return {
        "/session": {"get": _get("The token of changes.", an_object(token=TEXT, has_password=SWITCH))},
        "/login": {"post": _post("Begin a session.", password, 204, None, (400,))},
        "/logout": {"post": _post("End the session in this browser.", None, 204, None)},
        "/openapi.json": {"get": _get("This description.", ANY)},
    }


def _present_paths() -> Schema:
    """What serd does now."""
    stream = _get("Server-sent events: the state, then each change.", ANY, also=(503,))
    stream["parameters"] = [
        {"name": "Last-Event-ID", "in": "header", "required": False, "schema": TEXT},
        _parameter("last_id", "The same, where a header cannot be set."),
    ]
    stream["responses"]["200"]["content"] = {"text/event-stream": {"schema": TEXT}}
    return {
        "/state": {"get": _get("The present state.", STATE)},
        "/model": {"get": _get("The card of the model.", ANY, also=(404,))},
        "/events": {"get": stream},
        "/alerts": {"get": _get("When alerts changed.", an_object(changes=a_list(ALERT_CHANGE)))},
        "/log": {"get": _get("The latest lines of the log.", an_object(lines=a_list(LOG_LINE)))},
    }


def _past_paths() -> Schema:
    """Events of the past, their sound and their marks."""
    limit = _parameter("limit", "Only the newest.", type="integer", minimum=1, maximum=1000)
    part_s = _parameter("part_s", "Seconds of a part.", type="integer", minimum=10, maximum=86_400)
    required_since = _parameter(*_SINCE, required=True, **TIME)
    return {
        "/history": {
            "get": _get(
                "Events of the past.",
                an_object(events=a_list(EVENT)),
                *(_parameter(*_SINCE, **TIME), *_SELECTION, limit),
                also=(400, 503),
            )
        },
        "/timeline": {
            "get": _get(
                "Seconds of speech by emotion, in at most 1000 parts of equal length.",
                TIMELINE,
                *(required_since, *_SELECTION, part_s),
                also=(400, 503),
            )
        },
        "/clips": {
            "get": _get(
                "The windows of a time whose sound is kept, at most an hour.",
                an_object(clips=a_list(an_object(event=EVENT, mark=or_null(TEXT)))),
                *(required_since, *_SELECTION[:2]),
                also=(400, 503),
            )
        },
        "/clips/{id}/sound": {"get": _sound()},
        "/marks": {
            "post": _post(
                "Mark what a window really was: an emotion, wrong, or nothing to remove the mark.",
                an_object(id=TEXT, emotion=TEXT) | {"additionalProperties": False},
                200,
                an_object(id=TEXT, mark=or_null(TEXT)),
                (400, 404, 503),
            )
        },
        "/marks.csv": {"get": _file("The marks as a table of clips.", "text/csv")},
        "/marks.zip": {"get": _file("The table with its sounds.", "application/zip")},
    }


def _changing_paths() -> Schema:
    """Settings and controls."""
    control = an_object(
        source={"type": "string", "maxLength": 200},
        control={"enum": [*CONTROLS, FORGET]},
        value={"type": "string", "maxLength": 40},
    ) | {"additionalProperties": False}
    changes = an_object(changes=a_list(SETTING_CHANGE), tag=TEXT, save=SWITCH)
    return {
        "/settings": {
            "get": _get("All settings with their descriptions.", SETTINGS, also=(400, 404, 503)),
            "post": _post(
                "The difference that changes of settings make; saved and applied if asked.",
                changes | {"additionalProperties": False},
                200,
                an_object(difference=a_list(TEXT), saved=SWITCH),
                (400, 404, 409, 503),
            ),
        },
        "/controls": {
            "post": _post(
                "Set a control of a source, or let it forget the voices it has heard.",
                control,
                202,
                an_object(("value",), source=TEXT, control=TEXT, value=TEXT),
                (400, 404),
            )
        },
    }


@cache
def description() -> Schema:
    """The API as an OpenAPI document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "serd", "version": __version__, "description": _ABOUT},
        "paths": _session_paths() | _present_paths() | _past_paths() | _changing_paths(),
        "servers": [{"url": "."}],
        "components": {"schemas": {"Event": _event(), "Error": an_object(error=TEXT)}},
    }


_ABOUT: Final = (
    "What serd hears and has heard. Changes need the token of /session in the header X-CSRF-Token, and"
    " everything needs the cookie of /login if there is a password."
)


def _event() -> Schema:
    schema = json_schema()
    return {name: value for name, value in schema.items() if name != "$schema"}
