"""A small JSON file of the state folder: what is kept of each source over restarts."""

import json
import logging
from pathlib import Path
from typing import Any

Kept = dict[str, dict[str, Any]]
"""What is kept, by the source's name."""


class StateFile:
    """Reads and writes one file; trouble with it is said and never stops the daemon."""

    def __init__(self, path: Path, log: logging.Logger, *, instead: str) -> None:
        """Touch nothing yet.

        Args:
            path: the file; its folder may be missing.
            log: where trouble is said.
            instead: what holds where the file cannot be read, for the message.
        """
        self._path = path
        self._log = log
        self._instead = instead
        self._can_write = True

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._path

    def read(self) -> Kept:
        """What is kept; a file that cannot be read is said and counts as none."""
        try:
            body = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as exc:
            self._log.warning("%s: cannot be read (%s); %s", self._path, exc, self._instead)
            return {}
        if not isinstance(body, dict):
            return {}
        return {source: values for source, values in body.items() if isinstance(values, dict)}

    def write(self, kept: Kept) -> None:
        """Keep all; where that fails it is said, once, and forgotten at the end."""
        unfinished = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(kept, indent=2) + "\n", "utf-8")
            unfinished.replace(self._path)
            self._can_write = True
        except OSError as exc:
            if self._can_write:
                self._log.warning(
                    "%s: cannot be written (%s); kept until serd ends", self._path, exc.strerror
                )
            self._can_write = False
