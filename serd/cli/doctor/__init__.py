"""``serd doctor``: is everything there that serd stands on."""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

from serd import __version__
from serd.cli.doctor.broker import broker_findings
from serd.cli.doctor.findings import Finding, Verdict, examined, fail, ok, skipped
from serd.cli.doctor.parts import model_findings, state_folder_findings, voice_findings
from serd.cli.doctor.service import service_findings
from serd.cli.doctor.sound import device_findings, portaudio_findings, source_findings
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    settings_from,
)
from serd.errors import SettingsError
from serd.settings.loader import Settings, find_settings_file, settings_places

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


_SIGNS = {Verdict.OK: "OK", Verdict.FAIL: "FAIL", Verdict.SKIPPED: "-"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check everything that serd stands on, and say what to do",
        description="Checks settings, sound, model, state folder, broker and service, part by part."
        " The exit code is 0 if all is well, 1 if not, 2 if the settings are bad.",
    )
    add_config_option(parser)
    add_setting_option(
        parser, "--source", ("source", "input"), metavar="SOURCE", help_text="as for serd run"
    )
    add_model_option(parser)
    add_broker_options(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=doctor_command)


def doctor_command(args: argparse.Namespace) -> int:
    """Print each finding; the exit code says whether all is well."""
    settings, problem = _settings(args)
    case = Case(
        settings=settings,
        path=args.config or find_settings_file(os.environ),
        problem=problem,
        environment=os.environ,
    )
    findings = list(examine(case) if args.json else _shown(examine(case)))
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if args.json:
        body = {"version": __version__, "ok": not failed, "checks": [asdict(each) for each in findings]}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print("All is well." if not failed else f"{len(failed)} of {len(findings)} checks failed.")
    if problem:
        return SettingsError.exit_code
    return 1 if failed else 0


def _settings(args: argparse.Namespace) -> tuple[Settings | None, str]:
    try:
        return settings_from(args), ""
    except SettingsError as exc:
        return None, str(exc)


def _shown(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each finding as it comes: listening takes seconds."""
    for finding in findings:
        print(f"{_SIGNS[finding.verdict]:<5} {finding.check:<18} {finding.text}")
        if finding.advice:
            print(f"{'':<24} to do: {finding.advice}")
        sys.stdout.flush()
        yield finding
