"""The findings of the checks of ``serd doctor``."""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from serd.errors import SerdError


class Verdict(enum.StrEnum):
    """The result of a check."""

    OK = "ok"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """The result of one check, with its explanation."""

    check: str
    """Name of the check."""
    verdict: Verdict
    """The result."""
    text: str
    """The details, or why the check was skipped."""
    advice: str = ""
    """How to solve the problem, if the text does not contain it."""


def ok(check: str, text: str) -> Finding:
    """The finding of a check that passed."""
    return Finding(check=check, verdict=Verdict.OK, text=text)


def fail(check: str, text: str, advice: str = "") -> Finding:
    """The finding of a check that failed."""
    return Finding(check=check, verdict=Verdict.FAIL, text=text, advice=advice)


def skipped(check: str, reason: str) -> Finding:
    """The finding of a check that was skipped."""
    return Finding(check=check, verdict=Verdict.SKIPPED, text=reason)


def findings_of(title: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """Run a check; an error that it raises becomes a finding with this title."""
    try:
        yield from check()
    except SerdError as exc:
        yield fail(title, str(exc))
    except Exception as exc:  # noqa: BLE001 - the other checks must still run
        yield fail(title, f"unexpected {type(exc).__name__}: {exc}", "please report this")
