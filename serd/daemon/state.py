"""The JSON files of the state folder, which hold values of each source across restarts."""

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeGuard

from serd.audio.private_files import write_private
from serd.errors import InputError
from serd.events.controls import Controls, control_texts, with_control
from serd.model.adaptation import SpeakerMean

_log = logging.getLogger("serd.state")

WRITE_INTERVAL_S: Final = 1.0
"""Shortest time between two writes of the controls, in seconds; writes wear out SD cards."""
FORMAT: Final = 1
"""Format of the files; an earlier serd leaves a file of a later format alone."""
_FORMAT_KEY: Final = "$format"
"""Key of the format in the JSON object, beside the names of sources, which have no dollar sign."""
_MAX_FILE_BYTES: Final = 1_000_000
_MAX_SPEECH_S: Final = 1e9
_MAX_FEATURE: Final = 1000.0
"""Greatest absolute mean of a feature. Cepstral coefficients of 16-bit sound stay below 200."""


_Scalar = str | float | bool | None
SavedValues = dict[str, _Scalar | list[_Scalar]]
"""Saved values of a source by their names."""
SavedState = dict[str, SavedValues]
"""Saved values by the name of their source."""


class StateFile:
    """Reads and writes one file; a failure is logged and never stops the daemon.

    A file of a later serd is neither read nor written, so that it is whole once that serd is back.
    """

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
        self._is_later = False
        """Whether the file is of a later serd."""

    @property
    def path(self) -> Path:
        """The file, for messages."""
        return self._path

    def read(self) -> SavedState:
        """The saved values; none, and a warning in the log, if the file cannot be used.

        Values that are neither scalars nor lists of scalars are left out.
        """
        try:
            body = _json_object(self._path)
            self._check_format(body.pop(_FORMAT_KEY, 0))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as exc:
            self._log.warning("%s: cannot be read (%s); %s", self._path, exc, self._fallback)
            return {}
        return {
            source: {key: value for key, value in values.items() if _is_flat(value)}
            for source, values in body.items()
            if isinstance(values, dict)
        }

    def write(self, saved: SavedState) -> None:
        """Replace the file, which only its owner can read; a failure is logged once."""
        if self._is_later:
            return
        unfinished = self._path.with_suffix(".part")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(
                unfinished, json.dumps({_FORMAT_KEY: FORMAT} | saved, indent=2).encode() + b"\n"
            )
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

    def _check_format(self, version: object) -> None:
        """Refuse a format that this serd does not know; files from before there were formats have 0.

        Raises:
            ValueError: the format is that of a later serd.
        """
        self._is_later = not isinstance(version, int) or version > FORMAT
        if self._is_later:
            raise ValueError(
                f"it is of format {version}, and this serd knows formats up to {FORMAT}: install the"
                " serd that wrote it, or move the file away; until then it stays as it is"
            )


def _json_object(path: Path) -> dict[str, object]:
    with path.open("rb") as file:
        content = file.read(_MAX_FILE_BYTES + 1)
    if len(content) > _MAX_FILE_BYTES:
        raise ValueError(f"larger than {_MAX_FILE_BYTES} bytes")
    body = json.loads(content)
    if not isinstance(body, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the content is wrong, not a caller's type
    return body


def _is_flat(value: object) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(item is None or isinstance(item, str | int | float) for item in items)


def _is_number(value: object, minimum: float, maximum: float) -> TypeGuard[float]:
    return isinstance(value, int | float) and minimum <= value <= maximum


class ControlStore:
    """Controls by source, in ``controls.json`` of the state folder, written at most once a second."""

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file; there are no values, and a warning in the log, if that fails.

        Args:
            folder: the state folder.
            monotonic: the clock, in seconds.
        """
        self._file = StateFile(folder / "controls.json", _log, fallback="the settings' values are used")
        self._saved = self._file.read()
        self._monotonic = monotonic
        self._written_s = -WRITE_INTERVAL_S
        self._is_changed = False

    def controls(self, source: str, default: Controls) -> Controls:
        """The controls of a source: saved values override ``default``."""
        controls = default
        for name, text in self._saved.get(source, {}).items():
            try:
                controls = with_control(controls, name, str(text).encode(errors="replace"))
            except InputError as exc:
                _log.warning("%s: %s of %s: %s", self._file.path, name, source, exc)
        return controls

    def save(self, source: str, control: str, controls: Controls) -> None:
        """Save one control of a source, if it has changed; ``write_changes`` may have to write it."""
        values, text = self._saved.setdefault(source, {}), control_texts(controls)[control]
        if values.get(control) != text:
            values[control] = text
            self._is_changed = True
            self.write_changes()

    def write_changes(self, *, is_last: bool = False) -> None:
        """Write what has changed, if it is the last time or a second has passed since the last write.

        A failure is logged once.
        """
        now_s = self._monotonic()
        if self._is_changed and (is_last or now_s - self._written_s >= WRITE_INTERVAL_S):
            self._file.write(self._saved)
            self._is_changed = False
            self._written_s = now_s


class SpeakerStore:
    """Speaker adaptation means by source, in ``voices.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read the file; there are no values, and a warning in the log, if that fails."""
        self._file = StateFile(
            folder / "voices.json", _log, fallback="speaker adaptation starts without earlier speech"
        )
        self._saved = self._file.read()

    def mean(self, source: str, feature_set: str) -> SpeakerMean | None:
        """The saved mean of a source; None if missing or of another feature set.

        A mean that is malformed or outside the range of features is logged, and counts as missing.
        """
        body = self._saved.get(source)
        if body is None or body.get("feature_set") != feature_set:
            return None
        speech_s, values = body.get("speech_s"), body.get("mean")
        items = values if isinstance(values, list) else [None]
        mean = tuple(float(each) for each in items if _is_number(each, -_MAX_FEATURE, _MAX_FEATURE))
        if len(mean) < len(items) or not _is_number(speech_s, 0.0, _MAX_SPEECH_S):
            _log.warning(
                "%s: the mean of %s cannot be used; it is learned again", self._file.path, source
            )
            return None
        return SpeakerMean(speech_s=float(speech_s), mean=mean)

    def save(self, source: str, feature_set: str, speaker_mean: SpeakerMean) -> None:
        """Save the mean of a source, unless the file has the same already."""
        mean: list[_Scalar] = [round(each, 5) for each in speaker_mean.mean]
        body: SavedValues = {
            "feature_set": feature_set,
            "speech_s": round(speaker_mean.speech_s, 2),
            "mean": mean,
        }
        if self._saved.get(source) != body:
            self._saved[source] = body
            self._file.write(self._saved)
