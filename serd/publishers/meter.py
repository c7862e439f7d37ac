"""The line that shows what each source hears while no event is printed.

mic  -38 dBFS ████▌      listening
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from serd.events.reports import (
    AvailabilityReport,
    ControlReport,
    LevelReport,
    Report,
    SpeechReport,
)
from serd.publishers.terminal import level_bar

_BAR_WIDTH: Final = 10
_GAP: Final = "   "


@dataclass(kw_only=True, slots=True)
class _Hearing:
    """The latest reports on one source."""

    level_dbfs: float | None = None
    """Its latest level; None before the first and without sound."""
    is_alive: bool | None = None
    """Whether it delivers sound; None before the first report."""
    is_speaking: bool = False
    is_muted: bool = False

    @property
    def word(self) -> str:
        """Its condition in a word or two."""
        if self.is_muted:
            return "muted"
        if self.is_alive is False:
            return "no sound"
        return "speech" if self.is_speaking else "listening"


class Meter:
    """Follows the reports on all sources, and describes them in a line."""

    def __init__(self) -> None:
        self._sources: dict[str, _Hearing] = {}

    def update(self, report: Report) -> bool:
        """Follow a report; returns whether the line has changed."""
        match report:
            case LevelReport():
                self._of(report.source).level_dbfs = report.level_dbfs
            case SpeechReport():
                self._of(report.source).is_speaking = report.is_speaking
            case AvailabilityReport():
                hearing = self._of(report.source)
                hearing.is_alive, hearing.level_dbfs = report.is_alive, None
            case ControlReport():
                hearing = self._of(report.source)
                hearing.is_muted, hearing.level_dbfs = report.controls.mute, None
            case _:
                return False
        return True

    def forget_others(self, sources: Collection[str]) -> None:
        """Forget all sources but these."""
        self._sources = {name: each for name, each in self._sources.items() if name in sources}

    def line(self, n_columns: int) -> str:
        """The line, in at most ``n_columns`` characters."""
        parts = []
        for name, hearing in self._sources.items():
            level = ""
            if hearing.level_dbfs is not None:
                level = f"{hearing.level_dbfs:>4.0f} dBFS {level_bar(hearing.level_dbfs, _BAR_WIDTH)} "
            parts.append(f"{name}  {level}{hearing.word}")
        return _GAP.join(parts)[:n_columns]

    def _of(self, source: str) -> _Hearing:
        return self._sources.setdefault(source, _Hearing())
