"""``python -m train evaluate`` for folders of runs: the networks of every fold, together."""

import argparse
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final

import numpy as np

from serd.errors import InputError
from serd.model.labels import EMOTIONS
from train.cli.evaluate_protocol import (
    evaluate_protocol,
    heard_folds,
    labeled_clips,
    protocol_of,
)
from train.cli.options import EVALUATIONS, check_writable, name_of, open_noise, unused_path
from train.data.clips import Clip
from train.data.duplicates import distinct
from train.data.files import write_json, write_whole
from train.evaluation.compare import PREDICTIONS
from train.evaluation.fold_networks import fold_networks
from train.evaluation.metrics import Scores
from train.evaluation.results import SCHEMA, Facts, merge_seeds
from train.evaluation.strangers import stranger_facts
from train.evaluation.summary import summarize
from train.features.noise import recordings
from train.features.rooms import held_out_rooms
from train.model.naming import NamingLimits
from train.model.tensorflow_import import tensorflow_for
from train.report.evaluation_files import CONFUSION, confusion_csv, predictions_csv
from train.report.evaluation_terminal import show_folds

FOLDS: Final = "folds.json"
"""Metrics of the folds of runs, in the folder of --out."""
_FOR_ONE_MODEL: Final = {
    "table": None,
    "labels": "",
    "actors": "",
    "protocol": "",
    "allow_seen": False,
    "channel": "speech",
    "scheme": None,
    "snr": None,
    "early_estimate_s": 0.0,
    "adapt": None,
    "orders": None,
}
"""Defaults of the options that the folds of runs do not take."""


def add_fold_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that only the folds of runs take."""
    add = parser.add_argument
    add(
        "--rooms",
        type=Path,
        metavar="FOLDER",
        help="for folds of runs, the rooms that fit was given: score again in those that it kept",
    )
    add(
        "--ordinary",
        type=Path,
        metavar="FOLDER",
        help="ordinary speech: for folds of runs, the speakers of every corpus that a network was not"
        " trained on, and what is named at thresholds that are fitted on the other folds and on the"
        " other nine tenths of this speech",
    )
    add(
        "--also",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="with --ordinary, or for runs of left-out-corpus, the other corpora in it as well;"
        " repeatable",
    )


def evaluate_run_folds(options: argparse.Namespace) -> int:
    """Score the folds of runs."""
    for name, default in _FOR_ONE_MODEL.items():
        if getattr(options, name) != default:
            raise InputError(f"--{name.replace('_', '-')} is for a single model, not for runs")
    out = options.out or unused_path(EVALUATIONS / f"folds-{name_of(options.root)}")
    if protocol := protocol_of(options.models):
        return evaluate_protocol(options.models, protocol, out / FOLDS, options)
    if not options.noise:
        raise InputError("--noise FOLDER is needed for the folds of runs")
    if options.also and options.ordinary is None:
        raise InputError("--also needs --ordinary FOLDER with ordinary speech")
    with tensorflow_for("evaluate"):
        from train.evaluation.folds import evaluate_folds  # noqa: PLC0415
        from train.evaluation.run_metrics import run_metrics  # noqa: PLC0415
    check_writable(out.absolute())
    every = labeled_clips([options.root, *options.also], options.models[0])
    clips = [clip for clip in every if clip.path.is_relative_to(options.root)]
    bank = open_noise(options.noise, lambda: None)
    folds = evaluate_folds(
        options.models,
        clips,
        bank,
        rooms=_rooms(options),
        seed=options.seed,
        log=lambda line: print(line, flush=True),
    )
    strangers = _strangers(every, options)
    runs: list[Facts] = []
    for folder, results in zip(options.models, folds, strict=True):
        measured = run_metrics(results) | strangers(folder)
        runs = merge_seeds(runs, folder, [measured])
        decided = list(chain.from_iterable(each.predictions.clean for each in results))
        text = predictions_csv(decided, EMOTIONS, lambda clip: clip.path.name)
        write_whole(out / folder.resolve().name / PREDICTIONS, text.encode())
        text = confusion_csv(Scores(labels=EMOTIONS, confusion=np.array(measured["confusion"])))
        write_whole(out / folder.resolve().name / CONFUSION, text.encode())
    write_json(out / FOLDS, {"schema": SCHEMA, "runs": runs})
    show_folds(summarize(runs))
    print(f"wrote {out / FOLDS}")
    return 0


def _rooms(options: argparse.Namespace) -> Sequence[Path]:
    return held_out_rooms(recordings(options.rooms, of="rooms")) if options.rooms else ()


def _strangers(clips: Sequence[Clip], options: argparse.Namespace) -> Callable[[Path], Facts]:
    """A function from the folder of a run to its "strangers"; to nothing without ordinary speech."""
    if options.ordinary is None:
        return lambda _run: {}
    ordinary = distinct(recordings(options.ordinary, of="ordinary speech"))

    def measured(run: Path) -> Facts:
        print(
            f"{run.name}: {len(clips)} clips and {len(ordinary)} recordings of ordinary speech",
            flush=True,
        )
        heard = heard_folds(fold_networks(run), clips, ordinary)
        limits = NamingLimits(**heard[0].card.training["recipe"]["naming"])
        return {"strangers": stranger_facts(heard, limits, seed=options.seed)}

    return measured
