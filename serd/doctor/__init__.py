"""Looks at everything that serd stands on, part by part, and says what is wrong and what to do."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from serd.config import Settings, settings_places
from serd.doctor.broker import broker_findings
from serd.doctor.findings import Finding, Verdict, examined, fail, ok, skipped
from serd.doctor.parts import model_findings, state_folder_findings, voice_findings
from serd.doctor.service import service_findings
from serd.doctor.sound import device_findings, portaudio_findings, source_findings

__all__ = ["Case", "Finding", "Verdict", "examine"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """Whom the doctor sees."""

    settings: Settings | None
    """The settings in force; None where they cannot be read."""
    path: Path | None
    """The settings file; None where there is none."""
    problem: str
    """What is wrong with the settings; empty if nothing is."""
    environment: Mapping[str, str]
    """Variables of the process."""
    listen_s: float = 3.0
    """How long each source is listened to, in seconds."""


def examine(case: Case) -> Iterator[Finding]:
    """All findings, each as soon as it is made; what depends on broken settings is left out."""
    for check, look in _checks(case):
        yield from examined(check, look)


def _checks(case: Case) -> Iterator[tuple[str, Callable[[], Iterator[Finding]]]]:
    settings = case.settings
    yield "settings", partial(_settings_findings, case)
    yield "PortAudio", portaudio_findings
    yield "microphones", device_findings
    if settings is None:
        for check in ("sources", "voice detector", "model"):
            yield check, partial(_unknown, check)
    else:
        for source in settings.sources:
            yield f"source {source.name}", partial(source_findings, source, case.listen_s)
        yield "voice detector", partial(voice_findings, settings.voice)
        yield "model", partial(model_findings, settings.model)
    yield "state folder", partial(state_folder_findings, case.environment)
    if settings is None:
        yield "broker", partial(_unknown, "broker")
    else:
        node = settings.node.resolved_name
        yield "broker", partial(broker_findings, settings.publishers["mqtt"], node)
    yield "service", partial(service_findings, case.environment)


def _settings_findings(case: Case) -> Iterator[Finding]:
    if case.problem:
        yield fail("settings", case.problem)
    elif case.path is not None:
        yield ok("settings", f"{case.path} is fine")
    else:
        places = " nor ".join(map(str, settings_places(case.environment)))
        yield ok("settings", f"no file: neither {places}; the defaults are in force")


def _unknown(check: str) -> Iterator[Finding]:
    yield skipped(check, "the settings cannot be read")
