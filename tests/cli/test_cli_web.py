"""``serd web password``."""

import io
import tomllib

import pytest

from serd.cli import main
from serd.publishers.web.access import Access
from serd.settings.loader import load_settings

ANYWHERE = "0.0.0.0"


def test_the_hash_of_a_piped_password_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It opens the page, and the settings accept it for any address."""
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    assert main(["web", "password"]) == 0
    got = tomllib.loads(capsys.readouterr().out)
    access = Access(got["password_hash"], b"key")
    assert access.accepts("correct horse")
    assert not access.accepts("correct horse ")
    variables = {"SERD_WEB_PASSWORD_HASH": got["password_hash"], "SERD_WEB_HOST": ANYWHERE}
    assert load_settings(environment=variables).publishers["web"].host == ANYWHERE


@pytest.mark.parametrize("typed", ["", "short\n", "x" * 2000])
def test_too_short_or_long_a_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str
) -> None:
    """With exit code 2, and without the password in the message."""
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert main(["web", "password"]) == 2
    message = capsys.readouterr().err
    assert "expected 8 to 1000" in message
    assert not typed.strip() or typed.strip() not in message


def test_a_password_in_another_encoding_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Piped in Latin-1; whatever Python makes of it, no part of it is in the message."""
    for errors in ("strict", "surrogateescape"):
        piped = io.TextIOWrapper(io.BytesIO("schöne Grüße\n".encode("latin-1")), "utf-8", errors)
        monkeypatch.setattr("sys.stdin", piped)
        assert main(["web", "password"]) == 2
        assert capsys.readouterr().err.strip().endswith("the password is no text in UTF-8")


def test_no_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-D on a terminal ends the command with exit code 2, in a line of its own."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: input())
    assert main(["web", "password"]) == 2
    assert "no password was typed" in capsys.readouterr().err.splitlines()[1]


def test_two_passwords_that_differ_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a terminal it is typed twice."""
    typed = iter(["correct horse", "correct house"])
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("sys.stdin", terminal)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: next(typed))
    assert main(["web", "password"]) == 2
    assert "differ" in capsys.readouterr().err
