"""Checks that the files which hold a password cannot be read by every user of the machine."""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serd.cli.doctor.findings import Finding, fail, ok
from serd.errors import SettingsError
from serd.settings.files import CREDENTIAL_FILE, settings_files
from serd.settings.loader import Settings, section_classes
from serd.settings.tables import read_toml
from serd.settings.values import secret_keys


def password_findings(
    path: Path | None, settings: Settings | None, credential: Path = CREDENTIAL_FILE
) -> Iterator[Finding]:
    """Check the settings files, the password file and the file of the credential, if they exist.

    Args:
        path: the settings file, whose fragments are checked as well; None without one.
        settings: the settings in force; None if they are wrong.
        credential: the file of the service's credential.
    """
    candidates = [credential]
    if settings is not None and (named := settings.publishers["mqtt"].password_file):
        candidates.insert(0, Path(named))
    files = settings_files(path) if path is not None else []
    candidates = [*filter(_holds_password, files), *candidates]
    for file in dict.fromkeys(candidates):
        mode = _mode(file)
        if mode is None:
            continue
        if mode & stat.S_IROTH:
            yield fail(
                "password",
                f"{file} holds a password, and every user of this machine can read it (mode {mode:04o})",
                f"chmod o= {file}",
            )
        else:
            yield ok("password", f"{file} cannot be read by every user (mode {mode:04o})")


def _holds_password(path: Path) -> bool:
    """Whether a settings file sets a secret key; False for a file that cannot be read."""
    try:
        body = read_toml(path)
    except SettingsError:
        return False
    return any(
        table.get(key)
        for section, cls in section_classes().items()
        for table in _tables(body.get(section))
        for key in secret_keys(cls)
    )


def _tables(item: object) -> Iterator[dict[str, Any]]:
    """The tables of a section, whatever the file has in its place."""
    for each in item if isinstance(item, list) else [item]:
        if isinstance(each, dict):
            yield each


def _mode(file: Path) -> int | None:
    """The permissions of a file; None if it does not exist or cannot be reached."""
    try:
        return stat.S_IMODE(file.stat().st_mode)
    except OSError:
        return None
