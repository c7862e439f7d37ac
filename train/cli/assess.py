"""``python -m train assess``: all that is measured of a recipe on the folds of a protocol."""

import argparse
from pathlib import Path

from train.cli.options import check_writable, natural
from train.data.corpora import find_clips
from train.data.files import write_json
from train.evaluation.results import SCHEMA, Facts, with_seeds
from train.evaluation.summary import summarise
from train.features.noise import noise_files, open_bank
from train.model.tensorflow_import import tensorflow_for
from train.report.tables import Table, print_table


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "assess",
        help="measure a recipe on the folds of a protocol",
        description="Hear the networks of a protocol's folds, as fit --protocol leaves them in its work"
        " folder, each on the actors and the noise that it has not learnt from: as recorded, in noise,"
        " fainter, clipped, through a telephone, joined. Several runs, which differ in their seed, give"
        " means with deviations. Prints a table and writes JSON, of which `describe` makes a page.",
    )
    add = parser.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds RAVDESS")
    add("runs", type=Path, nargs="+", metavar="RUN", help="folder of a run, with model-*.tflite in it")
    add("--noise", type=Path, required=True, metavar="FOLDER", help="recordings in which nobody speaks")
    add("--seed", type=natural, default=0, help="draws noise and what is joined (default: 0)")
    add("--out", type=Path, default=Path("runs/assess.json"), help="default: runs/assess.json")
    parser.set_defaults(command=assess_command)


def assess_command(options: argparse.Namespace) -> int:
    """Measure, print and write."""
    with tensorflow_for("assess"):
        from train.evaluation.folds import assess_folds  # noqa: PLC0415
        from train.evaluation.run_metrics import run_figures  # noqa: PLC0415
    check_writable(options.out.absolute().parent)
    clips = find_clips(options.root).clips
    bank = open_bank(options.noise, noise_files(options.noise))

    def report(line: str) -> None:
        print(line, flush=True)

    runs: list[Facts] = []
    heard = assess_folds(options.runs, clips, bank, seed=options.seed, report=report)
    for run, folds in zip(options.runs, heard, strict=True):
        runs = with_seeds(runs, run, [run_figures(folds)])
    write_json(options.out, {"schema": SCHEMA, "runs": runs})
    _print(summarise(runs))
    print(f"wrote {options.out}")
    return 0


def _print(summary: Facts) -> None:
    clean = summary["uar"]["clean"]["mean"]
    rows = [
        (
            name,
            f"{each['mean']:.3f}",
            "" if each["std"] is None else f"{each['std']:.3f}",
            f"{each['mean'] / clean:.0%}",
        )
        for name, each in summary["uar"].items()
    ]
    print_table(Table(columns=("UAR", "mean", "std over seeds", "of clean"), rows=tuple(rows)))
    print_table(
        Table(
            columns=("test actors", "UAR"),
            rows=tuple((name, f"{each['mean']:.3f}") for name, each in summary["folds"].items()),
        )
    )
    print_table(
        Table(
            columns=("emotion", "recall", "unheard"),
            rows=tuple(
                (name, f"{recall:.3f}", f"{summary['unheard']['by_emotion'][name]:.2%}")
                for name, recall in summary["recalls"].items()
            ),
        )
    )
    noise = summary["noise"]
    print(f"ECE {summary['ece']['mean']:.3f}")
    print(f"recordings without speech that lead to an event: {noise['n_named']} of {noise['n']}")
    print(f"speech clips that lead to none: {summary['unheard']['n']}")
    print(f"largest file: {summary['n_bytes']:,} bytes")
