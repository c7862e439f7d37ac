"""The state folder of a user, and that of the service."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

SERVICE_FOLDER: Final = Path("/var/lib/serd")
"""The state folder of ``systemd/serd.service``."""


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder that systemd provides (``$STATE_DIRECTORY``), else the user's; it may not exist yet.

    The user's folder is ``$XDG_STATE_HOME/serd``, by default ``~/.local/state/serd``, as the XDG Base
    Directory Specification defines.
    """
    # systemd separates several folders by colons (systemd.exec(5)).
    if service_folder := environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(service_folder)
    state_home = environment.get("XDG_STATE_HOME", "")
    if not Path(state_home).is_absolute():
        state_home = str(Path(environment.get("HOME") or "/") / ".local" / "state")
    return Path(state_home) / "serd"


def state_places(environment: Mapping[str, str]) -> list[Path]:
    """The folders in which the state of a daemon is searched, in order: one's own, the service's."""
    folder = state_folder(environment)
    is_named = bool(environment.get("STATE_DIRECTORY"))
    return [folder] if is_named else [folder, SERVICE_FOLDER]
