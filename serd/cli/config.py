"""``serd config``: writes, checks and shows settings."""

import argparse
import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from serd.cli.options import add_config_option
from serd.errors import LibraryError, SettingsError
from serd.settings.files import files_in_force, find_settings_file, settings_places
from serd.settings.loader import build_settings, given_settings, load_settings
from serd.settings.template import FOR_A_SERVICE, settings_as_toml, settings_template


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "config",
        help="write, check or show settings",
        description="Settings come from a TOML file, the files conf.d/*.toml beside it in the order of"
        " their names, then what was changed on the page, then SERD_SECTION_KEY variables, then flags.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    init = actions.add_parser("init", help="write a settings file with every key described")
    init.add_argument("file", nargs="?", type=Path, help="path of the new file; - for standard output")
    init.add_argument("--force", action="store_true", help="overwrite an existing file")
    init.add_argument(
        "--service",
        action="store_true",
        help="with the values of a service: events are kept on the disk",
    )
    init.set_defaults(command=init_command)
    check = actions.add_parser("check", help="check the settings")
    check.add_argument("file", nargs="?", type=Path, help="the settings file")
    check.set_defaults(command=check_command)
    show = actions.add_parser(
        "show", help="print the settings in force and where each comes from, without secrets"
    )
    add_config_option(show)
    show.set_defaults(command=show_command)


def service_values() -> dict[str, Mapping[str, object]]:
    """Values that a service of this serd has instead of the defaults: the page if it can be served."""
    from serd.publishers.web import check_libraries  # noqa: PLC0415 - other commands do without

    values = dict(FOR_A_SERVICE)
    try:
        check_libraries()
    except LibraryError:
        del values["web"]
    return values


def init_command(args: argparse.Namespace) -> int:
    """Write a new settings file with the mode 0600, since it has a key for a password.

    A file that is overwritten keeps its owner and group. If only they can read it, it keeps its mode.
    """
    text = settings_template(service_values() if args.service else None)
    if args.file == Path("-"):
        sys.stdout.write(text)
        return 0
    path = args.file or settings_places(os.environ)[0]
    if path.exists() and not args.force:
        raise SettingsError(f"{path}: the file exists; --force overwrites it")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.fstat(descriptor).st_mode & stat.S_IRWXO:
                os.fchmod(descriptor, 0o600)
            file.write(text)
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be written: {exc.strerror}") from exc
    print(f"Wrote {path}.")
    return 0


def check_command(args: argparse.Namespace) -> int:
    """Load the settings; a wrong one ends the command with an error."""
    path = args.file or find_settings_file(os.environ)
    load_settings(path)
    files = files_in_force(path, os.environ)
    if not files:
        print("No settings file: the defaults are in force.")
    for file in files:
        print(f"{file}: valid.")
    return 0


def show_command(args: argparse.Namespace) -> int:
    """Print the settings in force as a settings file, each with its origin if it has one."""
    given = given_settings(args.config)
    sys.stdout.write(settings_as_toml(build_settings(given), given))
    return 0
