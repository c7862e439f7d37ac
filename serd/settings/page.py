"""The settings that are changed on the page: a file of their own, which is read after all others.

It is ``page.toml`` in the state folder, since the daemon may write there and nowhere else; the files of
the user, with their comments, are never touched. It has only what differs from them.
"""

import contextlib
import hashlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serd.audio.private_files import write_private
from serd.errors import ChangedError, SettingsError
from serd.publishers.editing import SettingChange
from serd.settings.files import (
    Tables,
    files_in_force,
    find_settings_file,
    given_in_files,
    merged_with,
    page_file,
)
from serd.settings.form import difference, form
from serd.settings.loader import Flags, Settings, build_settings, overlaid, section_classes
from serd.settings.page_tables import Own, apply, as_file, needed, own_tables
from serd.settings.tables import read_toml


@dataclass(frozen=True, slots=True)
class _Present:
    """The files as they are."""

    path: Path | None
    """The settings file."""
    others: Tables
    """The tables of all files but that of the page."""
    page: Path
    own: Own
    tag: str
    """Changes with the content of the files."""


class PageEditor:
    """Describes and changes the settings for the page; see ``SettingsEditor``."""

    def __init__(
        self,
        path: Path | None,
        *,
        environment: Mapping[str, str],
        flags: Flags,
        check: Callable[[Settings], object],
    ) -> None:
        """Prepare the editor without reading a file.

        Args:
            path: the settings file of ``--config``; None for that of ``find_settings_file``.
            environment: variables of the process.
            flags: values from the command line.
            check: raises a ``SerdError`` if the daemon cannot use some settings.
        """
        self._path = path
        self._environment = environment
        self._flags = flags
        self._check = check

    def describe(self) -> dict[str, Any]:
        """All settings with their descriptions and values, as JSON; secrets are left out.

        Raises:
            SettingsError: the files cannot be read, or are wrong.
        """
        present = self._present()
        given = self._given(present, present.own)
        page = str(present.page)
        sections = form(build_settings(given), given, page)
        return {"file": page, "tag": present.tag, "has_own": bool(present.own), "sections": sections}

    def change(self, changes: Sequence[SettingChange], *, tag: str, saves: bool) -> list[str]:
        """The difference that changes make, as lines; see ``SettingsEditor``.

        Raises:
            SerdError: a value is wrong, a secret is to be changed, the files have changed since the
                description, or the file of the page cannot be written; nothing has changed.
        """
        present = self._present()
        if tag != present.tag:
            raise ChangedError("the settings have changed meanwhile; load them again")
        before = build_settings(self._given(present, present.own))
        own = {section: [dict(each) for each in tables] for section, tables in present.own.items()}
        for change in changes:
            apply(change, own, present.others)
        kept = needed(own, present.others)
        after = build_settings(self._given(present, kept))
        self._check(after)
        if saves:
            _write(present.page, as_file(kept) if kept else "")
        return difference(before, after)

    def _present(self) -> _Present:
        path = self._path or find_settings_file(self._environment)
        page = page_file(path, self._environment)
        files = files_in_force(path, self._environment)
        others = [file for file in files if file != page]
        own = own_tables(read_toml(page)) if page in files else {}
        digest = hashlib.sha256()
        for file in files:
            with contextlib.suppress(OSError):
                digest.update(file.read_bytes())
        tables = given_in_files(others, section_classes())
        return _Present(path, tables, page, own, digest.hexdigest()[:16])

    def _given(self, present: _Present, own: Own) -> Tables:
        """The values of all sections, with those of the page."""
        body = tomllib.loads(as_file(own))
        merged = merged_with(present.others, body, present.page, section_classes())
        return overlaid(merged, present.path, environment=self._environment, flags=self._flags)


def _write(path: Path, text: str) -> None:
    """Write the page's file in one step, or remove it if it would be empty.

    Raises:
        SettingsError: that does not work; the file is as it was.
    """
    unfinished = path.with_name(f"{path.name}.part")
    try:
        if not text:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(unfinished, text.encode(), is_synced=True)
        unfinished.replace(path)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be written: {exc.strerror}") from exc
