"""The parameters of a question about the past, in the address of a request."""

import time
from collections.abc import Sequence
from datetime import datetime

from serd.errors import InputError
from serd.publishers.history.reader import Selection

_MAX_CHARS = 200


class Query:
    """Reads parameters, and refuses wrong ones with an ``InputError``."""

    def __init__(self, parameters: Sequence[tuple[str, str]]) -> None:
        """Read parameters, each with its value.

        Raises:
            InputError: one of them is given twice.
        """
        self._parameters = dict(parameters)
        self._known: set[str] = set()
        if len(self._parameters) < len(parameters):
            raise InputError("expected each parameter once")

    def selection(self) -> Selection:
        """Which events: since, until, source, emotion, windows."""
        return Selection(
            since_s=self.time_s("since"),
            until_s=self.time_s("until"),
            source=self.text("source"),
            emotion=self.text("emotion"),
            has_windows=self.switch("windows"),
        )

    def span(self, selection: Selection, longest_s: float) -> tuple[float, float]:
        """Start and end of a selection, in seconds since 1970; the end is the present by default.

        Raises:
            InputError: there is no start, or the span is not from more than 0 to ``longest_s`` long.
        """
        start_s = selection.since_s
        end_s = time.time() if selection.until_s is None else selection.until_s
        if start_s is None or not 0 < end_s - start_s <= longest_s:
            raise InputError(f"expected since before until, and at most {longest_s:g} s before it")
        return start_s, end_s

    def text(self, name: str) -> str | None:
        """A text of 1 to 200 characters; None if it is not given."""
        self._known.add(name)
        text = self._parameters.get(name)
        if text is not None and not 1 <= len(text) <= _MAX_CHARS:
            raise InputError(f"{name}: expected 1 to {_MAX_CHARS} characters")
        return text

    def switch(self, name: str) -> bool:
        """Whether a parameter is "true"; it may be "false" as well."""
        text = self.text(name)
        if text not in {None, "true", "false"}:
            raise InputError(f"{name}: got {str(text)[:40]!r}, expected true or false")
        return text == "true"

    def time_s(self, name: str) -> float | None:
        """A time in seconds since 1970; None if it is not given."""
        text = self.text(name)
        if text is None:
            return None
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = datetime.min  # noqa: DTZ901 - refused below
        if moment.tzinfo is None or not 1970 < moment.year < 9000:
            raise InputError(f"{name}: got {text[:40]!r}, expected a time such as 2026-11-29T21:04:11Z")
        return moment.timestamp()

    def number(self, name: str, default: int, minimum: int, maximum: int) -> int:
        """A whole number within bounds."""
        text = self.text(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal() and minimum <= int(text) <= maximum):
            raise InputError(f"{name}: got {text[:40]!r}, expected {minimum} to {maximum}")
        return int(text)

    def check_names(self) -> None:
        """Refuse parameters that were not asked for."""
        if unknown := sorted(set(self._parameters) - self._known):
            raise InputError(f"unknown parameter {unknown[0][:40]!r}, expected {sorted(self._known)}")
