"""Keeps the controls of each source over restarts, in one small file."""

import json
import logging
from pathlib import Path

from serd.controls import Controls, changed, control_texts
from serd.errors import InputError

_log = logging.getLogger("serd.controls")


class ControlStore:
    """Controls by source, in ``controls.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is kept; a file that cannot be read is said and counts as none."""
        self._path = folder / "controls.json"
        self._kept = self._read()
        self._can_write = True

    def controls(self, source: str, default: Controls) -> Controls:
        """What is kept of a source, over the defaults of the settings."""
        controls = default
        for name, text in self._kept.get(source, {}).items():
            try:
                controls = changed(controls, name, str(text).encode())
            except InputError as exc:
                _log.warning("%s: %s of %s: %s", self._path, name, source, exc)
        return controls

    def keep(self, source: str, control: str, controls: Controls) -> None:
        """Keep one control of a source; where that fails it is said, once, and forgotten at the end."""
        self._kept.setdefault(source, {})[control] = control_texts(controls)[control]
        unfinished = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(self._kept, indent=2) + "\n", "utf-8")
            unfinished.replace(self._path)
            self._can_write = True
        except OSError as exc:
            if self._can_write:
                _log.warning(
                    "%s: cannot be written (%s); kept until serd ends", self._path, exc.strerror
                )
            self._can_write = False

    def _read(self) -> dict[str, dict[str, str]]:
        try:
            body = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as exc:
            _log.warning("%s: cannot be read (%s); the settings' values are used", self._path, exc)
            return {}
        if not isinstance(body, dict):
            return {}
        return {source: values for source, values in body.items() if isinstance(values, dict)}
