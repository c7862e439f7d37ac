"""``serd doctor``: is everything there that serd stands on."""

import argparse
import json
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from serd import __version__
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    settings_from,
)
from serd.config import Settings, find_settings_file
from serd.doctor import Case, Finding, Verdict, examine
from serd.errors import SettingsError

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
