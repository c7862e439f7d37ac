"""Where the password comes from, and where it never goes."""

from pathlib import Path

import pytest

from serd.errors import SettingsError
from serd.mqtt.access import read_password
from serd.mqtt.settings import Settings
from serd.settings.loader import load_settings
from serd.settings.template import settings_as_toml

WORD = "correct horse battery staple"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A password file whose first line is the password."""
    path = tmp_path / "password"
    path.write_text(f"{WORD}\nsecond line\n")
    return path


@pytest.fixture
def credentials(tmp_path: Path) -> dict[str, str]:
    """The environment of a service with LoadCredential=mqtt-password:..."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "mqtt-password").write_text("from systemd\n")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_each_place_in_its_order(file: Path, credentials: dict[str, str]) -> None:
    """The settings, else the file's first line, else systemd's credential, else none."""
    given = Settings(user="pi", password="given")  # noqa: S106
    named = Settings(user="pi", password_file=str(file))
    assert read_password(given, credentials) == "given"
    assert read_password(named, credentials) == WORD
    assert read_password(Settings(user="pi"), credentials) == "from systemd"
    assert read_password(Settings(user="pi"), {}) == ""
    assert read_password(Settings(user="pi"), {"CREDENTIALS_DIRECTORY": str(file.parent)}) == ""


def test_a_credential_without_a_user_is_left_alone(credentials: dict[str, str]) -> None:
    """MQTT knows no password without a user."""
    assert read_password(Settings(), credentials) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [(None, "No such file"), (b"", "is empty"), (b"\nx", "is empty"), (b"\xff", "no text")],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, body: bytes | None, reason: str) -> None:
    """Missing, empty or binary: the key and the path are said, what is in it is not."""
    path = tmp_path / "password"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(SettingsError, match=rf"\[mqtt\] password_file = '.*password' .*{reason}"):
        read_password(Settings(user="pi", password_file=str(path)))


def test_it_is_shown_nowhere(tmp_path: Path, file: Path, credentials: dict[str, str]) -> None:
    """Neither the settings' text, nor their repr, nor ``config show`` hold a password."""
    toml = tmp_path / "serd.toml"
    toml.write_text(f'[mqtt]\nuser = "pi"\npassword_file = "{file}"\n')
    named = load_settings(toml, environment=credentials)
    toml.write_text(f'[mqtt]\nuser = "pi"\npassword = "{WORD}"\n')
    given = load_settings(toml, environment=credentials)
    for settings in (named, given):
        assert WORD not in repr(settings) + settings_as_toml(settings)
        assert "from systemd" not in repr(settings) + settings_as_toml(settings)
    assert f'password_file = "{file}"' in settings_as_toml(named)
