"""What the page needs to know of the settings, whose layer is above that of the publishers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class SettingChange:
    """The change of a setting, or the removal of what the page has set."""

    section: str
    """Name of the section, such as "smoothing"."""
    name: str = ""
    """Name of the table where there may be several, such as that of an alert; else empty."""
    key: str = ""
    """The setting; empty to remove the whole table, which the page has added."""
    value: object = None
    """The new value; None for that of the other files, or the default."""


class SettingsEditor(Protocol):
    """Describes the settings, and changes those that are in the file of the page.

    Its methods read and write the disk.
    """

    def describe(self) -> dict[str, Any]:
        """All settings with their descriptions and values, as JSON; secrets are left out.

        Raises:
            SettingsError: the files cannot be read, or are wrong.
        """
        ...

    def change(self, changes: Sequence[SettingChange], *, tag: str, saves: bool) -> list[str]:
        """The difference that changes make, as lines that begin with a space, "-" or "+".

        Args:
            changes: the changes, in order.
            tag: that of the description which they are made from.
            saves: whether they are written.

        Raises:
            ChangedError: the files have changed since the description; nothing is saved.
            SerdError: a value is wrong, a secret is to be changed, or the file of the page cannot be
                written; nothing is saved.
        """
        ...
