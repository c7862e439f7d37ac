"""The settings file, the fragments that are merged over it, and the file of the page.

Fragments are the files ``conf.d/*.toml`` beside the settings file, in the order of their names. A table
is merged key by key, so a fragment has only what it changes. Of [[source]] and [[alert]], a table is
merged with that of the same name, and is added if there is none. The last file is ``page.toml`` in the
state folder of the daemon, which its page writes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from serd.audio import folders
from serd.errors import SettingsError
from serd.settings.tables import Given, given_table, read_toml, suggestion

CONFIG_VARIABLE: Final = "SERD_CONFIG"
FRAGMENTS: Final = "conf.d"
"""Name of the folder of fragments, beside the settings file."""
PAGE_FILE: Final = "page.toml"
"""Name of the file of the page, in the state folder."""
SERVICE_SETTINGS: Final = Path("/etc/serd/serd.toml")
"""The settings file of the machine, and of its service."""
CREDENTIAL_FILE: Final = Path("/etc/serd/mqtt-password")
"""The file that the unit of the service passes on as a credential."""
SOURCE: Final = "source"
ALERT: Final = "alert"
SEVERAL: Final = (SOURCE, ALERT)
"""The sections that may be arrays of tables, [[source]]."""
_MAX_FRAGMENTS: Final = 100

Tables = dict[str, list[dict[str, Given]]]
"""The tables of each section; only those of ``SEVERAL`` may have none or several."""


def settings_places(environment: Mapping[str, str]) -> list[Path]:
    """The paths at which a settings file is searched, in order."""
    home = Path(environment.get("HOME", "/"))
    config_home = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return [config_home / "serd" / "serd.toml", SERVICE_SETTINGS]


def find_settings_file(environment: Mapping[str, str]) -> Path | None:
    """The file that SERD_CONFIG names, else the user's, else the machine's; None without any.

    The file itself may be missing where there are fragments.
    """
    if named := environment.get(CONFIG_VARIABLE):
        return Path(named)
    return next((path for path in settings_places(environment) if settings_files(path)), None)


def settings_files(path: Path) -> list[Path]:
    """The files that are read for a settings file: itself, if it exists, and then its fragments.

    Raises:
        SettingsError: the folder cannot be read, or has more than 100 fragments.
    """
    folder = path.parent / FRAGMENTS
    try:
        names = [each for each in folder.iterdir() if each.suffix == ".toml"]
    except (FileNotFoundError, NotADirectoryError):
        names = []
    except OSError as exc:
        raise SettingsError(f"{folder}: cannot be read: {exc.strerror}") from exc
    fragments = sorted(each for each in names if not each.name.startswith("."))
    if len(fragments) > _MAX_FRAGMENTS:
        raise SettingsError(f"{folder}: {len(fragments)} files, expected at most {_MAX_FRAGMENTS}")
    return [path, *fragments] if path.is_file() else fragments


def daemon_environment(path: Path | None, environment: Mapping[str, str]) -> Mapping[str, str]:
    """The variables of the daemon that has a settings file, whoever asks.

    With the settings of the machine it is the service, to which systemd gives a state folder and a
    credential.

    Args:
        path: the settings file of the daemon; None without one.
        environment: variables of this process, which may be the daemon.
    """
    if path != SERVICE_SETTINGS or environment.get("STATE_DIRECTORY"):
        return environment
    return {
        **environment,
        "STATE_DIRECTORY": str(folders.SERVICE_FOLDER),
        "CREDENTIALS_DIRECTORY": str(CREDENTIAL_FILE.parent),
    }


def page_file(path: Path | None, environment: Mapping[str, str]) -> Path:
    """The file that the page of a daemon writes, which may not exist.

    Args:
        path: the settings file of the daemon; None without one.
        environment: variables of this process.
    """
    return folders.state_folder(daemon_environment(path, environment)) / PAGE_FILE


def files_in_force(path: Path | None, environment: Mapping[str, str]) -> list[Path]:
    """All files that are read: settings file (which may be missing), fragments, and that of the page.

    Args:
        path: the settings file; None without one.
        environment: variables of the process.

    Raises:
        SettingsError: as ``settings_files``.
    """
    files = [] if path is None else settings_files(path) or [path]
    page = page_file(path, environment)
    try:
        has_page = page.is_file()
    except OSError:  # the state of another user, whose page changes nothing here
        has_page = False
    return [*files, page] if has_page else files


def given_in_files(files: Sequence[Path], classes: Mapping[str, type[Any]]) -> Tables:
    """The tables of each section in several files, each merged over those before it.

    Args:
        files: the settings file, fragments, and the file of the page.
        classes: the dataclass of each section.

    Raises:
        SettingsError: a file cannot be read, or has an unknown section or key; the message names it.
    """
    merged: Tables = {}
    for file in files:
        merged = merged_with(merged, read_toml(file), file, classes)
    return merged


def merged_with(
    before: Tables, body: Mapping[str, Any], file: Path, classes: Mapping[str, type[Any]]
) -> Tables:
    """Tables with those of a further file merged over them.

    Args:
        before: the tables of the files before it.
        body: the content of the file.
        file: its path, for messages.
        classes: the dataclass of each section.

    Raises:
        SettingsError: it has an unknown section or key.
    """
    merged = dict(before)
    for section, tables in _given_in(body, file, classes).items():
        if section in SEVERAL:
            merged[section] = _with_named(merged.get(section, []), tables, classes[section], file)
        else:
            (earlier,), (table,) = merged.get(section) or [{}], tables
            merged[section] = [earlier | table]
    return merged


def _given_in(body: Mapping[str, Any], path: Path, classes: Mapping[str, type[Any]]) -> Tables:
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


def _with_named(
    before: Sequence[dict[str, Given]],
    tables: Sequence[dict[str, Given]],
    cls: type[Any],
    path: Path,
) -> list[dict[str, Given]]:
    """The tables before, each merged with the one of its name, and then the others.

    Tables of the same file are never merged with each other: two of one name are a mistake.
    """
    default = next(each.default for each in fields(cls) if each.name == "name")
    names = [table["name"].value if "name" in table else default for table in before]
    merged = [dict(table) for table in before]
    free = set(range(len(before)))
    for table in tables:
        name = table["name"].value if "name" in table else names[0] if len(names) == 1 else default
        same = names.index(name) if name in names else -1
        if same in free:
            free.discard(same)
            merged[same] |= table
        elif before and "name" not in table:
            known = ", ".join(map(str, names))
            raise SettingsError(
                f"{path}: a table without a name, expected the name of a new one, or one of: {known}"
            )
        else:
            merged.append(table)
    return merged
