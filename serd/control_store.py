"""Keeps the controls of each source over restarts."""

import logging
from pathlib import Path

from serd.controls import Controls, changed, control_texts
from serd.errors import InputError
from serd.state_file import StateFile

_log = logging.getLogger("serd.controls")


class ControlStore:
    """Controls by source, in ``controls.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is kept; a file that cannot be read is said and counts as none."""
        self._file = StateFile(folder / "controls.json", _log, instead="the settings' values are used")
        self._kept = self._file.read()

    def controls(self, source: str, default: Controls) -> Controls:
        """What is kept of a source, over the defaults of the settings."""
        controls = default
        for name, text in self._kept.get(source, {}).items():
            try:
                controls = changed(controls, name, str(text).encode())
            except InputError as exc:
                _log.warning("%s: %s of %s: %s", self._file.path, name, source, exc)
        return controls

    def keep(self, source: str, control: str, controls: Controls) -> None:
        """Keep one control of a source; where that fails it is said, once, and forgotten at the end."""
        self._kept.setdefault(source, {})[control] = control_texts(controls)[control]
        self._file.write(self._kept)
