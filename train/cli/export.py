"""``python -m train export``: a trained network in every precision, held against Keras."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from serd.errors import InputError
from train.cli.options import check_writable, natural
from train.data.clips import format_actors
from train.data.corpora import find_clips
from train.model.agreement import PRECISIONS, file_name
from train.model.checkpoint import Checkpoint, find_checkpoint
from train.model.tensorflow_import import keep_freed_memory, tensorflow_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from train.fit.export import Exported

_WIDTH = 160
"""Room for all columns of the table, in characters."""


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
    add("--out", type=Path, metavar="FOLDER", help="where to write (default: beside the network)")
    add("--clips", type=Path, metavar="ROOT", help="the clips (default: where the training found them)")
    add("--seed", type=natural, default=0, help="draws the clips that are used (default: 0)")
    add("--force", action="store_true", help="overwrite files that are there")
    add("--json", action="store_true", help="print figures as JSON instead of a table")
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
    root = _clips_root(network, options.clips)
    corpus = find_clips(root, with_song=recipe.get("with_song", True))
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


def _clips_root(network: Checkpoint, given: Path | None) -> Path:
    """Where the clips are: as told, or as the training noted.

    Raises:
        InputError: not told, and they are no longer there.
    """
    if given is not None:
        return given
    noted = Path(network.clips)
    if not network.clips or not noted.is_dir():
        where = network.clips or "any folder that is noted"
        raise InputError(f"{network.path}: its clips are not in {where}; pass --clips ROOT")
    return noted


def _figures(network: Checkpoint, exported: "Sequence[Exported]") -> dict[str, Any]:
    """All that was measured, for programs."""
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
                "partings": [str(parting) for parting in each.agreement.disagreements],
                "held_out": each.scores.to_json() if each.scores else None,
            }
            for each in exported
        ],
    }


def _print_table(network: Checkpoint, exported: "Sequence[Exported]") -> None:
    """All that was measured, for people."""
    from rich.console import Console  # noqa: PLC0415

    first = exported[0]
    compared = first.agreement
    actors = format_actors(first.compared_actors)
    whose = "held out" if first.scores else "trained on"
    lines = [
        "parameters, operations: counted in the graph; an operation is a multiply-accumulate",
        f"latency: one window with one thread in {first.runtime} on this machine, median",
        f"as Keras: same top class on {compared.n_windows} windows of actors {actors} ({whose})",
        "off by: largest difference of a probability to Keras",
    ]
    if first.scores:
        lines.append(f"UAR: {first.scores.n_clips} clips of these actors through the daemon's pipeline")
    # The table is as wide as it is, however narrow the screen: it may go into a pipe.
    console = Console(width=_WIDTH, soft_wrap=True, highlight=False, markup=False)
    console.print(f"{network.card.name}, trained on actors {network.card.training.get('actors')}\n")
    console.print(_table(exported))
    console.print("\n" + "\n".join(lines))
    console.print(f"\nwrote {first.path.parent}, each network with its card inside and beside it")


def _table(exported: "Sequence[Exported]") -> "Table":
    from rich.table import Table  # noqa: PLC0415

    table = Table(box=None, header_style="bold", pad_edge=False)
    table.add_column("precision", style="bold")
    for name in ("size", "parameters", "operations", "latency", "as Keras", "off by", "UAR"):
        table.add_column(name, justify="right")
    table.add_column("file", no_wrap=True)
    for each in exported:
        table.add_row(
            each.precision,
            f"{each.path.stat().st_size / 1000:,.0f} kB",
            f"{each.graph.n_parameters:,}",
            f"{each.graph.macs / 1e6:,.1f} M",
            f"{each.latency_ms:.2f} ms",
            f"{each.agreement.share:.1%}",
            f"{each.agreement.largest_difference:.3f}",
            f"{each.scores.uar:.3f}" if each.scores else "-",
            each.path.name,
        )
    return table
