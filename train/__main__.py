"""Entry point of ``python -m train``."""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

from serd.errors import InputError, LibraryError, SerdError
from serd.runtime import default_model_path
from train.memory import keep_freed_memory
from train.plan import make_plan
from train.protocols import PROTOCOLS
from train.ravdess import format_actors, parse_actors


def main(argv: list[str] | None = None) -> int:
    """Run a command; the exit code."""
    options = _parser().parse_args(argv)
    try:
        return _fit(options)
    except SerdError as exc:
        print(f"train: {exc}", file=sys.stderr)
        return exc.exit_code
    except KeyboardInterrupt:
        print("train: interrupted; finished folds are kept", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m train", description="Make models for serd.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    fit = commands.add_parser(
        "fit",
        help="train a model on RAVDESS",
        description="Train a Conv1D network on a folder of RAVDESS clips, and write it as TFLite"
        " with its card. The Keras model never leaves the process.",
    )
    add = fit.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds RAVDESS, nested in any way")
    add("--out", type=Path, default=default_model_path(), help="the .tflite file to write")
    add("--epochs", type=_positive, help="passes over the data (default: the recipe's)")
    add("--seed", type=_natural, default=0, help="seeds all that is drawn (default: 0)")
    add("--test-actors", default="", metavar="1-4", help="actors held out, scored at the end")
    add("--val-actors", default="", metavar="5,6", help="actors held out, shown after each epoch")
    add("--protocol", choices=PROTOCOLS, default="", help="train and score these folds first")
    add("--no-song", action="store_true", help="learn from speech alone")
    add("--quick", action="store_true", help="a smoke run; its model is worth nothing")
    add("--work", type=Path, default=Path("runs"), help="folder for finished folds (default: runs)")
    return parser


def _fit(options: argparse.Namespace) -> int:
    if options.out.suffix != ".tflite":
        raise InputError(f"Bad --out {options.out}, expected a name that ends in .tflite")
    _check_writable(options.out.absolute().parent)
    _check_writable(options.work.absolute())
    plan = make_plan(
        options.root,
        with_song=not options.no_song,
        test=parse_actors(options.test_actors),
        validation=parse_actors(options.val_actors),
        protocol=options.protocol,
    )
    keep_freed_memory()
    try:  # here, because TensorFlow takes seconds to load
        from train.fit import FitSettings, fit  # noqa: PLC0415
        from train.recipe import Recipe, quick  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(f"training needs TensorFlow ({exc}): pip install '.[train]'") from exc

    recipe = Recipe(with_song=not options.no_song)
    if options.quick:
        recipe = quick(recipe)
    if options.epochs:
        recipe = replace(recipe, learn=replace(recipe.learn, epochs=options.epochs))
    settings = FitSettings(
        plan=plan,
        out=options.out,
        work=options.work,
        recipe=recipe,
        seed=options.seed,
        command=_command(options),
    )
    fit(settings, lambda line: print(line, flush=True))
    return 0


def _check_writable(folder: Path) -> None:
    """Refuse a folder that cannot be written to before hours are spent on what goes into it."""
    parent = next(each for each in (folder, *folder.parents) if each.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{folder}: cannot be written to")


def _command(options: argparse.Namespace) -> str:
    """The command as the card records it: what matters for the model, and no folder of this machine."""
    words = ["python -m train fit ROOT"]
    if options.protocol:
        words.append(f"--protocol {options.protocol}")
    words.append(f"--seed {options.seed}")
    if options.epochs:
        words.append(f"--epochs {options.epochs}")
    if options.test_actors:
        words.append(f"--test-actors {format_actors(parse_actors(options.test_actors))}")
    if options.val_actors:
        words.append(f"--val-actors {format_actors(parse_actors(options.val_actors))}")
    if options.no_song:
        words.append("--no-song")
    if options.quick:
        words.append("--quick")
    return " ".join(words)


def _natural(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text}: expected 0 to {2**31 - 1}")
    return number


def _positive(text: str) -> int:
    number = _natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected 1 or more")
    return number


if __name__ == "__main__":
    sys.exit(main())
