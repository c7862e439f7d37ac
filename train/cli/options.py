"""Command-line options that several commands share, and checks of their values."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from serd.errors import InputError
from train.data.clips import Corpus
from train.data.corpora import CORPORA, ReadSettings, find_clips
from train.data.duplicates import DUPLICATE_RULES
from train.data.labels import parse_labels
from train.data.sound_store import STORE
from train.features.noise import NoiseBank, open_banks

if TYPE_CHECKING:
    from train.model.recipe import Recipe

EVALUATIONS: Final = Path("runs/evaluate")
"""Where evaluations are written unless told otherwise."""


def check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written, before anything slow begins.

    Raises:
        InputError: it cannot be created or written.
    """
    parent = next(each for each in (folder, *folder.parents) if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{folder}: cannot be written to")


def add_also_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--also`` to a command that trains."""
    parser.add_argument(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="train on the other corpora in it as well; repeatable",
    )


def add_table_option(add: Callable[..., object]) -> None:
    """Add ``--table``."""
    add(
        "--table",
        type=Path,
        metavar="FILE",
        help="one more corpus: a CSV with the columns file, emotion and speaker, and if you like gender,"
        " channel, intensity and statement",
    )


def add_reading_options(parser: argparse.ArgumentParser, *, trains: bool = False) -> None:
    """Add ``--table`` and ``--labels``, and ``--duplicates`` to a command that trains.

    Args:
        parser: parser of the command.
        trains: whether the command splits clips.
    """
    add_table_option(parser.add_argument)
    parser.add_argument(
        "--labels",
        default="",
        metavar="WORD=EMOTION,...",
        help="emotions of a corpus's words, such as boredom=neutral; boredom= drops its clips",
    )
    if trains:
        parser.add_argument(
            "--duplicates",
            choices=DUPLICATE_RULES,
            default="keep-together",
            help="clips that sound the same: on one side of each split (default), or only the first",
        )


def read_settings(options: argparse.Namespace, work: Path) -> ReadSettings:
    """The table, labels and duplicates that the options name.

    Args:
        options: of a command that trains.
        work: folder of the results that later commands reuse.

    Raises:
        CorpusError: bad labels.
    """
    return ReadSettings(
        table=options.table,
        labels=parse_labels(options.labels),
        duplicates=options.duplicates,
        sound_store=work.absolute() / STORE,
    )


def every_clip(root: Path, options: argparse.Namespace) -> Corpus:
    """The clips of all corpora below a folder, of the table and of folders named after emotions.

    Raises:
        CorpusError: there are none, or bad labels.
    """
    return find_clips(
        root,
        corpora=CORPORA,
        table=options.table,
        labels=parse_labels(options.labels),
        with_folders=True,
    )


def unused_path(path: Path) -> Path:
    """A path itself, or the first of "path-2", "path-3" ... where nothing is."""
    numbered = (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))
    return next(each for each in chain((path,), numbered) if not each.exists())


def name_of(root: Path) -> str:
    """A folder's name as part of the name of a result."""
    return re.sub(r"[^\w.-]+", "_", root.resolve().name) or "root"


def evaluation_folder(model: Path, options: argparse.Namespace) -> Path:
    """A new folder for the evaluation of a model on the clips in a folder."""
    protocol = f"-{options.protocol}" if options.protocol else ""
    return unused_path(EVALUATIONS / f"{model.stem}-{name_of(options.root)}{protocol}")


def open_noise(folders: Sequence[Path], progress: Callable[[], None]) -> NoiseBank:
    """The recordings of ``--noise``; one that cannot be read is reported and left out."""
    bank = open_banks(folders, progress)
    for line in bank.left_out:
        print(f"train: {line}", file=sys.stderr)
    return bank


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
    add(
        "root",
        type=Path,
        metavar="ROOT",
        help="folder that holds RAVDESS or another corpus, or what --protocol tests, nested in any way",
    )
    add_also_option(parser)
    add_reading_options(parser, trains=True)
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


def add_sound_options(parser: argparse.ArgumentParser, *, needs_noise: bool = False) -> None:
    """Add ``--noise`` and ``--rooms`` to a command that trains.

    Args:
        parser: parser of the command.
        needs_noise: whether the command cannot do without noise.
    """
    parser.add_argument(
        "--noise",
        type=Path,
        action="append",
        default=[],
        required=needs_noise,
        metavar="FOLDER",
        help="recordings without speech: mixed into speech, and trained on as no speech; repeatable",
    )
    parser.add_argument(
        "--rooms",
        type=Path,
        metavar="FOLDER",
        help="measured impulse responses of rooms, for the augmented copies; every fourth is kept for"
        " scoring",
    )


def selected_recipe(options: argparse.Namespace, size: str) -> "Recipe":
    """The recipe that these options select for a network of some size; imports TensorFlow."""
    from train.model.recipe import Recipe, quick, tiny  # noqa: PLC0415

    recipe = Recipe(with_song=not options.no_song)
    if size == "tiny":
        recipe = tiny(recipe)
    if options.quick:
        recipe = quick(recipe)
    if options.epochs:
        recipe = replace(recipe, learn=replace(recipe.learn, epochs=options.epochs))
    return recipe
