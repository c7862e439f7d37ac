"""``python -m train fit``: train the model that serd runs."""

import argparse
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import InputError
from train.cli.options import (
    add_sound_options,
    add_training_options,
    check_writable,
    name_of,
    positive,
    read_settings,
    selected_recipe,
    unused_path,
)
from train.data.clips import format_actors, parse_actors
from train.data.protocols import SPLIT_PROTOCOLS
from train.features.noise import open_banks, recordings
from train.features.rooms import training_rooms
from train.fit.plan import plan_fit
from train.model.ablations import ABLATIONS
from train.model.tensorflow_import import keep_freed_memory, tensorflow_for

if TYPE_CHECKING:
    from train.model.recipe import Recipe

_TEACHER: Final = "teacher"
"""Name of the teacher among the components of a recipe."""
_COMPONENTS: Final = (*ABLATIONS, _TEACHER)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    fit = commands.add_parser(
        "fit",
        help="train a model",
        description="Train a Conv1D network on a folder of RAVDESS clips, and write it as TFLite"
        " with its card. It learns from the labels and from the answers of a network of the default"
        " size, which is trained first. The Keras models are kept below --work, for python -m train"
        " export.",
    )
    add = fit.add_argument
    add_training_options(fit, size="default")
    add_sound_options(fit)
    add(
        "--ordinary",
        type=Path,
        metavar="FOLDER",
        help="ordinary speech, which is not trained on: with --protocol, the rule by which emotions are"
        " named is fitted so that this speech is seldom given one",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE.tflite",
        help="the model to write (default: a new file in WORK/fit, named after ROOT)",
    )
    add("--test-actors", default="", metavar="1-4", help="actors held out, scored at the end")
    add("--val-actors", default="", metavar="5,6", help="actors held out, shown after each epoch")
    add("--protocol", choices=SPLIT_PROTOCOLS, default="", help="train and score these folds first")
    add("--folds-only", action="store_true", help="train and score the protocol's folds alone")
    add("--members", type=positive, help="ensemble members (default: the recipe's)")
    add(
        "--without",
        choices=_COMPONENTS,
        action="append",
        default=[],
        metavar="COMPONENT",
        help=f"remove a component of the recipe, repeatable: {', '.join(_COMPONENTS)}",
    )
    add(
        "--learners",
        type=positive,
        metavar="N",
        help="training actors of RAVDESS (default: all)",
    )
    fit.set_defaults(command=fit_command)


def fit_command(options: argparse.Namespace) -> int:
    """Train, convert, score and write a model."""
    out = options.out or _default_out(options)
    if out.suffix != ".tflite":
        raise InputError(f"Bad --out {out}, expected a name that ends in .tflite")
    if options.folds_only and not options.protocol:
        raise InputError(
            f"--folds-only needs --protocol, whose folds are meant; one of {', '.join(SPLIT_PROTOCOLS)}"
        )
    check_writable(out.absolute().parent)
    check_writable(options.work.absolute())
    plan = plan_fit(
        options.root,
        also=options.also,
        with_song=not options.no_song,
        test=parse_actors(options.test_actors),
        validation=parse_actors(options.val_actors),
        protocol=options.protocol,
        settings=read_settings(options, options.work),
    )
    bank = open_banks(options.noise) if options.noise else None
    for line in bank.left_out if bank else ():
        print(f"left out: {line}")
    rooms = training_rooms(recordings(options.rooms, of="rooms")) if options.rooms else ()
    ordinary = recordings(options.ordinary, of="ordinary speech") if options.ordinary else []
    keep_freed_memory()
    with tensorflow_for("fit"):
        from train.fit.fitting import fit  # noqa: PLC0415
        from train.fit.settings import FitSettings  # noqa: PLC0415

    settings = FitSettings(
        plan=plan,
        out=out,
        work=options.work,
        recipe=_recipe(options),
        noise=bank,
        rooms=rooms,
        ordinary=tuple(ordinary),
        is_protocol_alone=options.folds_only,
        n_processes=options.jobs,
        seed=options.seed,
        command=_command(options),
    )
    fit(settings, lambda line: print(line, flush=True))
    return 0


def _default_out(options: argparse.Namespace) -> Path:
    """A new file below the work folder."""
    name = f"{name_of(options.root)}{'-quick' if options.quick else ''}.tflite"
    path: Path = options.work / "fit" / name
    return unused_path(path)


def _recipe(options: argparse.Namespace) -> "Recipe":
    """The recipe that the options select; a network of the default size teaches those of both sizes."""
    recipe = _recipe_of_size(options, options.size)
    if _TEACHER in options.without:
        return recipe
    return replace(recipe, teacher=_recipe_of_size(options, "default"))


def _recipe_of_size(options: argparse.Namespace, size: str) -> "Recipe":
    """The recipe of a network that learns from the labels alone."""
    from train.model.ablations import without  # noqa: PLC0415

    recipe = selected_recipe(options, size)
    if options.members:
        recipe = replace(recipe, members=options.members)
    if options.learners:
        recipe = replace(recipe, n_actors=options.learners)
    return reduce(without, [name for name in options.without if name != _TEACHER], recipe)


def _command(options: argparse.Namespace) -> str:
    """The command for the card, without the folders of this machine."""
    values = {
        "protocol": options.protocol,
        "seed": str(options.seed),
        "epochs": options.epochs,
        "size": "" if options.size == "default" else options.size,
        "members": options.members,
        "learners": options.learners,
        "test-actors": format_actors(parse_actors(options.test_actors)),
        "val-actors": format_actors(parse_actors(options.val_actors)),
    }
    words = ["python -m train fit ROOT", *("--also FOLDER" for _ in options.also)]
    words += ["--noise FOLDER" for _ in options.noise]
    words += ["--rooms FOLDER"] if options.rooms else []
    words += ["--ordinary FOLDER"] if options.ordinary else []
    words += ["--table FILE"] if options.table else []
    words += [f"--labels {options.labels}"] if options.labels else []
    words += ["--duplicates drop"] if options.duplicates == "drop" else []
    words += [f"--{name} {value}" for name, value in values.items() if value]
    words += [f"--without {name}" for name in options.without]
    words += ["--no-song"] if options.no_song else []
    words += ["--quick"] if options.quick else []
    return " ".join(words)
