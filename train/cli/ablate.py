"""``python -m train ablate``: the contribution of each component of the recipe."""

import argparse
from pathlib import Path

from serd.errors import InputError
from train.cli.options import (
    add_sound_options,
    add_training_options,
    check_writable,
    open_noise,
    read_settings,
    selected_recipe,
)
from train.data.files import write_json
from train.data.protocols import ACTOR_PROTOCOLS
from train.evaluation.results import SCHEMA, Facts, recipe_digest
from train.evaluation.summary import merge_variants, read_variants, variant_summary
from train.features.noise import recordings
from train.features.rooms import held_out_rooms, training_rooms
from train.fit.plan import plan_fit
from train.model.ablations import ABLATIONS, MEASURED_ROOMS, Ablation, variants
from train.model.tensorflow_import import keep_freed_memory, tensorflow_for
from train.report.tables import Table, print_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "ablate",
        help="measure what each component of the recipe contributes",
        description="Train a protocol's folds by the recipe and by the recipe without each of its"
        " components, with one seed and without a teacher, and score all of them as evaluate does. The"
        " metrics are added to those in --out, by component and seed; existing ones are not trained"
        " again. report --ablations puts them into the research log.",
    )
    add = parser.add_argument
    add_training_options(parser, size="tiny")
    add_sound_options(parser, needs_noise=True)
    add(
        "--protocol",
        choices=ACTOR_PROTOCOLS,
        default="dev5",
        help="protocol of the folds (default: dev5)",
    )
    add(
        "--without",
        choices=ABLATIONS,
        action="append",
        default=[],
        metavar="COMPONENT",
        help=f"remove this one alone; repeatable (default: each of {', '.join(ABLATIONS)};"
        f" {MEASURED_ROOMS} needs --rooms)",
    )
    add("--out", type=Path, default=Path("runs/ablations.json"), help="default: runs/ablations.json")
    parser.set_defaults(command=ablate_command)


def ablate_command(options: argparse.Namespace) -> int:
    """Train and score the variants, and add their metrics to the file."""
    check_writable(options.out.absolute().parent)
    check_writable(options.work.absolute())
    ablations = _ablations(options)
    rooms = tuple(recordings(options.rooms, of="rooms")) if options.rooms else ()
    known = _known(options.out)
    plan = plan_fit(
        options.root,
        also=options.also,
        with_song=not options.no_song,
        protocol=options.protocol,
        settings=read_settings(options, options.work),
    )
    bank = open_noise(options.noise, lambda: None)
    keep_freed_memory()
    with tensorflow_for("ablate"):
        from train.fit.fitting import ablate  # noqa: PLC0415
        from train.fit.settings import FitSettings  # noqa: PLC0415

    def report(line: str) -> None:
        print(line, flush=True)

    recipe = selected_recipe(options, options.size)
    recipes = variants(recipe, ablations)
    for name, each in list(recipes.items()):
        if _is_known(known, name, recipe_digest(each.to_json()), options):
            report(f"without {name}, seed {options.seed}: in {options.out} already")
            del recipes[name]
    if recipes:
        settings = FitSettings(
            plan=plan,
            out=Path("ablation.tflite"),
            work=options.work,
            recipe=recipe,
            rooms=training_rooms(rooms),
            n_processes=options.jobs,
            seed=options.seed,
            command="python -m train ablate",
        )
        found = ablate(settings, recipes, bank, report, scored_rooms=held_out_rooms(rooms))
        new = [(name, options.out, [run]) for name, run in found.items()]
        known = merge_variants(_known(options.out), new)  # another run may have added to it meanwhile
        write_json(options.out, {"schema": SCHEMA, "variants": known})
    _print(known)
    print(f"the figures are in {options.out}")
    return 0


def _ablations(options: argparse.Namespace) -> list[Ablation]:
    """The components to remove.

    Raises:
        InputError: measured rooms, without any.
    """
    if MEASURED_ROOMS in options.without and not options.rooms:
        raise InputError(f"--without {MEASURED_ROOMS} needs --rooms FOLDER with measured rooms")
    able = [each for each in ABLATIONS if options.rooms or each != MEASURED_ROOMS]
    return options.without or able


def _known(path: Path) -> list[Facts]:
    """Variants of earlier runs."""
    return read_variants(path) if path.exists() else []


def _is_known(known: list[Facts], name: str, recipe: str, options: argparse.Namespace) -> bool:
    """Whether the file has a variant's metrics with this seed.

    Raises:
        InputError: it holds those of another recipe.
    """
    runs: list[Facts] = next((each["runs"] for each in known if each["name"] == name), [])
    if runs and runs[0]["recipe"] != recipe:
        raise InputError(
            f"{options.out}: holds figures of recipe {runs[0]['recipe']} without {name}, and this one is"
            f" {recipe}; name another file with --out"
        )
    return any(run["seed"] == options.seed for run in runs)


def _print(variants: list[Facts]) -> None:
    rows = []
    for each in map(variant_summary, variants):
        clean, noisy = each["uar"]["clean"], each["uar"]["10 dB noise"]
        deviation = "" if clean["std"] is None else f"{clean['std']:.3f}"
        seeds = ", ".join(map(str, each["seeds"]))
        rows.append((each["name"], f"{clean['mean']:.3f}", deviation, f"{noisy['mean']:.3f}", seeds))
    columns = ("without", "UAR", "std over seeds", "at 10 dB", "seeds")
    print_table(Table(columns=columns, rows=tuple(rows)))
