"""The state folder, and the small JSON files in it that hold values of each source over restarts."""

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


SavedState = dict[str, dict[str, Any]]
"""Saved values by the name of their source."""


class StateFile:
    """Reads and writes one file; a failure is logged and never stops the daemon."""

    def __init__(self, path: Path, log: logging.Logger, *, instead: str) -> None:
        """Remember the path; nothing is read or written yet.

        Args:
            path: the file; its folder may be missing.
            log: where failures are logged.
            instead: what happens where the file cannot be read, for the message.
        """
        self._path = path
        self._log = log
        self._instead = instead
        self._can_write = True

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._path

    def read(self) -> SavedState:
        """The saved values; a file that cannot be read is logged and counts as empty."""
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

    def write(self, saved: SavedState) -> None:
        """Replace the file; a failure is logged once, and the values are lost at the end."""
        unfinished = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(saved, indent=2) + "\n", "utf-8")
            unfinished.replace(self._path)
            self._can_write = True
        except OSError as exc:
            if self._can_write:
                self._log.warning(
                    "%s: cannot be written (%s); its values end with serd",
                    self._path,
                    exc.strerror,
                )
            self._can_write = False


class ControlStore:
    """Controls by source, in ``controls.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file; one that cannot be read is logged and counts as empty."""
        self._file = StateFile(folder / "controls.json", _log, instead="the settings' values are used")
        self._saved = self._file.read()

    def controls(self, source: str, default: Controls) -> Controls:
        """The saved controls of a source, over the defaults of the settings."""
        controls = default
        for name, text in self._saved.get(source, {}).items():
            try:
                controls = with_control(controls, name, str(text).encode())
            except InputError as exc:
                _log.warning("%s: %s of %s: %s", self._file.path, name, source, exc)
        return controls

    def save(self, source: str, control: str, controls: Controls) -> None:
        """Save one control of a source; a failure is logged once, and the value lost at the end."""
        self._saved.setdefault(source, {})[control] = control_texts(controls)[control]
        self._file.write(self._saved)


class SpeakerStore:
    """Mean of each source's speech, for speaker adaptation, in ``voices.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file; one that cannot be read is logged and counts as empty."""
        self._file = StateFile(folder / "voices.json", _log, instead="speaker adaptation begins anew")
        self._saved = self._file.read()

    def speakers(self, source: str, feature_set: str) -> SpeakerMean | None:
        """The saved mean of a source; None if there is none, or it is of other features or broken."""
        body = self._saved.get(source, {})
        try:
            if body["feature_set"] != feature_set:
                return None
            speech_s = float(body["speech_s"])
            mean = tuple(float(each) for each in body["mean"])
        except (KeyError, TypeError, ValueError):
            return None
        if speech_s < 0 or not all(map(math.isfinite, (speech_s, *mean))):
            return None
        return SpeakerMean(speech_s=speech_s, mean=mean)

    def save(self, source: str, feature_set: str, speakers: SpeakerMean) -> None:
        """Save the mean of a source, if it is not saved yet."""
        mean = [round(each, 5) for each in speakers.mean]
        body = {"feature_set": feature_set, "speech_s": round(speakers.speech_s, 2), "mean": mean}
        if self._saved.get(source) != body:
            self._saved[source] = body
            self._file.write(self._saved)
