"""Keeps what each source has got used to over restarts."""

import logging
import math
from pathlib import Path

from serd.adaptation import VoiceMean
from serd.state_file import StateFile

_log = logging.getLogger("serd.voices")


class VoiceStore:
    """Means of what was heard, by source, in ``voices.json`` of the state folder."""

    def __init__(self, folder: Path) -> None:
        """Read what is kept; a file that cannot be read is said and counts as none."""
        self._file = StateFile(folder / "voices.json", _log, instead="voices are got used to anew")
        self._kept = self._file.read()

    def heard(self, source: str, feature_set: str) -> VoiceMean | None:
        """What is kept of a source; None if nothing is, or it is of other features or no numbers."""
        body = self._kept.get(source, {})
        try:
            if body["feature_set"] != feature_set:
                return None
            speech_s = float(body["speech_s"])
            mean = tuple(float(each) for each in body["mean"])
        except (KeyError, TypeError, ValueError):
            return None
        if speech_s < 0 or not all(map(math.isfinite, (speech_s, *mean))):
            return None
        return VoiceMean(speech_s=speech_s, mean=mean)

    def keep(self, source: str, feature_set: str, heard: VoiceMean) -> None:
        """Keep what a source has heard, if it is not kept yet."""
        mean = [round(each, 5) for each in heard.mean]
        body = {"feature_set": feature_set, "speech_s": round(heard.speech_s, 2), "mean": mean}
        if self._kept.get(source) != body:
            self._kept[source] = body
            self._file.write(self._kept)
