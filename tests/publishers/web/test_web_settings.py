"""The settings on the page: what is shown, who may change what, and that a change is applied."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serd.publishers import Context
from serd.publishers.web import Web
from serd.publishers.web.access import hash_password
from serd.publishers.web.openapi import description
from serd.settings.loader import load_settings
from serd.settings.page import PageEditor
from testkit.web_client import Answer, Start, WebClient

PASSWORD = "correct horse"  # noqa: S105


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user without settings of their own."""
    return {"HOME": str(tmp_path)}


@pytest.fixture
def reloads() -> list[str]:
    """An entry for each reload that the page has asked for."""
    return []


@pytest.fixture
def context(context: Context, environment: dict[str, str], reloads: list[str]) -> Context:
    """A daemon whose settings can be changed."""
    editor = PageEditor(None, environment=environment, flags={}, check=lambda _: None)
    return replace(context, settings=editor, reload=lambda: reloads.append("reload"))


@pytest.fixture
def known(start: Start) -> WebClient:
    """Somebody who has logged in to a page with a password."""
    client = WebClient(start(password_hash=hash_password(PASSWORD)).port)
    answer = client.ask("/api/v1/login", method="POST", body={"password": PASSWORD})
    client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
    return client


def change(client: WebClient, *changes: tuple[str, str, object], save: bool = True) -> Answer:
    """Change some settings: section, key and value."""
    tag = client.ask("/api/v1/settings").json["tag"]
    items = [{"section": part, "name": "", "key": key, "value": value} for part, key, value in changes]
    return client.change("/api/v1/settings", {"changes": items, "tag": tag, "save": save})


def test_the_form_is_as_described(client: WebClient) -> None:
    """By the document of the API, for every setting."""
    from jsonschema import Draft202012Validator  # noqa: PLC0415

    answer = client.ask("/api/v1/settings")
    content = description()["paths"]["/settings"]["get"]["responses"]["200"]["content"]
    schema: dict[str, Any] = content["application/json"]["schema"]
    Draft202012Validator(schema).validate(answer.json)
    assert sum(len(part["fields"]) for part in answer.json["sections"]) > 80


def test_a_change_is_shown_and_then_applied(
    client: WebClient, reloads: list[str], environment: dict[str, str]
) -> None:
    """The daemon is asked to reload once it is saved, and not before."""
    shown = change(client, ("smoothing", "threshold", 0.6), save=False)
    assert shown.json == {
        "difference": [" [smoothing]", "-threshold = 0.0", "+threshold = 0.6"],
        "saved": False,
    }
    assert reloads == []
    assert change(client, ("smoothing", "threshold", 0.6)).json["saved"] is True
    assert reloads == ["reload"]
    assert load_settings(environment=environment).smoothing.threshold == 0.6


def test_a_wrong_value_changes_nothing(client: WebClient, reloads: list[str]) -> None:
    """The reason is that of the settings file."""
    answer = change(client, ("smoothing", "threshold", 7))
    assert answer.status == 400
    assert "threshold = 7.0, expected" in answer.json["error"]
    assert reloads == []


class TestRights:
    """Who may change what."""

    def test_without_a_password_only_how_sound_is_judged(self, client: WebClient) -> None:
        """Everybody on the machine can use the page, but not send its sound elsewhere or record it."""
        described = client.ask("/api/v1/settings").json
        may_change = {part["section"] for part in described["sections"] if part["may_change"]}
        assert may_change == {"voice", "segmenter", "smoothing", "report", "mood", "alert"}
        assert described["has_password"] is False
        for section, key, value in (
            ("clips", "enabled", True),
            ("mqtt", "host", "evil.example"),
            ("source", "input", "/etc/passwd"),
            ("unheard", "of", 1),
        ):
            answer = change(client, (section, key, value), save=False)
            assert answer.status == 403
            assert "page with a password" in answer.json["error"]

    def test_with_a_password_all_but_the_page_itself(self, known: WebClient, reloads: list[str]) -> None:
        """It could lock itself out, or be opened to others."""
        described = known.ask("/api/v1/settings").json
        fixed = {part["section"] for part in described["sections"] if not part["may_change"]}
        assert fixed == {"web"}
        assert change(known, ("clips", "enabled", True)).status == 200
        assert change(known, ("web", "host", "0.0.0.0")).status == 403
        assert reloads == ["reload"]

    def test_secrets_stay_secret(self, known: WebClient) -> None:
        """Whoever has the password of the page does not get others."""
        answer = change(known, ("mqtt", "password", "new"))
        assert (answer.status, "is a secret" in answer.json["error"]) == (400, True)

    def test_the_token_is_needed(self, client: WebClient) -> None:
        """As for every change."""
        body = {"changes": [], "tag": "", "save": True}
        assert client.ask("/api/v1/settings", method="POST", body=body).status == 403


@pytest.mark.parametrize("part", ["section", "name", "key", "value"])
def test_half_a_surrogate_pair_is_refused(client: WebClient, part: str) -> None:
    """JSON can name one, and no text in UTF-8 has it."""
    made = {"section": "alert", "name": "rage", "key": "when", "value": "angry > 0.5", part: "\ud800"}
    tag = client.ask("/api/v1/settings").json["tag"]
    answer = client.change("/api/v1/settings", {"changes": [made], "tag": tag, "save": False})
    assert (answer.status, "in UTF-8" in answer.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"changes": [], "tag": "x"}, "the keys changes, tag, save"),
        ({"changes": {}, "tag": "x", "save": True}, "changes: expected list"),
        ({"changes": [1], "tag": "x", "save": True}, "expected objects with the keys"),
        ({"changes": [{"section": "mood"}], "tag": "x", "save": True}, "expected objects with the keys"),
        (
            {
                "changes": [{"section": 1, "name": "", "key": "", "value": 1}],
                "tag": "x",
                "save": True,
            },
            "expected texts",
        ),
        ({"changes": [{}] * 201, "tag": "x", "save": True}, "at most 200 changes"),
    ],
)
def test_nonsense_is_refused(client: WebClient, body: object, reason: str) -> None:
    """With the reason."""
    answer = client.change("/api/v1/settings", body)
    assert answer.status == 400
    assert reason in answer.json["error"]


def test_settings_that_changed_meanwhile_are_a_conflict(client: WebClient) -> None:
    """A script can tell it from a wrong request: it reads the settings again."""
    answer = client.change("/api/v1/settings", {"changes": [], "tag": "old", "save": True})
    assert answer.status == 409
    assert "have changed meanwhile" in answer.json["error"]


def test_a_page_that_cannot_change_settings_says_so(
    page: Web, client: WebClient, context: Context
) -> None:
    """As within another program."""
    assert page.adapt(replace(context, settings=None))
    assert client.ask("/api/v1/settings").status == 404
