"""``python -m train evaluate --protocol orders``: ordinary speech that a model gives an emotion."""

import argparse
import sys
from pathlib import Path

from serd.errors import InputError
from serd.model.runtime import TfliteModel
from train.cli.options import check_writable, evaluation_folder
from train.data.corpora.tree import sound_files
from train.data.files import write_json
from train.data.protocols import ORDERS
from train.evaluation.orders import decide_orders
from train.report.evaluation_files import METRICS
from train.report.tables import Table, print_table


def evaluate_orders(model: Path, options: argparse.Namespace) -> int:
    """Count the recordings of ordinary speech that a model gives an emotion."""
    for name in ("table", "labels", "scheme", "noise", "snr", "adapt", "orders", "early_estimate_s"):
        if getattr(options, name):
            raise InputError(f"--{name.replace('_', '-')} is not for --protocol {ORDERS}")
    out = options.out or evaluation_folder(model, options)
    check_writable(out.absolute())
    card = TfliteModel(model).card
    paths = sound_files(options.root)
    if not paths:
        raise InputError(f"{options.root}: no sound file in it, expected recordings of ordinary speech")
    found = decide_orders(model, paths)
    write_json(out / METRICS, {"protocol": ORDERS, "model": model.stem, **found.to_json()})
    for line in found.left_out:
        print(f"train: {line}", file=sys.stderr)
    n, n_emotional = len(found.decisions), len(found.emotional)
    counts = found.to_json()["decisions"]
    print_table(Table(columns=("decision", "clips"), rows=tuple((k, str(v)) for k, v in counts.items())))
    share = f"{n_emotional / n:.1%}"
    print(f"{n_emotional} of {n} recordings of ordinary speech are given an emotion ({share})")
    if card.naming or card.thresholds:
        print(
            "The rule by which the model names emotions was fitted to ordinary speech. If that was this"
            " speech, expect more on other recordings."
        )
    print(f"wrote {out / METRICS}")
    return 0
