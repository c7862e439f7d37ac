"""Settings: from a TOML file, then the environment, then flags, each overriding the one before.

The environment variable of ``[mqtt] host`` is ``SERD_MQTT_HOST``. Whatever is wrong is named with where
it came from, the key, the value and what was expected.
"""

import difflib
import json
import math
import os
import socket
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

from serd.discovery_settings import DiscoverySettings
from serd.docstrings import field_docs
from serd.errors import SettingsError
from serd.logs import FORMATS, LEVELS
from serd.pipeline import PipelineSettings
from serd.publishers import publisher_modules
from serd.reporting import ReportSettings
from serd.runtime import ModelSettings
from serd.segmenter import SegmenterSettings
from serd.smoothing import SmoothingSettings
from serd.sources import SourceSettings
from serd.voice import VoiceSettings

ENVIRONMENT_PREFIX = "SERD_"
CONFIG_VARIABLE = "SERD_CONFIG"
SOURCE = "source"
"""The one section that may be there several times, as [[source]]."""
SECRET_MASK = "********"  # noqa: S105


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSettings:
    """This machine."""

    name: str = ""
    """Name in topics and events; empty for the host name."""

    @property
    def resolved_name(self) -> str:
        """The name, or the host name up to its first dot."""
        return self.name or socket.gethostname().partition(".")[0] or "serd"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSettings:
    """What is said on standard error."""

    level: str = "info"
    """Least level that is said: debug, info, warning or error. At debug, what C libraries print is
    shown as well."""
    format: str = "auto"
    """Form of the lines: text, journal (levels as systemd reads them), json, or auto, which is journal
    where standard error leads there and text elsewhere."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if self.level not in LEVELS:
            yield "level", f"one of: {', '.join(LEVELS)}"
        if self.format not in FORMATS:
            yield "format", f"one of: {', '.join(FORMATS)}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything an operator can set. There is no feature parameter: those are the model's own."""

    node: NodeSettings = field(default_factory=NodeSettings)
    sources: tuple[SourceSettings, ...] = (SourceSettings(),)
    """One or more, each with a name of its own."""
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    log: LogSettings = field(default_factory=LogSettings)
    homeassistant: DiscoverySettings = field(default_factory=DiscoverySettings)
    publishers: Mapping[str, Any] = field(default_factory=dict)
    """Settings of each publisher, by its section."""

    @property
    def pipeline(self) -> PipelineSettings:
        """The part that turns sound into events."""
        return PipelineSettings(
            voice=self.voice,
            segmenter=self.segmenter,
            smoothing=self.smoothing,
            report=self.report,
        )


@dataclass(frozen=True, slots=True)
class _Given:
    value: object
    where: str
    """For a message: "serd.toml: [mqtt] port", "environment SERD_MQTT_PORT", "--port"."""


Flags = Mapping[tuple[str, str], object]
"""Values from the command line by (section, key); None where the flag was not given."""


def section_classes() -> dict[str, type[Any]]:
    """The dataclass of each section, in the order of the settings file."""
    hints = get_type_hints(Settings)
    apart = {"sources": (SOURCE, SourceSettings)}
    own: dict[str, type[Any]] = dict(
        apart.get(item.name, (item.name, hints[item.name]))
        for item in fields(Settings)
        if item.name != "publishers"
    )
    return own | {name: module.Settings for name, module in publisher_modules().items()}


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Flags | None = None,
) -> Settings:
    """Settings from a file, the environment and flags.

    Args:
        path: the settings file; by default ``find_settings_file``, and none if there is none.
        environment: variables; by default those of the process.
        flags: values from the command line.

    Raises:
        SettingsError: a file that cannot be read, an unknown key or a bad value.
    """
    environment = os.environ if environment is None else environment
    path = path or find_settings_file(environment)
    classes = section_classes()
    given: dict[str, list[dict[str, _Given]]] = {name: [{}] for name in classes}
    given |= _from_file(path, classes) if path else {}
    for section, key, item in (
        *_from_environment(environment, classes),
        *_from_flags(flags or {}),
    ):
        if len(given[section]) > 1:
            raise SettingsError(f"{item.where}: there are several [[{section}]], set it in {path}")
        given[section][0][key] = item
    sources = tuple(_build(SourceSettings, table) for table in given.pop(SOURCE))
    _check_names(sources, path)
    built = {name: _build(classes[name], table) for name, (table,) in given.items()}
    publishers = {name: built.pop(name) for name in publisher_modules()}
    return Settings(**built, sources=sources, publishers=publishers)


def _check_names(sources: Sequence[SourceSettings], path: Path | None) -> None:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"{path}: two [[{SOURCE}]] are named {name!r}, expected a name for each")


def find_settings_file(environment: Mapping[str, str]) -> Path | None:
    """The file that SERD_CONFIG names, else the user's, else the machine's, else none."""
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return next((path for path in settings_places(environment) if path.is_file()), None)


def settings_places(environment: Mapping[str, str]) -> list[Path]:
    """Where a settings file is looked for, in this order."""
    home = Path(environment.get("HOME", "/"))
    config_home = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return [config_home / "serd" / "serd.toml", Path("/etc/serd/serd.toml")]


