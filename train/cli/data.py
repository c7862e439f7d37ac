"""``python -m train data``: inventory of a folder of recordings."""

import argparse
import json
import sys
from pathlib import Path

from train.cli.options import check_writable
from train.data.inventory import take_inventory
from train.report.inventory_tables import print_inventory


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    data = commands.add_parser(
        "data",
        help="take the inventory of a folder of recordings",
        description="List what lies below a folder: RAVDESS, SAVEE and nEMO are known by their own"
        " naming, any other corpus by a table. Nothing is trained, and nothing is changed.",
    )
    add = data.add_argument
    add("root", type=Path, metavar="ROOT", help="folder that holds the corpora, nested in any way")
    add("--table", type=Path, metavar="FILE", help="CSV with columns file, emotion and speaker")
    add("--out", type=Path, default=Path("runs/data"), help="folder for pictures (default: runs/data)")
    add("--json", action="store_true", help="print the inventory as JSON")
    data.set_defaults(command=data_command)


def data_command(options: argparse.Namespace) -> int:
    """Print and draw the inventory of a folder."""
    from train.report.inventory_pictures import draw_inventory  # noqa: PLC0415

    check_writable(options.out.absolute())
    inventory = take_inventory(options.root, table=options.table)
    if options.json:
        facts = {"root": str(options.root), **inventory.to_json()}
        print(json.dumps(facts, indent=2, ensure_ascii=False), flush=True)
    else:
        print_inventory(options.root, inventory)
    for path in draw_inventory(inventory, options.out):
        print(f"wrote {path}", file=sys.stderr if options.json else sys.stdout)
    return 0
