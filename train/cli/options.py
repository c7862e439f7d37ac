"""Command-line options that several commands share, and checks of their values."""

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from serd.errors import InputError

if TYPE_CHECKING:
    from train.model.recipe import Recipe


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, before anything slow begins.

    Raises:
        InputError: it cannot be created or written.
    """
    parent = next(each for each in (folder, *folder.parents) if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{folder}: cannot be written to")


def add_also_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--also`` to a command that trains on RAVDESS."""
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="train on the nEMO or SAVEE in it as well; repeatable",
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


def add_training_options(parser: argparse.ArgumentParser, *, size: Literal["default", "tiny"]) -> None:
    """Add the options of training: clips, epochs, seed, network and folders.

    Args:
        parser: parser of the command.
        size: default size of the network.
    """
    add = parser.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds RAVDESS, nested in any way")
    add_also_option(parser)
    add("--epochs", type=positive, help="passes over the data (default: the recipe's)")
    add("--seed", type=natural, default=0, help="random seed (default: 0)")
    add(
        "--size",
        choices=("default", "tiny"),
        default=size,
        help=f"size of the network (default: {size})",
    )
    add("--no-song", action="store_true", help="train on speech alone")
    add("--quick", action="store_true", help="a smoke run, whose model is useless")
    add("--jobs", type=positive, default=1, help="networks trained at a time (default: 1)")
    add(
        "--work",
        type=Path,
        default=Path("runs"),
        help="folder for windows, trained networks and finished folds (default: runs)",
    )


def selected_recipe(options: argparse.Namespace) -> "Recipe":
    """The recipe that these options select; imports TensorFlow."""
    from train.model.recipe import Recipe, quick, tiny  # noqa: PLC0415

    recipe = Recipe(with_song=not options.no_song)
    if options.size == "tiny":
        recipe = tiny(recipe)
    if options.quick:
        recipe = quick(recipe)
    if options.epochs:
        recipe = replace(recipe, learn=replace(recipe.learn, epochs=options.epochs))
    return recipe
