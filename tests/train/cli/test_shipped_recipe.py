"""``make train`` and the shipped card name the same recipe, or the changelog says otherwise."""

import json
import shlex
import subprocess
from argparse import ArgumentParser
from dataclasses import replace
from typing import Final

from serd.model.file import bundled_model_path, card_path
from testkit.imports import ROOT
from train.cli import fit
from train.model.recipe import Recipe, tiny

_OLDER: Final = "The {} model that comes with serd is still of the recipe before"
"""What the changelog says as long as a shipped model is of an earlier recipe."""


def _command_of_make() -> str:
    """The command of ``make train``, as a card records it."""
    printed = subprocess.run(
        ["make", "--dry-run", "--no-print-directory", "train"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    words = shlex.split(printed.replace("\\\n", " ").splitlines()[-1])
    parser = ArgumentParser()
    fit.add_parser(parser.add_subparsers())
    options = parser.parse_args(words[words.index("fit") :])
    return fit._command(options)  # noqa: SLF001 - what the card has


def test_make_train_is_the_whole_recipe() -> None:
    """Three other corpora, two folders of noise, rooms, ordinary speech, and folds of all corpora."""
    assert _command_of_make() == (
        "python -m train fit ROOT --also FOLDER --also FOLDER --also FOLDER"
        " --noise FOLDER --noise FOLDER --rooms FOLDER --ordinary FOLDER --protocol all5 --seed 0"
    )


def test_the_shipped_cards_are_of_that_recipe() -> None:
    """Command and every parameter; shipped models of an earlier recipe are told in the changelog."""
    recipes = {
        "default": ("", replace(Recipe(), teacher=Recipe())),
        "tiny": (" --size tiny", replace(tiny(Recipe()), teacher=Recipe())),
    }
    changelog = " ".join((ROOT / "CHANGELOG.md").read_text("utf-8").split())
    for name, (option, recipe) in recipes.items():
        card = json.loads(card_path(bundled_model_path(name)).read_text("utf-8"))["training"]
        wanted = (_command_of_make() + option, recipe.to_json())
        is_same = (card["command"], card["recipe"]) == wanted
        assert is_same == (_OLDER.format(name) not in changelog), name
