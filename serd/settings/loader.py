"""Settings from a TOML file, environment variables and command-line flags; the last one wins.

The environment variable of ``[mqtt] host`` is ``SERD_MQTT_HOST``. Other programs may set variables that
begin with ``SERD_`` as well: one of no section is passed over with a warning.
"""

import logging
import os
import re
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, Literal, get_type_hints

from serd.audio.source import STANDARD_INPUTS, SourceSettings
from serd.errors import SettingsError
from serd.events.alert import AlertSettings, check_alerts
from serd.events.mood import MoodSettings
from serd.events.state import ReportSettings
from serd.model.adaptation import AdaptationSettings
from serd.model.runtime import ModelSettings
from serd.model.smoothing import SmoothingSettings
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.pipeline import PipelineSettings
from serd.publishers import publisher_modules
from serd.settings.tables import Given, build, check_key, given_table, read_toml, suggestion
from serd.settings.values import parse
from serd.speech.segmenter import SegmenterSettings
from serd.speech.vad import VoiceSettings

_log = logging.getLogger("serd.settings")

ENVIRONMENT_PREFIX: Final = "SERD_"
CONFIG_VARIABLE: Final = "SERD_CONFIG"
_SERVICE_VARIABLE: Final = re.compile(
    "_SERVICE_(HOST|PORT(_.*)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$"
)
_SERVICE_ADDRESS: Final = re.compile("(tcp|udp|sctp)://")
SOURCE: Final = "source"
ALERT: Final = "alert"
SEVERAL: Final = (SOURCE, ALERT)
"""The sections that may be arrays of tables, [[source]]."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NodeSettings:
    """This machine."""

    name: str = field(default="", metadata={"form": "name"})
    """Name in topics and events, at most 64 characters; empty for the host name."""

    @property
    def resolved_name(self) -> str:
        """The name, or the host name up to its first dot."""
        return self.name or socket.gethostname().partition(".")[0] or "serd"


@dataclass(frozen=True, kw_only=True, slots=True)
class LogSettings:
    """The log on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Lowest level that is logged: debug, info, warning or error. Debug also shows the messages of C
    libraries."""
    format: Literal["auto", "text", "journal", "json"] = "auto"
    """Format of the lines: text, journal (with the level prefixes of systemd), json, or auto, which is
    journal if standard error is connected to the journal, and text otherwise."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """All settings of serd. Feature parameters are not among them, since they belong to the model."""

    node: NodeSettings = field(default_factory=NodeSettings)
    sources: tuple[SourceSettings, ...] = (SourceSettings(),)
    """The sources, one or more, with distinct names."""
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    segmenter: SegmenterSettings = field(default_factory=SegmenterSettings)
    smoothing: SmoothingSettings = field(default_factory=SmoothingSettings)
    report: ReportSettings = field(default_factory=ReportSettings)
    mood: MoodSettings = field(default_factory=MoodSettings)
    alerts: tuple[AlertSettings, ...] = ()
    """The alerts, with distinct names."""
    adaptation: AdaptationSettings = field(default_factory=AdaptationSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    log: LogSettings = field(default_factory=LogSettings)
    homeassistant: DiscoverySettings = field(default_factory=DiscoverySettings)
    publishers: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the publishers by section."""

    @property
    def pipeline(self) -> PipelineSettings:
        """The settings of the pipeline from sound to decisions."""
        return PipelineSettings(
            voice=self.voice,
            segmenter=self.segmenter,
            smoothing=self.smoothing,
            adaptation=self.adaptation,
        )


Flags = Mapping[tuple[str, str], object]
"""Values from the command line by (section, key); None for a flag that is not given."""


