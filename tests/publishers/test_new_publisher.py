"""A publisher is added by adding one file to ``serd/publishers``; nothing else has to change."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import serd.publishers
from serd.daemon.supervisor import Supervisor
from serd.errors import SettingsError
from serd.publishers import Context, publisher_modules
from serd.publishers.group import PublisherGroup
from serd.settings.loader import load_settings
from serd.settings.template import settings_as_toml
from testkit.made_events import make_event

MODULE = '''
"""Appends the emotion of each event to a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from serd.events.event import Event
from serd.publishers import Context

SECTION = "diary"
KEEPS_EVENTS = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Emotions in a file."""

    enabled: bool = False
    """Whether emotions are written."""
    path: str = ""
    """The file."""
    max_lines: int = 100
    """Lines that are written, 1 to 1000."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if not 1 <= self.max_lines <= 1000:
            yield "max_lines", "1 to 1000"


def create(settings: Settings, context: Context) -> "Diary | None":
    """A diary, or None if it is disabled."""
    return Diary(settings, context.node) if settings.enabled else None


class Diary:
    """Writes one line an event."""

    def __init__(self, settings, node):
        self._settings = settings
        self._lines = [node]

    def publish(self, report):
        """Note an event."""
        if isinstance(report, Event) and len(self._lines) <= self._settings.max_lines:
            self._lines.append(f"{report.id} {report.emotion}")

    def close(self, timeout_s):
        """Write the file."""
        Path(self._settings.path).write_text(json.dumps(self._lines), "utf-8")
'''


@pytest.fixture
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The module of a publisher, found as if its file lay in the package's folder."""
    folder = tmp_path / "publishers"
    folder.mkdir()
    (folder / "diary.py").write_text(MODULE, "utf-8")
    monkeypatch.setattr(serd.publishers, "__path__", [*serd.publishers.__path__, str(folder)])
    yield
    sys.modules.pop("serd.publishers.diary", None)
    vars(serd.publishers).pop("diary", None)


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    """A settings file that turns the new publisher on, and the other ones off."""
    path = tmp_path / "serd.toml"
    path.write_text(
        "[mqtt]\nenabled = false\n[screen]\nenabled = false\n"
        f'[diary]\nenabled = true\npath = "{tmp_path / "diary.json"}"\nmax_lines = 7\n',
        "utf-8",
    )
    return path


@pytest.mark.usefixtures("diary")
def test_it_is_found_by_its_section_among_those_that_keep_events() -> None:
    """Publishers that keep events come first, and the new one declares that it does."""
    keeping = [
        section for section, module in publisher_modules().items() if hasattr(module, "KEEPS_EVENTS")
    ]
    assert set(keeping) == {"diary", "mqtt"}
    assert list(publisher_modules())[:2] == keeping


@pytest.mark.usefixtures("diary")
def test_its_settings_come_from_the_file_and_the_environment(toml: Path) -> None:
    """The environment overrides the file, as for every section, and ``serd config`` shows both."""
    settings = load_settings(toml, environment={"SERD_DIARY_MAX_LINES": "2"})
    assert settings.publishers["diary"].enabled
    assert settings.publishers["diary"].max_lines == 2
    assert "[diary]" in settings_as_toml(settings)
    assert "max_lines = 2" in settings_as_toml(settings)


@pytest.mark.usefixtures("diary")
def test_its_problems_are_named_with_their_key(toml: Path) -> None:
    """A value that cannot work, and a key that does not exist, are errors of the settings."""
    with pytest.raises(SettingsError, match=r"SERD_DIARY_MAX_LINES.*1 to 1000"):
        load_settings(toml, environment={"SERD_DIARY_MAX_LINES": "0"})
    toml.write_text("[diary]\nlines = 7\n", "utf-8")
    with pytest.raises(SettingsError, match=r"\[diary\] lines"):
        load_settings(toml, environment={})


@pytest.mark.usefixtures("diary")
def test_it_receives_events(toml: Path, tmp_path: Path) -> None:
    """It is created with its settings and the context, gets each event, and is closed."""
    settings = load_settings(toml, environment={"SERD_DIARY_MAX_LINES": "2"})
    group = PublisherGroup(
        settings.publishers, Context(node="pi", sources=("mic",), threads=Supervisor())
    )
    for number in range(3):
        group.publish(make_event(number, emotion="sad"))
    group.close(1.0, raises_errors=True)
    assert json.loads((tmp_path / "diary.json").read_text("utf-8")) == ["pi", "0 sad", "1 sad"]
