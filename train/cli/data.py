"""``python -m train data``: inventory of a folder of recordings."""

import argparse
import json
import sys
from pathlib import Path

from train.cli.options import add_reading_options, check_writable, name_of
from train.data.inventory import take_inventory
from train.data.labels import parse_labels
from train.report.inventory_tables import print_inventory


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    data = commands.add_parser(
        "data",
        help="take the inventory of a folder of recordings",
        description="List what lies below a folder: RAVDESS, SAVEE, nEMO, CREMA-D, TESS, EmoDB and"
        " others are known by their own naming, any other corpus by folders named after emotions, or by"
        " a table. Nothing is trained, and nothing is changed.",
    )
    add = data.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds the corpora, nested in any way")
    add_reading_options(data)
    add("--out", type=Path, help="folder for pictures (default: runs/data/ROOT)")
    add("--json", action="store_true", help="print the inventory as JSON")
    data.set_defaults(command=data_command)


def data_command(options: argparse.Namespace) -> int:
    """Print and draw the inventory of a folder."""
    from train.report.inventory_pictures import draw_inventory  # noqa: PLC0415

    out = options.out or Path("runs/data") / name_of(options.root)
    check_writable(out.absolute())
    labels = parse_labels(options.labels)
    inventory = take_inventory(options.root, table=options.table, labels=labels)
    if options.json:
        facts = {"root": str(options.root), **inventory.to_json()}
        print(json.dumps(facts, indent=2, ensure_ascii=False), flush=True)
    else:
        print_inventory(options.root, inventory)
    for path in draw_inventory(inventory, out):
        print(f"wrote {path}", file=sys.stderr if options.json else sys.stdout)
    return 0
