"""What the values of flags may be, checked before anything slow begins."""

import argparse
import os
from pathlib import Path

from serd.errors import InputError


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to before hours are spent on what goes into it.

    Raises:
        InputError: it cannot be made or written to.
    """
    parent = next(each for each in (folder, *folder.parents) if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{folder}: cannot be written to")


def add_also_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--also`` to a command that learns from RAVDESS."""
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="learn from the nEMO or SAVEE in it as well, and never score it; may be repeated",
    )


def natural(text: str) -> int:
    """A seed: a whole number from 0."""
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 to {2**31 - 1}")
    return number


def positive(text: str) -> int:
    """A whole number from 1."""
    number = natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number
