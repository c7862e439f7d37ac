"""What a check of ``serd doctor`` finds."""

import enum
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from serd.errors import SerdError


class Verdict(enum.StrEnum):
    """How a check ended."""

    OK = "ok"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of the doctor's."""

    check: str
    """What was checked."""
    verdict: Verdict
    """How it ended."""
    text: str
    """What was found, or why nothing was looked for."""
    advice: str = ""
    """What to do, where something failed and the text does not say it."""


def ok(check: str, text: str) -> Finding:
    """All is well."""
    return Finding(check=check, verdict=Verdict.OK, text=text)


def fail(check: str, text: str, advice: str = "") -> Finding:
    """Something is not as it must be."""
    return Finding(check=check, verdict=Verdict.FAIL, text=text, advice=advice)


def skipped(check: str, why: str) -> Finding:
    """There was nothing to check."""
    return Finding(check=check, verdict=Verdict.SKIPPED, text=why)


def examined(check: str, examine: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """The findings of a check, and a failure in its name where it met an error."""
    try:
        yield from examine()
    except SerdError as exc:
        yield fail(check, str(exc))
    except Exception as exc:  # noqa: BLE001 - whatever one check meets, the others must still run
        yield fail(check, f"unexpected {type(exc).__name__}: {exc}", "please report this")