def section_classes() -> dict[str, type[Any]]:
    """The dataclass of each section, in the order of the settings file."""
    hints = get_type_hints(Settings)
    renamed = {"sources": (SOURCE, SourceSettings), "alerts": (ALERT, AlertSettings)}
    classes: dict[str, type[Any]] = dict(
        renamed.get(item.name, (item.name, hints[item.name]))
        for item in fields(Settings)
        if item.name != "publishers"
    )
    return classes | {name: module.Settings for name, module in publisher_modules().items()}


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Flags | None = None,
) -> Settings:
    """Load the settings from a file, the environment and flags.

    Args:
        path: the settings file; by default that of ``find_settings_file``, if there is one.
        environment: variables; by default those of the process.
        flags: values from the command line.

    Raises:
        SettingsError: a file cannot be read, a key is unknown or a value is wrong. A variable of an
            unknown section is only logged.
    """
    environment = os.environ if environment is None else environment
    path = path or find_settings_file(environment)
    classes = section_classes()
    given: dict[str, list[dict[str, Given]]] = {name: [{}] for name in classes}
    given[ALERT] = []
    given |= _from_file(path, classes) if path else {}
    for section, key, item in (
        *_from_environment(environment, classes),
        *_from_flags(flags or {}),
    ):
        if len(given[section]) > 1:
            raise SettingsError(f"{item.where}: there are several [[{section}]], set it in {path}")
        first, *_ = given[section] = given[section] or [{}]
        first[key] = item
    sources = tuple(build(SourceSettings, table) for table in given.pop(SOURCE))
    _check_distinct(sources, path)
    alerts = tuple(build(AlertSettings, table) for table in given.pop(ALERT))
    check_alerts(alerts, [source.name for source in sources])
    built = {name: build(classes[name], table) for name, (table,) in given.items()}
    publishers = {name: built.pop(name) for name in publisher_modules()}
    return Settings(**built, sources=sources, alerts=alerts, publishers=publishers)


def _check_distinct(sources: Sequence[SourceSettings], path: Path | None) -> None:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"{path}: two [[{SOURCE}]] are named {name!r}, expected a name for each")
    readers = [source.name for source in sources if source.input in STANDARD_INPUTS]
    if len(readers) > 1:
        raise SettingsError(
            f"{path}: the [[{SOURCE}]] {' and '.join(readers)} read standard input,"
            " expected at most one; give each other one a FIFO (mkfifo)"
        )


def find_settings_file(environment: Mapping[str, str]) -> Path | None:
    """The file that SERD_CONFIG names, else the user's, else the machine's; None without any."""
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return next((path for path in settings_places(environment) if path.is_file()), None)


def settings_places(environment: Mapping[str, str]) -> list[Path]:
    """The paths at which a settings file is searched, in order."""
    home = Path(environment.get("HOME", "/"))
    config_home = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return [config_home / "serd" / "serd.toml", Path("/etc/serd/serd.toml")]


def _from_file(path: Path, classes: Mapping[str, type[Any]]) -> dict[str, list[dict[str, Given]]]:
    """The tables of each section in the file; only those of ``SEVERAL`` may have several."""
    body = read_toml(path)
    for section in body:
        if section not in classes:
            raise SettingsError(f"{path}: unknown section [{section}]{suggestion(section, classes)}")
    return {
        section: [
            given_table(classes[section], each, path, section) for each in _as_tables(section, item)
        ]
        for section, item in body.items()
    }


def _as_tables(section: str, item: object) -> list[object]:
    return item if section in SEVERAL and isinstance(item, list) and item else [item]


def _from_environment(
    environment: Mapping[str, str], classes: Mapping[str, type[Any]]
) -> Iterator[tuple[str, str, Given]]:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        where = f"environment {variable}"
        if _is_service_link(variable, text):
            _log.warning("%s is passed over: Kubernetes or Docker sets it for a service", where)
            continue
        if section not in classes:
            hint = suggestion(section, classes)
            _log.warning("%s is passed over: there is no section [%s]%s", where, section, hint)
            continue
        check_key(classes[section], key, f"{where}: unknown key [{section}] {key}")
        hint = get_type_hints(classes[section], include_extras=True)[key]
        yield section, key, Given(parse(text, hint, where), where)


def _is_service_link(variable: str, text: str) -> bool:
    """Whether a variable describes a service in the cluster, whose name happens to begin with "serd"."""
    return bool(_SERVICE_VARIABLE.search(variable)) or (
        variable.endswith("_PORT") and bool(_SERVICE_ADDRESS.match(text))
    )


def _from_flags(flags: Flags) -> Iterator[tuple[str, str, Given]]:
    for (section, key), value in flags.items():
        if value is not None:
            yield section, key, Given(value, f"command line: [{section}] {key}")
