"""What every command that trains by the recipe can be told, and the recipe that comes of it."""

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from train.cli.options import add_also_option, natural, positive

if TYPE_CHECKING:
    from train.recipe import Recipe


def add_training_options(parser: argparse.ArgumentParser, *, size: Literal["default", "tiny"]) -> None:
    """Add the clips to learn from, how long, and what the machine may spend.

    Args:
        parser: of the command.
        size: of the network, unless told otherwise.
    """
    add = parser.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds RAVDESS, nested in any way")
    add_also_option(parser)
    add("--epochs", type=positive, help="passes over the data (default: the recipe's)")
    add("--seed", type=natural, default=0, help="seeds all that is drawn (default: 0)")
    add(
        "--size",
        choices=("default", "tiny"),
        default=size,
        help=f"of the network (default: {size})",
    )
    add("--no-song", action="store_true", help="learn from speech alone")
    add("--quick", action="store_true", help="a smoke run; what it trains is worth nothing")
    add("--jobs", type=positive, default=1, help="networks trained at a time (default: 1)")
    add(
        "--work",
        type=Path,
        default=Path("runs"),
        help="folder for windows, trained networks and finished folds (default: runs)",
    )


def asked_recipe(options: argparse.Namespace) -> "Recipe":
    """The recipe that these options ask for; TensorFlow is imported for it."""
    from train.recipe import Recipe, quick, tiny  # noqa: PLC0415

    recipe = Recipe(with_song=not options.no_song)
    if options.size == "tiny":
        recipe = tiny(recipe)
    if options.quick:
        recipe = quick(recipe)
    if options.epochs:
        recipe = replace(recipe, learn=replace(recipe.learn, epochs=options.epochs))
    return recipe