def _from_file(path: Path, classes: Mapping[str, type[Any]]) -> dict[str, list[dict[str, _Given]]]:
    """The tables of each section that is there; several only of ``SOURCE``."""
    try:
        body = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as exc:
        raise SettingsError(f"{path}: no such settings file") from exc
    except OSError as exc:
        raise SettingsError(f"{path}: the settings cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: no TOML: {exc}") from exc
    for section in body:
        if section not in classes:
            raise SettingsError(f"{path}: unknown section [{section}]{_hint(section, classes)}")
    return {
        section: [
            _from_table(path, section, each, classes[section]) for each in _as_tables(section, item)
        ]
        for section, item in body.items()
    }


def _as_tables(section: str, item: object) -> list[object]:
    return item if section == SOURCE and isinstance(item, list) and item else [item]


def _from_table(path: Path, section: str, table: object, cls: type[Any]) -> dict[str, _Given]:
    if not isinstance(table, dict):
        raise SettingsError(f"{path}: {section} = {table!r}, expected a table [{section}]")
    for key in table:
        _check_key(cls, key, f"{path}: unknown key [{section}] {key}")
    return {key: _Given(value, f"{path}: [{section}] {key}") for key, value in table.items()}


def _from_environment(
    environment: Mapping[str, str], classes: Mapping[str, type[Any]]
) -> Iterator[tuple[str, str, _Given]]:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        where = f"environment {variable}"
        if section not in classes:
            raise SettingsError(f"{where}: unknown section [{section}]{_hint(section, classes)}")
        _check_key(classes[section], key, f"{where}: unknown key [{section}] {key}")
        hint = get_type_hints(classes[section])[key]
        yield section, key, _Given(_parse(text, hint, where), where)


def _from_flags(flags: Flags) -> Iterator[tuple[str, str, _Given]]:
    for (section, key), value in flags.items():
        if value is not None:
            yield section, key, _Given(value, f"command line: [{section}] {key}")


def _build(cls: type[Any], given: Mapping[str, _Given]) -> Any:  # noqa: ANN401
    hints = get_type_hints(cls)
    secret = {item.name for item in fields(cls) if item.metadata.get("secret")}
    values = {key: _checked(item, hints[key], key in secret) for key, item in given.items()}
    built = cls(**values)
    for key, expected in built.problems() if hasattr(built, "problems") else ():
        where = given[key].where if key in given else f"default of {key}"
        raise SettingsError(f"{where} = {_shown(built, key)}, expected {expected}")
    return built


_TYPE_NAMES = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}
_BOOLEANS = dict.fromkeys(("1", "true", "yes", "on"), True) | dict.fromkeys(
    ("0", "false", "no", "off"), False
)


def _parse(text: str, hint: type, where: str) -> object:
    """A value from the text of an environment variable."""
    try:
        if hint is bool:
            return _BOOLEANS[text.strip().lower()]
        return hint(text)
    except (ValueError, KeyError) as exc:
        raise SettingsError(f"{where} = {text!r}, expected {_TYPE_NAMES[hint]}") from exc


def _checked(given: _Given, hint: type, is_secret: bool) -> object:  # noqa: FBT001
    value = given.value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if type(value) is not hint or (isinstance(value, float) and not math.isfinite(value)):
        shown = SECRET_MASK if is_secret else repr(value)
        raise SettingsError(f"{given.where} = {shown}, expected {_TYPE_NAMES[hint]}")
    return value


def _check_key(cls: type[Any], key: str, message: str) -> None:
    names = [item.name for item in fields(cls)]
    if key not in names:
        raise SettingsError(f"{message}{_hint(key, names)}")


def _hint(got: str, known: "Mapping[str, Any] | list[str]") -> str:
    close = difflib.get_close_matches(got, list(known), n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f", expected one of: {', '.join(known)}"


def settings_template() -> str:
    """A settings file with every key, its description and its default, all commented out."""
    parts = ["# Settings of serd. Every key is shown with its default; take away the # to change it."]
    for section, cls in section_classes().items():
        about = (cls.__doc__ or "").splitlines()[0]
        docs = field_docs(cls)
        default = cls()
        several = f" For several, write [[{section}]] over each." if section == SOURCE else ""
        lines = ["", f"# {about}{several}", f"[{section}]"]
        for item in fields(cls):
            lines += textwrap.wrap(docs[item.name], 96, initial_indent="# ", subsequent_indent="# ")
            lines.append(f"#{item.name} = {_toml(getattr(default, item.name))}")
        parts += lines
    return "\n".join(parts) + "\n"


def settings_as_toml(settings: Settings) -> str:
    """The settings in force, as a settings file; secrets are masked."""
    lines: list[str] = []
    for section in section_classes():
        tables, head = _tables(settings, section)
        for table in tables:
            lines += ["", head]
            lines += [f"{item.name} = {_shown(table, item.name)}" for item in fields(table)]
    return "\n".join(lines[1:]) + "\n"


def _tables(settings: Settings, section: str) -> tuple[Sequence[Any], str]:
    """The tables of a section, and the line that stands over each."""
    if section == SOURCE:
        head = f"[[{section}]]" if len(settings.sources) > 1 else f"[{section}]"
        return settings.sources, head
    table = settings.publishers.get(section) or getattr(settings, section)
    return [table], f"[{section}]"


def _shown(table: Any, key: str) -> str:  # noqa: ANN401
    value = getattr(table, key)
    is_secret = any(item.name == key and item.metadata.get("secret") for item in fields(table))
    return _toml(SECRET_MASK if is_secret and value else value)


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
