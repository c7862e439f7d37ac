"""``serd service``: installs, removes and shows serd as a service of systemd.

The command needs no checkout: it copies the program that runs it. The units are in ``systemd/`` of the
source tree, and in ``serd/systemd/`` of an installed package.
"""

import argparse
from pathlib import Path

from serd.cli.service.machine import SMALL_BOARD, Machine
from serd.cli.service.status import show_status
from serd.cli.service.system_service import SystemService
from serd.cli.service.user_service import UserService


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "service",
        help="install, remove or show serd as a service of systemd",
        description="Installs this serd as a service: of the machine (as root), or of a desktop's user"
        " (--user).",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    install = actions.add_parser("install", help="install or upgrade the service, and start it")
    install.add_argument(
        "--small-board",
        action="store_true",
        help="with the settings for a slow processor and little memory, as a file in conf.d",
    )
    install.set_defaults(command=install_command)
    uninstall = actions.add_parser("uninstall", help="remove it; settings and state stay")
    uninstall.set_defaults(command=uninstall_command)
    status = actions.add_parser("status", help="show whether it runs, its version and its files")
    status.set_defaults(command=show_status)
    for action in (install, uninstall, status):
        action.add_argument(
            "--user",
            action="store_true",
            help="the service of this user, with the microphone of PipeWire or PulseAudio",
        )
        action.add_argument(
            "--root",
            type=Path,
            default=Path("/"),
            metavar="FOLDER",
            help="the root of another system, such as an image that is being built",
        )


def install_command(args: argparse.Namespace) -> int:
    """Install or upgrade the service."""
    service = UserService() if args.user else SystemService(Machine(args.root))
    service.install(*[SMALL_BOARD] * args.small_board)
    return 0


def uninstall_command(args: argparse.Namespace) -> int:
    """Remove the service."""
    service = UserService() if args.user else SystemService(Machine(args.root))
    service.uninstall()
    return 0
