"""The description of the API is true."""

from datetime import UTC, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from serd.events.controls import Controls
from serd.events.reports import AlertReport, ControlReport
from serd.publishers.web import Web
from serd.publishers.web.app import API, Api
from serd.publishers.web.hearing_api import HearingApi
from serd.publishers.web.openapi import description
from serd.publishers.web.settings_api import SettingsApi
from testkit.made_events import make_event
from testkit.web_client import WebClient

SINCE = datetime.now(UTC).isoformat().replace("+00:00", "Z")


def test_it_describes_every_address() -> None:
    """And no others."""
    described = {
        (method.upper(), path) for path, item in description()["paths"].items() for method in item
    }
    parts = (Api, HearingApi, SettingsApi)
    routes = [each for part in parts for each in part.routes.fget(part.__new__(part))]
    assert described == {(method, path) for method, path, _ in routes}


@pytest.mark.parametrize(
    "path",
    ["/session", "/state", "/history", "/timeline?since=", "/alerts", "/log", "/openapi.json"],
)
def test_answers_are_as_described(page: Web, client: WebClient, path: str) -> None:
    """With sources, events, alerts and lines in them."""
    page.publish(ControlReport(source="mic", controls=Controls()))
    page.publish(AlertReport(source="mic", name="angry", is_on=True))
    page.publish(make_event(time=SINCE))
    answer = client.ask(API + path.replace("since=", f"since={SINCE}"))
    assert answer.status == 200
    schema = _schema(path.partition("?")[0], "get", answer.status)
    assert schema["type"] == "object"
    _validator(schema).validate(answer.json)


@pytest.mark.parametrize(
    ("path", "headers", "status"), [("/history?limit=x", {}, 400), ("/state", {"Host": "evil"}, 421)]
)
def test_refusals_are_as_described(
    client: WebClient, path: str, headers: dict[str, str], status: int
) -> None:
    """Each has its reason."""
    answer = client.ask(API + path, headers=headers)
    assert answer.status == status
    _validator(_schema(path.partition("?")[0], "get", status)).validate(answer.json)


def test_a_wrong_answer_would_be_found() -> None:
    """The schemas say what is required."""
    with pytest.raises(Exception, match="required property"):
        _validator(_schema("/state", "get", 200)).validate({})


def _schema(path: str, method: str, status: int) -> dict[str, Any]:
    responses = description()["paths"][path][method]["responses"]
    schema: dict[str, Any] = responses[str(status)]["content"]["application/json"]["schema"]
    return schema


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": description()["components"]})
