"""``serd doctor``: checks settings, passwords, sound, model, alerts, broker, state and service."""

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
from serd.cli.doctor.findings import Finding, Verdict, fail, findings_of, ok, skipped
from serd.cli.doctor.page import page_findings
from serd.cli.doctor.parts import (
    alert_finding,
    history_findings,
    model_findings,
    mute_findings,
    state_folder_findings,
    voice_findings,
)
from serd.cli.doctor.passwords import password_findings
from serd.cli.doctor.service import service_findings
from serd.cli.doctor.sound import device_findings, portaudio_findings, source_findings
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    settings_from,
)
from serd.daemon.models import model_settings
from serd.errors import SettingsError
from serd.mqtt.topics import NodeTopics
from serd.settings.files import daemon_environment, files_in_force, find_settings_file, settings_places
from serd.settings.loader import Settings

__all__ = ["CheckContext", "Finding", "Verdict", "run_checks"]


@dataclass(frozen=True, kw_only=True, slots=True)
class CheckContext:
    """The settings and environment to check."""

    settings: Settings | None
    """The settings in force; None if they are wrong."""
    path: Path | None
    """The settings file; None without one."""
    problem: str
    """The error in the settings; empty if there is none."""
    environment: Mapping[str, str]
    """Variables of the daemon that has these settings."""
    listen_s: float = 3.0
    """Length of the sound that is read from each source, in seconds."""


def run_checks(context: CheckContext) -> Iterator[Finding]:
    """Run all checks; yields each finding at once. Wrong settings skip the checks that need them."""
    for title, check in _checks(context):
        yield from findings_of(title, check)


def _checks(context: CheckContext) -> Iterator[tuple[str, Callable[[], Iterator[Finding]]]]:
    settings = context.settings
    yield "settings", partial(_settings_findings, context)
    yield "password", partial(password_findings, context.path, settings)
    yield "PortAudio", portaudio_findings
    yield "microphones", device_findings
    if settings is None:
        for check in ("sources", "voice detector", "model"):
            yield check, partial(_unknown, check)
    else:
        for source in settings.sources:
            yield f"source {source.name}", partial(source_findings, source, context.listen_s)
        yield "voice detector", partial(voice_findings, settings.voice)
        models = model_settings(settings)
        for each in dict.fromkeys(models.values()):
            yield "model", partial(model_findings, each)
        for alert in settings.alerts:
            yield f"alert {alert.name}", partial(alert_finding, alert, models)
    yield "state folder", partial(state_folder_findings, context.environment)
    if settings is None:
        yield "broker", partial(_unknown, "broker")
    else:
        node, mqtt = settings.node.resolved_name, settings.publishers["mqtt"]
        topics = NodeTopics(prefix=mqtt.prefix, node=node)
        names = [source.name for source in settings.sources]
        yield "mute", partial(mute_findings, names, topics, context.environment)
        yield "broker", partial(broker_findings, mqtt, node, context.environment)
        history = settings.publishers["history"]
        yield "history", partial(history_findings, history, context.environment)
        yield "page", partial(page_findings, settings.publishers["web"])
    yield "service", partial(service_findings, context.environment)


def _settings_findings(context: CheckContext) -> Iterator[Finding]:
    if context.problem:
        yield fail("settings", context.problem)
    elif files := files_in_force(context.path, context.environment):
        yield ok("settings", f"{', '.join(map(str, files))}: fine")
    else:
        places = " nor ".join(map(str, settings_places(context.environment)))
        yield ok("settings", f"no file: neither {places}; the defaults are in force")


def _unknown(check: str) -> Iterator[Finding]:
    yield skipped(check, "the settings cannot be read")


_SIGNS = {Verdict.OK: "OK", Verdict.FAIL: "FAIL", Verdict.SKIPPED: "-"}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check the installation, and advise on problems",
        description="Checks settings, sound, model, alerts, state folder, broker, history, page and"
        " service, one by one. The exit code is 0 if no check fails, 1 if one does, 2 if the settings"
        " are wrong.",
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
    """Print the findings, and return the exit code."""
    settings, problem = _settings(args)
    path = args.config or find_settings_file(os.environ)
    context = CheckContext(
        settings=settings,
        path=path,
        problem=problem,
        environment=daemon_environment(path, os.environ),
    )
    findings = list(run_checks(context) if args.json else _printed(run_checks(context)))
    failed = [finding for finding in findings if finding.verdict is Verdict.FAIL]
    if args.json:
        body = {"version": __version__, "ok": not failed, "checks": [asdict(each) for each in findings]}
        print(json.dumps(body, ensure_ascii=False, indent=2))
    else:
        print("All checks passed." if not failed else f"{len(failed)} of {len(findings)} checks failed.")
    if problem:
        return SettingsError.exit_code
    return 1 if failed else 0


def _settings(args: argparse.Namespace) -> tuple[Settings | None, str]:
    try:
        return settings_from(args), ""
    except SettingsError as exc:
        return None, str(exc)


def _printed(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Print each finding at once, since the check of a source takes seconds."""
    for finding in findings:
        print(f"{_SIGNS[finding.verdict]:<5} {finding.check:<18} {finding.text}")
        if finding.advice:
            print(f"{'':<24} to do: {finding.advice}")
        sys.stdout.flush()
        yield finding
