"""Settings that are changed on the page: checked, shown as a difference, kept in a file of their own."""

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from serd.audio import folders
from serd.errors import ChangedError, SettingsError
from serd.publishers.editing import SettingChange
from serd.settings.files import files_in_force, page_file
from serd.settings.loader import Settings, load_settings
from serd.settings.page import PageEditor
from serd.settings.values import SECRET_MASK

FILE = """# my own words
[smoothing]
threshold = 0.4   # as at home

[mqtt]
host = "broker"
user = "me"
password = "hush"

[[source]]
name = "cam"
input = "rtsp://me:hush@camera/stream"

[[source]]
name = "desk"

[[alert]]
when = "sad >= 0.5"
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A user with a home of their own."""
    return {"HOME": str(tmp_path), "SERD_MQTT_PORT": "1884"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The settings file of the user."""
    path = tmp_path / ".config" / "serd" / "serd.toml"
    path.parent.mkdir(parents=True)
    path.write_text(FILE)
    return path


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """The file of the page, which does not exist yet."""
    return tmp_path / ".local" / "state" / "serd" / "page.toml"


def editor_of(
    environment: dict[str, str], check: Callable[[Settings], object] = lambda _: None
) -> PageEditor:
    """An editor of a daemon that was started with --prefix."""
    return PageEditor(None, environment=environment, flags={("mqtt", "prefix"): "home"}, check=check)


@pytest.fixture
def editor(environment: dict[str, str], file: Path) -> PageEditor:
    """An editor of the user's settings."""
    return editor_of(environment)


def change(
    editor: PageEditor, section: str, key: str, value: object, *, name: str = "", saves: bool = True
) -> list[str]:
    """Make one change."""
    made = SettingChange(section=section, name=name, key=key, value=value)
    return editor.change([made], tag=editor.describe()["tag"], saves=saves)


def field(editor: PageEditor, section: str, key: str, name: str = "") -> dict[str, Any]:
    """A field of the form."""
    (found,) = (
        each
        for part in editor.describe()["sections"]
        if (part["section"], part["name"], part["is_new"]) == (section, name, False)
        for each in part["fields"]
        if each["key"] == key
    )
    return found


class TestForm:
    """What the page shows."""

    def test_has_values_descriptions_and_origins(self, editor: PageEditor, file: Path) -> None:
        """As the settings' own docs say, with the unit."""
        threshold = field(editor, "smoothing", "threshold")
        assert (threshold["value"], threshold["origin"], threshold["kind"]) == (0.4, str(file), "number")
        assert "0 to 1" in threshold["about"]
        level = field(editor, "log", "level")
        assert (level["value"], level["choices"]) == ("info", ["debug", "info", "warning", "error"])
        assert field(editor, "clips", "enabled")["kind"] == "switch"
        assert field(editor, "clips", "max_clips")["kind"] == "integer"

    def test_has_no_secrets(self, editor: PageEditor) -> None:
        """Neither passwords nor those in an address."""
        assert "hush" not in str(editor.describe())
        assert field(editor, "mqtt", "password")["value"] == SECRET_MASK
        assert field(editor, "web", "password_hash")["value"] == ""
        assert "camera/stream" in field(editor, "source", "input", "cam")["value"]

    def test_what_comes_from_outside_is_fixed(self, editor: PageEditor) -> None:
        """The environment and flags win over every file."""
        assert field(editor, "mqtt", "port")["origin"] == "environment SERD_MQTT_PORT"
        fixed = {key: field(editor, "mqtt", key)["is_fixed"] for key in ("port", "prefix", "user")}
        assert fixed == {"port": True, "prefix": True, "user": False}

    def test_has_a_part_for_each_table_and_a_new_alert(self, editor: PageEditor) -> None:
        """The name of a table is not changed."""
        parts = editor.describe()["sections"]
        names = [
            (each["section"], each["name"], each["is_new"])
            for each in parts
            if each["section"] in {"source", "alert"}
        ]
        assert names == [
            ("source", "cam", False),
            ("source", "desk", False),
            ("alert", "angry", False),
            ("alert", "angry", True),
        ]
        assert field(editor, "source", "name", "desk")["is_fixed"]

    def test_works_without_any_file(self, environment: dict[str, str]) -> None:
        """All values are defaults."""
        assert field(editor_of(environment), "smoothing", "threshold")["origin"] == ""


class TestChange:
    """What a change does."""

    def test_is_shown_before_it_is_saved(self, editor: PageEditor, page: Path) -> None:
        """As lines of TOML; nothing is written."""
        lines = change(editor, "smoothing", "threshold", 0.6, saves=False)
        assert lines == [" [smoothing]", "-threshold = 0.4", "+threshold = 0.6"]
        assert not page.exists()

    def test_is_written_to_a_file_of_its_own(
        self, editor: PageEditor, file: Path, page: Path, environment: dict[str, str]
    ) -> None:
        """Which serd reads last, and only its owner can read; the user's file stays as it is."""
        change(editor, "smoothing", "threshold", 0.6)
        change(editor, "log", "level", "debug")
        assert tomllib.loads(page.read_text()) == {
            "smoothing": {"threshold": 0.6},
            "log": {"level": "debug"},
        }
        assert file.read_text() == FILE
        assert stat.S_IMODE(page.stat().st_mode) == 0o600
        settings = load_settings(environment=environment)
        assert (settings.smoothing.threshold, settings.log.level) == (0.6, "debug")
        assert field(editor, "smoothing", "threshold")["is_own"]
        assert [each.name for each in page.parent.iterdir()] == ["page.toml"]

    def test_back_to_the_value_of_the_file_leaves_nothing(self, editor: PageEditor, page: Path) -> None:
        """Whether it is typed or taken back."""
        for value in (0.4, None):
            change(editor, "smoothing", "threshold", 0.6)
            lines = change(editor, "smoothing", "threshold", value)
            assert lines[1:] == ["-threshold = 0.6", "+threshold = 0.4"]
            assert not page.exists()

    def test_of_one_of_several_sources(
        self, editor: PageEditor, page: Path, environment: dict[str, str]
    ) -> None:
        """It is found by its name."""
        lines = change(editor, "source", "channel", "2", name="desk")
        assert lines == [" [[source]]", ' name = "desk"', '-channel = "mix"', '+channel = "2"']
        assert tomllib.loads(page.read_text()) == {"source": [{"name": "desk", "channel": "2"}]}
        names = [(each.name, each.channel) for each in load_settings(environment=environment).sources]
        assert names == [("cam", "mix"), ("desk", "2")]

    def test_adds_an_alert_and_removes_it(
        self, editor: PageEditor, page: Path, environment: dict[str, str]
    ) -> None:
        """One of the file cannot be removed, only changed."""
        lines = change(editor, "alert", "when", "angry >= 0.9", name="rage")
        assert lines[:2] == ["+[[alert]]", '+name = "rage"']
        assert '+when = "angry >= 0.9"' in lines
        alerts = load_settings(environment=environment).alerts
        assert [each.name for each in alerts] == ["angry", "rage"]
        with pytest.raises(SettingsError, match="at character 8"):
            change(editor, "alert", "when", "angry >> 1", name="rage")
        owned = {each["name"]: each["is_own"] for each in editor.describe()["sections"]}
        assert (owned["rage"], owned["desk"]) == (True, False)
        assert change(editor, "alert", "", None, name="rage")[0] == "-[[alert]]"
        assert not page.exists()
        assert change(editor, "alert", "", None, name="angry") == []

    def test_without_any_file_of_the_user(self, environment: dict[str, str], page: Path) -> None:
        """The page's file is the only one."""
        editor = editor_of(environment)
        change(editor, "source", "input", "hw:1", name="mic")
        assert [each.input for each in load_settings(environment=environment).sources] == ["hw:1"]
        assert files_in_force(None, environment) == [page]

    @pytest.mark.parametrize(
        ("section", "key", "value", "reason"),
        [
            (
                "smoothing",
                "threshold",
                2,
                r"page\.toml: \[smoothing\] threshold = 2.0, expected .*0 to 1",
            ),
            ("smoothing", "threshold", "x", "expected a number"),
            ("smoothing", "threshold", [1], "expected true or false, a number or a text"),
            ("smoothing", "threshold", float("nan"), "cannot be written as TOML"),
            ("smoothing", "treshold", 1, "did you mean 'threshold'"),
            ("smothing", "threshold", 1, "did you mean 'smoothing'"),
            ("mqtt", "password", "new", "is a secret"),
            ("source", "name", "new", "cannot be changed on the page"),
            ("source", "input", f"rtsp://{SECRET_MASK}@camera/stream", "type the whole address"),
            ("source", "input", "hw:1", "no source ''"),
            ("alert", "when", "angry >= 1", r"\[alert\] name = \"\", expected letters"),
        ],
    )
    def test_that_is_wrong_is_refused(
        self, editor: PageEditor, page: Path, section: str, key: str, value: object, reason: str
    ) -> None:
        """By the code that reads the files; nothing is written."""
        with pytest.raises(SettingsError, match=reason):
            change(editor, section, key, value)
        assert not page.exists()

    def test_that_the_daemon_cannot_use_is_refused(
        self, environment: dict[str, str], page: Path
    ) -> None:
        """Such as an alert on an emotion that the model does not have."""

        def check(settings: Settings) -> None:
            raise SettingsError(f"no such emotion in {settings.alerts[-1].name}")

        with pytest.raises(SettingsError, match="no such emotion in dull"):
            change(editor_of(environment, check), "alert", "when", "bored >= 0.5", name="dull")
        assert not page.exists()

    def test_of_other_files_meanwhile_is_not_overwritten(self, editor: PageEditor, file: Path) -> None:
        """What the page shows is then out of date."""
        tag = editor.describe()["tag"]
        file.write_text(FILE + "\n[log]\nlevel = 'debug'\n")
        with pytest.raises(ChangedError, match="have changed meanwhile"):
            editor.change([], tag=tag, saves=True)

    @pytest.mark.parametrize("text", ["tab\tand \x7f", 'quote " and \\ ', "line\nbreak", "ä€😀"])
    def test_any_text_comes_back(self, editor: PageEditor, page: Path, text: str) -> None:
        """TOML has other rules than JSON for one character."""
        change(editor, "mqtt", "user", text)
        assert tomllib.loads(page.read_text())["mqtt"]["user"] == text

    def test_that_cannot_be_written_says_why(self, editor: PageEditor, page: Path) -> None:
        """The reason names the file."""
        page.parent.parent.mkdir(parents=True)
        page.parent.write_text("in the way")
        with pytest.raises(SettingsError, match=r"page\.toml: cannot be written"):
            change(editor, "smoothing", "threshold", 0.6)


class TestPlace:
    """Where the file of the page is."""

    def test_is_the_state_folder_of_the_daemon(self) -> None:
        """That of the service for the settings of the machine, whoever asks."""
        machine = Path("/etc/serd/serd.toml")
        alice, service = {"HOME": "/home/alice"}, {"STATE_DIRECTORY": "/var/lib/serd"}
        own = Path("/home/alice/.local/state/serd/page.toml")
        of_service = Path("/var/lib/serd/page.toml")
        assert page_file(None, alice) == own
        assert page_file(Path("/home/alice/.config/serd/serd.toml"), alice) == own
        assert page_file(machine, alice) == page_file(machine, service) == of_service

    def test_that_cannot_be_entered_changes_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another user may read the settings of the machine, but not the state of its service."""

        def refuse(_path: Path) -> bool:
            raise PermissionError

        monkeypatch.setattr(folders, "SERVICE_FOLDER", tmp_path)
        monkeypatch.setattr(Path, "is_file", refuse)
        assert files_in_force(None, {"HOME": str(tmp_path)}) == []
