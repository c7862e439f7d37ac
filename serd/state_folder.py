"""Where the daemon keeps what must outlive it: waiting events and the values of its controls."""

from collections.abc import Mapping
from pathlib import Path


def state_folder(environment: Mapping[str, str]) -> Path:
    """The folder that systemd made for us (``$STATE_DIRECTORY``), else the user's; it may not exist yet.

    The user's is ``$XDG_STATE_HOME/serd``, by default ``~/.local/state/serd``, as the XDG Base
    Directory Specification has it.
    """
    # systemd joins several folders with colons; ours is the first (systemd.exec(5)).
    if of_service := environment.get("STATE_DIRECTORY", "").partition(":")[0]:
        return Path(of_service)
    state_home = environment.get("XDG_STATE_HOME", "")
    if not Path(state_home).is_absolute():
        state_home = str(Path(environment.get("HOME") or "/") / ".local" / "state")
    return Path(state_home) / "serd"
