"""``serd web``: the password of the page."""

import argparse
import getpass
import sys
from typing import Final

from serd.errors import InputError, LibraryError

_MIN_CHARS: Final = 8
_MAX_CHARS: Final = 1000


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "web",
        help="make the password of the page",
        description="The page is on with serd run --web, or [web] enabled = true.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    password = actions.add_parser(
        "password",
        help="ask for a password, and print the line of the settings that has its hash",
        description="Asks for a password, or reads it from standard input, and prints the line of [web]"
        " in the settings that has its hash. The password itself is stored nowhere.",
    )
    password.set_defaults(command=password_command)


def password_command(_args: argparse.Namespace) -> int:
    """Print the hash of a password as a setting."""
    try:
        from serd.publishers.web.access import hash_password  # noqa: PLC0415

        text = hash_password(_password())
    except ImportError as exc:
        raise LibraryError(f"a library does not load ({exc}): pip install 'serd[web]'") from exc
    if sys.stdout.isatty():
        print("Put this line below [web] in the settings, and reload serd:\n")
    print(f'password_hash = "{text}"')
    return 0


def _password() -> str:
    """The password that was typed twice on a terminal, or piped as a line.

    Raises:
        InputError: there is none, it is too short or too long, is no text in UTF-8, or the two differ.
    """
    try:
        if sys.stdin.isatty():
            password = getpass.getpass("Password of the page: ")
            if getpass.getpass("Again: ") != password:
                raise InputError("the two passwords differ")
        else:
            password = sys.stdin.readline(_MAX_CHARS + 2).rstrip("\r\n")
        password.encode()
    except EOFError:
        print(file=sys.stderr)
        raise InputError("no password was typed, and nothing is changed") from None
    except UnicodeError:  # its message would have a part of the password
        raise InputError("the password is no text in UTF-8") from None
    if not _MIN_CHARS <= len(password) <= _MAX_CHARS:
        raise InputError(f"got {len(password)} characters, expected {_MIN_CHARS} to {_MAX_CHARS}")
    return password
