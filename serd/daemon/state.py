"""The state folder, and its JSON files, which hold values of each source across restarts."""

import json
import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from serd.errors import InputError
from serd.events.controls import Controls, control_texts, with_control
from serd.model.adaptation import SpeakerMean

_log = logging.getLogger("serd.state")


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


SavedState = dict[str, dict[str, Any]]
"""Saved values by the name of their source."""


class StateFile:
    """Reads and writes one file; a failure is logged and never stops the daemon."""

    def __init__(self, path: Path, log: logging.Logger, *, fallback: str) -> None:
        """Create the object without touching the file.

        Args:
            path: the file; its folder is created when needed.
            log: logger for failures.
            fallback: consequence of an unreadable file, for the message.
        """
        self._path = path
        self._log = log
        self._fallback = fallback
        self._can_write = True

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._path

    def read(self) -> SavedState:
        """The saved values; none, and a warning in the log, if the file cannot be read."""
        try:
            body = json.loads(self._path.read_text("utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as exc:
            self._log.warning("%s: cannot be read (%s); %s", self._path, exc, self._fallback)
            return {}
        if not isinstance(body, dict):
            return {}
        return {source: values for source, values in body.items() if isinstance(values, dict)}

    def write(self, saved: SavedState) -> None:
        """Replace the file; a failure is logged once, and the values do not survive a restart."""
        unfinished = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(saved, indent=2) + "\n", "utf-8")
            unfinished.replace(self._path)
            self._can_write = True
        except OSError as exc:
            if self._can_write:
                self._log.warning(
                    "%s: cannot be written (%s); its values do not survive a restart",
                    self._path,
                    exc.strerror,
                )
            self._can_write = False


class ControlStore:
    """Controls by source, in ``controls.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file; there are no values, and a warning in the log, if that fails."""
        self._file = StateFile(folder / "controls.json", _log, fallback="the settings' values are used")
        self._saved = self._file.read()

    def controls(self, source: str, default: Controls) -> Controls:
        """The controls of a source: saved values override ``default``."""
        controls = default
        for name, text in self._saved.get(source, {}).items():
            try:
                controls = with_control(controls, name, str(text).encode())
            except InputError as exc:
                _log.warning("%s: %s of %s: %s", self._file.path, name, source, exc)
        return controls

    def save(self, source: str, control: str, controls: Controls) -> None:
        """Save one control of a source; a failure is logged once."""
        self._saved.setdefault(source, {})[control] = control_texts(controls)[control]
        self._file.write(self._saved)


class SpeakerStore:
    """Speaker adaptation means by source, in ``voices.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file; there are no values, and a warning in the log, if that fails."""
        self._file = StateFile(
            folder / "voices.json", _log, fallback="speaker adaptation starts without earlier speech"
        )
        self._saved = self._file.read()

    def mean(self, source: str, feature_set: str) -> SpeakerMean | None:
        """The saved mean of a source; None if missing, malformed or of another feature set."""
        body = self._saved.get(source, {})
        try:
            if body["feature_set"] != feature_set:
                return None
            speech_s = float(body["speech_s"])
            mean = tuple(float(each) for each in body["mean"])
        except (KeyError, TypeError, ValueError, OverflowError):
            return None
        if speech_s < 0 or not all(map(math.isfinite, (speech_s, *mean))):
            return None
        return SpeakerMean(speech_s=speech_s, mean=mean)

    def save(self, source: str, feature_set: str, speaker_mean: SpeakerMean) -> None:
        """Save the mean of a source, unless the file has the same already."""
        mean = [round(each, 5) for each in speaker_mean.mean]
        body = {"feature_set": feature_set, "speech_s": round(speaker_mean.speech_s, 2), "mean": mean}
        if self._saved.get(source) != body:
            self._saved[source] = body
            self._file.write(self._saved)
