"""Settings from TOML files, environment variables and command-line flags; the last one wins.

The environment variable of ``[mqtt] host`` is ``SERD_MQTT_HOST``. Other programs may set variables that
begin with ``SERD_`` as well: one of no section is ignored with a warning.
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
from serd.settings.files import (
    ALERT,
    CONFIG_VARIABLE,
    SEVERAL,
    SOURCE,
    Tables,
    files_in_force,
    find_settings_file,
    given_in_files,
)
from serd.settings.tables import Given, build, check_key, suggestion
from serd.settings.values import parse
from serd.speech.segmenter import SegmenterSettings
from serd.speech.vad import VoiceSettings

_log = logging.getLogger("serd.settings")

ENVIRONMENT_PREFIX: Final = "SERD_"
_SERVICE_VARIABLE: Final = re.compile(
    "_SERVICE_(HOST|PORT(_.*)?)$|_PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?$"
)
_SERVICE_ADDRESS: Final = re.compile("(tcp|udp|sctp)://")


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
    """Load the settings from files, the environment and flags.

    Args:
        path: the settings file; by default that of ``find_settings_file``, if there is one. Its
            fragments are read as well, and so is the file of the page.
        environment: variables; by default those of the process.
        flags: values from the command line.

    Raises:
        SettingsError: a file cannot be read, a key is unknown or a value is wrong. A variable of an
            unknown section is only logged.
    """
    return build_settings(given_settings(path, environment=environment, flags=flags))


def given_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    flags: Flags | None = None,
) -> Tables:
    """The unchecked values of each section, each with its origin; the arguments are as above.

    Raises:
        SettingsError: a file cannot be read, or a key is unknown.
    """
    environment = os.environ if environment is None else environment
    path = path or find_settings_file(environment)
    classes = section_classes()
    in_files = given_in_files(files_in_force(path, environment), classes)
    return overlaid(in_files, path, environment=environment, flags=flags or {})


def overlaid(
    in_files: Tables, path: Path | None, *, environment: Mapping[str, str], flags: Flags
) -> Tables:
    """The values of each section from files, with those of the environment and flags over them.

    Args:
        in_files: the tables of the sections that are in files.
        path: the settings file, for messages.
        environment: variables.
        flags: values from the command line.

    Raises:
        SettingsError: a key is unknown, or there are several tables of a section.
    """
    classes = section_classes()
    given: Tables = {name: [] if name == ALERT else [{}] for name in classes}
    given |= {section: [dict(table) for table in tables] for section, tables in in_files.items()}
    for section, key, item in (*_from_environment(environment, classes), *_from_flags(flags)):
        if len(given[section]) > 1:
            raise SettingsError(f"{item.where}: there are several [[{section}]], set it in {path}")
        first, *_ = given[section] = given[section] or [{}]
        first[key] = item
    return given


def build_settings(given: Tables) -> Settings:
    """Check all values, and make the settings of them.

    Raises:
        SettingsError: a value is wrong.
    """
    classes = section_classes()
    sources = tuple(build(SourceSettings, table) for table in given[SOURCE])
    _check_distinct(sources)
    alerts = tuple(build(AlertSettings, table) for table in given[ALERT])
    check_alerts(alerts, [source.name for source in sources])
    single = {name: tables[0] for name, tables in given.items() if name not in SEVERAL}
    built = {name: build(classes[name], table) for name, table in single.items()}
    publishers = {name: built.pop(name) for name in publisher_modules()}
    return Settings(**built, sources=sources, alerts=alerts, publishers=publishers)


def _check_distinct(sources: Sequence[SourceSettings]) -> None:
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise SettingsError(f"two [[{SOURCE}]] are named {name!r}, expected a name for each")
    readers = [source.name for source in sources if source.input in STANDARD_INPUTS]
    if len(readers) > 1:
        raise SettingsError(
            f"the [[{SOURCE}]] {' and '.join(readers)} read standard input,"
            " expected at most one; give each other one a FIFO (mkfifo)"
        )


def _from_environment(
    environment: Mapping[str, str], classes: Mapping[str, type[Any]]
) -> Iterator[tuple[str, str, Given]]:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(ENVIRONMENT_PREFIX) or variable == CONFIG_VARIABLE:
            continue
        section, _, key = variable.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        where = f"environment {variable}"
        if _is_service_link(variable, text):
            _log.warning("%s is ignored: Kubernetes or Docker sets it for a service", where)
            continue
        if section not in classes:
            hint = suggestion(section, classes)
            _log.warning("%s is ignored: there is no section [%s]%s", where, section, hint)
            continue
        check_key(classes[section], key, f"{where}: unknown key [{section}] {key}")
        hint = get_type_hints(classes[section], include_extras=True)[key]
        yield section, key, Given(parse(text, hint, where), where, where)


def _is_service_link(variable: str, text: str) -> bool:
    """Whether a variable describes a service in the cluster, whose name happens to begin with "serd"."""
    return bool(_SERVICE_VARIABLE.search(variable)) or (
        variable.endswith("_PORT") and bool(_SERVICE_ADDRESS.match(text))
    )


def _from_flags(flags: Flags) -> Iterator[tuple[str, str, Given]]:
    for (section, key), value in flags.items():
        if value is not None:
            where = f"command line: [{section}] {key}"
            yield section, key, Given(value, where, "command line")
