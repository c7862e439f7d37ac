"""``python -m train evaluate`` for runs of ``left-out-corpus`` and ``text``: speech as recorded alone.

What noise, rooms and telephones change is measured with the folds of ``dev5`` and ``all5``.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

from serd.errors import InputError
from train.cli.options import check_writable
from train.data.clips import Clip, Corpus
from train.data.corpora import find_clips, labeled_corpora
from train.data.duplicates import without_duplicates
from train.data.files import write_json
from train.data.protocols import LEFT_OUT, TEXT
from train.data.sound_store import STORE
from train.evaluation.fold_networks import FoldNetwork, fold_networks
from train.evaluation.held_out import HeardFold, hear_fold
from train.evaluation.results import SCHEMA, Facts, merge_seeds, recipe_facts
from train.evaluation.strangers import corpora_facts
from train.report.strangers_section import corpora_table
from train.report.tables import print_table

AS_RECORDED: Final = (LEFT_OUT, TEXT)
"""Protocols whose runs are scored on speech as recorded alone."""
_OTHER_CONDITIONS: Final[Mapping[str, object]] = {"noise": [], "rooms": None, "ordinary": None}
"""Defaults of the options that these runs do not take."""


def protocol_of(runs: Sequence[Path]) -> str:
    """The protocol of some runs, if it is one of ``AS_RECORDED``; empty for any other.

    Raises:
        InputError: the runs are of several protocols, one of them such a one.
    """
    protocols = {run: fold_networks(run)[0].protocol for run in runs}
    found = set(protocols.values())
    if len(found) > 1 and found & set(AS_RECORDED):
        listed = ", ".join(f"{run} of {protocol or 'another'}" for run, protocol in protocols.items())
        raise InputError(f"runs of one protocol at a time, got {listed}")
    return next((protocol for protocol in found if protocol in AS_RECORDED), "")


def evaluate_protocol(
    runs: Sequence[Path], protocol: str, out: Path, options: argparse.Namespace
) -> int:
    """Score the folds of runs of a protocol of ``AS_RECORDED``, print and write the metrics.

    Args:
        runs: folders of the runs.
        protocol: their protocol.
        out: file to write.
        options: the command's options.
    """
    for name, default in _OTHER_CONDITIONS.items():
        if getattr(options, name) != default:
            raise InputError(f"--{name} is not for runs of {protocol}: they are scored as recorded")
    check_writable(out.absolute().parent)
    clips = labeled_clips([options.root, *options.also], runs[0])
    known: list[Facts] = []
    for run in runs:
        networks = fold_networks(run)
        print(f"{run.name}: {len(networks)} folds of {protocol}", flush=True)
        known = merge_seeds(known, run, [_measured(networks, protocol, clips, options.seed)])
    write_json(out, {"schema": SCHEMA, "runs": known})
    print_table(corpora_table(known))
    print(f"wrote {out}")
    return 0


def labeled_clips(folders: Sequence[Path], run: Path) -> list[Clip]:
    """The clips in some folders of the corpora that have labels, without those that ``fit`` leaves out.

    What was computed of their sounds for the run is taken from its work folder.
    """
    found = [find_clips(folder, corpora=labeled_corpora()).clips for folder in folders]
    corpus = Corpus(clips=tuple(chain.from_iterable(found)), left_out=())
    store = run.resolve().parent / STORE
    known = store if store.exists() else None
    return list(without_duplicates(corpus, "keep-together", known).clips)


def heard_folds(
    networks: Sequence[FoldNetwork], clips: Sequence[Clip], ordinary: Sequence[Path]
) -> list[HeardFold]:
    """What the networks of a run make of their test actors and of ordinary speech.

    A line on standard error tells of each recording that cannot be read.
    """
    folds = [hear_fold(network, clips, ordinary) for network in networks]
    for line in dict.fromkeys(line for fold in folds for line in fold.left_out):
        print(f"train: {line}", file=sys.stderr)
    return folds


def _measured(networks: Sequence[FoldNetwork], protocol: str, clips: Sequence[Clip], seed: int) -> Facts:
    """Metrics of one run, named as in ``run_metrics``, with "protocol" and "has_teacher"."""
    heard = heard_folds(networks, clips, ordinary=())
    training = networks[0].card.training
    return {
        "protocol": protocol,
        "seed": training["seed"],
        **recipe_facts(training["recipe"]),
        "parameters": training["parameters"],
        "epochs": training["recipe"]["learn"]["epochs"],
        "has_teacher": training["recipe"].get("teacher") is not None,
        "folds": {
            network.path.stem.removeprefix("model-"): len(fold.clips)
            for network, fold in zip(networks, heard, strict=True)
        },
        "corpora": corpora_facts(heard, protocol=protocol, seed=seed),
    }
