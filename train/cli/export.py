"""``python -m train export``: a checkpoint in every precision, compared with Keras."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serd.errors import InputError
from train.cli.options import add_reading_options, check_writable, natural
from train.data.clips import format_actors
from train.data.corpora import ReadSettings, find_all_clips
from train.data.labels import parse_labels
from train.model.agreement import PRECISIONS, file_name
from train.model.checkpoint import Checkpoint, find_checkpoint
from train.model.tensorflow_import import keep_freed_memory, tensorflow_for
from train.report.tables import Table, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from train.fit.export import Exported

_COLUMNS = (
    "precision",
    "size",
    "parameters",
    "operations",
    "latency",
    "agreement",
    "difference",
    "UAR",
    "file",
)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    export = commands.add_parser(
        "export",
        help="write a trained network as float32, dynamic-range and int8 TFLite",
        description="Convert the Keras model that a training kept, hold each result against it on"
        " windows of real clips, and write all of them with their cards, or none if one of them"
        " decides otherwise than Keras too often.",
    )
    add = export.add_argument
    add("run", type=Path, metavar="RUN", help="a training's folder, or one of its .keras files")
    add("--out", type=Path, metavar="FOLDER", help="output folder (default: that of the network)")
    add(
        "--clips",
        type=Path,
        action="append",
        metavar="ROOT",
        help="the clips; repeatable, for other corpora (default: where the training found them)",
    )
    add_reading_options(export)
    add("--seed", type=natural, default=0, help="seed of the choice of clips (default: 0)")
    add("--force", action="store_true", help="overwrite files that are there")
    add("--json", action="store_true", help="print JSON instead of a table")
    export.set_defaults(command=export_command)


def export_command(options: argparse.Namespace) -> int:
    """Convert, compare, measure and write."""
    network = find_checkpoint(options.run)
    out = options.out or network.path.with_suffix("")
    check_writable(out.absolute())
    for path in (out / file_name(network.card.name, precision) for precision in PRECISIONS):
        if path.exists() and not options.force:
            raise InputError(f"{path}: is there already; --force overwrites it")
    recipe = network.card.training.get("recipe", {})
    roots, read = _sources(network, options)
    corpus = find_all_clips(roots, read, with_song=recipe.get("with_song", True))
    keep_freed_memory()
    with tensorflow_for("export"):
        from train.fit.export import ExportSettings, export  # noqa: PLC0415

    settings = ExportSettings(network=network, corpus=corpus, out=out, seed=options.seed)
    exported = export(settings, lambda line: print(line, file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(_figures(network, exported), indent=2))
    else:
        _print_table(network, exported)
    return 0


def _sources(network: Checkpoint, options: argparse.Namespace) -> tuple[list[Path], ReadSettings]:
    """Folders, table and labels of the clips: the given ones, or those of the training.

    Raises:
        InputError: none are given, and those of the training are gone.
    """
    noted = network.settings
    table, labels = options.table or noted.table, parse_labels(options.labels)
    settings = ReadSettings(table=table, labels=labels if options.labels else noted.labels)
    if options.clips:
        return options.clips, settings
    for where in (network.clips, *network.also):
        if not where or not Path(where).is_dir():
            place = where or "any folder that is noted"
            raise InputError(f"{network.path}: its clips are not in {place}; pass --clips ROOT")
    return [Path(network.clips), *map(Path, network.also)], settings


def _figures(network: Checkpoint, exported: "Sequence[Exported]") -> dict[str, Any]:
    """The measurements as a JSON object."""
    return {
        "run": str(network.path),
        "name": network.card.name,
        "trained_on": network.card.training.get("actors"),
        "exports": [
            {
                "precision": each.precision,
                "file": str(each.path),
                "bytes": each.path.stat().st_size,
                "parameters": each.graph.n_parameters,
                "macs": each.graph.macs,
                "latency_ms": round(each.latency_ms, 3),
                "runtime": each.runtime,
                "compared_actors": format_actors(each.compared_actors),
                "compared_windows": each.agreement.n_windows,
                "same_top_class": round(each.agreement.share, 4),
                "largest_difference": round(each.agreement.largest_difference, 4),
                "disagreements": [str(each) for each in each.agreement.disagreements],
                "held_out": each.scores.to_json() if each.scores else None,
            }
            for each in exported
        ],
    }


def _print_table(network: Checkpoint, exported: "Sequence[Exported]") -> None:
    """Print the measurements as a table."""
    first = exported[0]
    actors = format_actors(first.compared_actors)
    whose = "held out" if first.scores else "trained on"
    rows = tuple(
        (
            each.precision,
            f"{each.path.stat().st_size / 1000:,.0f} kB",
            f"{each.graph.n_parameters:,}",
            f"{each.graph.macs / 1e6:,.1f} M",
            f"{each.latency_ms:.2f} ms",
            f"{each.agreement.share:.1%}",
            f"{each.agreement.largest_difference:.3f}",
            f"{each.scores.restricted.uar:.3f}" if each.scores else "-",
            each.path.name,
        )
        for each in exported
    )
    print(f"{network.card.name}, trained on actors {network.card.training.get('actors')}\n")
    print_table(Table(columns=_COLUMNS, rows=rows))
    compared = f"{first.agreement.n_windows} windows of actors {actors} ({whose})"
    print(
        "\noperations: multiply-accumulates, counted in the graph"
        f"\nlatency: median of a window with one thread in {first.runtime} on this machine"
        f"\nagreement: same decision as Keras on {compared}"
        "\ndifference: largest difference of a probability from Keras"
    )
    if first.scores:
        print(
            f"UAR: {first.scores.restricted.n_clips} clips of these actors through the daemon's pipeline"
        )
    print(f"\nwrote {first.path.parent}, each network with its card inside and beside it")
