"""Where the history is: in one's own state folder, or in that of the service."""

import os
from pathlib import Path

from serd.audio.folders import state_places
from serd.errors import InputError
from serd.publishers.history import HISTORY_FILE


def find_history() -> Path:
    """The file of the history.

    Raises:
        InputError: there is none, or it is in a folder that cannot be entered.
    """
    paths = [folder / HISTORY_FILE for folder in state_places(os.environ)]
    for path in paths:
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as exc:
            raise InputError(
                f"{path}: {exc.strerror}; run the command as the user of serd, or with sudo"
            ) from exc
        return path
    places = " nor ".join(map(str, paths))
    none = f"neither {places} exists" if len(paths) > 1 else f"{places} does not exist"
    raise InputError(f"no history: {none}; serd keeps events with [history] enabled = true")
