"""``python -m train evaluate``: score a model, or the folds of runs, on actors not trained on."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from serd.cli.progress import ProgressBar
from serd.errors import InputError
from train.cli.evaluate_folds import FOLDS, add_fold_options, evaluate_run_folds
from train.cli.evaluate_orders import evaluate_orders
from train.cli.options import (
    add_reading_options,
    check_writable,
    evaluation_folder,
    every_clip,
    natural,
    open_noise,
    positive,
)
from train.data.clips import format_actors, parse_actors
from train.data.protocols import ACTOR_PROTOCOLS, ORDERS
from train.evaluation.compare import PREDICTIONS
from train.evaluation.model_evaluation import evaluate_model, plan_evaluation
from train.evaluation.predictions import NoiseSettings
from train.evaluation.schemes import SCHEMES
from train.evaluation.selection import CHANNELS, Request
from train.features.mixing import parse_snr_db
from train.features.noise import recordings
from train.report.evaluation_files import (
    CONFUSION,
    PAGE,
    write_evaluation,
)
from train.report.evaluation_terminal import show

_DEFAULT_SNR = "20,10,0"
_DEFAULT_ORDERS = 3
_MIN_EARLY_S = 0.3
_MAX_EARLY_S = 30.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="score a model, or the folds of runs",
        description="Scores a .tflite model clip by clip through the daemon's own speech detector,"
        " segmenter, features, runtime and smoothing. Prints the metrics, and writes metrics.json,"
        " predictions.csv and a page, report.html, that shows them all. Given folders of runs in place"
        " of a model, scores the networks that fit --protocol left there, each on the actors and the"
        " noise that it was not trained on: as recorded, in noise, fainter, clipped, through a"
        f" telephone, joined. Runs that differ in their seed give means with deviations. Writes {FOLDS},"
        f" from which report writes a model's page, and {PREDICTIONS}, for compare, and {CONFUSION} of"
        " each run.",
    )
    add = parser.add_argument
    add(
        "models",
        type=Path,
        nargs="+",
        metavar="MODEL",
        help="a .tflite file, its card inside or beside it; or folders of runs",
    )
    add("root", type=Path, metavar="ROOT", help="folder that holds the clips, nested in any way")
    add_reading_options(parser)
    _add_clip_options(parser)
    _add_condition_options(parser)
    add("--seed", type=natural, default=0, help="seed of noise and resampling (default: 0)")
    add(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="for the files (default: a new folder in runs/evaluate, named after MODEL and ROOT)",
    )
    parser.set_defaults(command=evaluate_command)


def _add_clip_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the clips that are scored, and of their classes."""
    add = parser.add_argument
    selected = parser.add_mutually_exclusive_group()
    selected.add_argument(
        "--actors", default="", metavar="21-24", help="score these (default: all in ROOT)"
    )
    selected.add_argument(
        "--protocol",
        choices=(*ACTOR_PROTOCOLS, ORDERS),
        default="",
        help="score its test actors, as far as the model was not trained on them; left-out-corpus: the"
        " corpora that it was not trained on; orders: count the recordings of ordinary speech in ROOT"
        " that are given an emotion",
    )
    add("--allow-seen", action="store_true", help="score actors that the model was trained on as well")
    add("--channel", choices=CHANNELS, default="speech", help="score speech (default), song or all")
    add(
        "--scheme",
        choices=SCHEMES,
        help="classes: 8 as they are, 6 of nEMO, 5, 3 or 2 of the article, 10 by gender (default: the"
        " model's own)",
    )


def _add_condition_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of the conditions in which the clips are scored."""
    add = parser.add_argument
    add(
        "--noise",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="score again with these recordings mixed in, their level measured against the speech in a"
        " clip, not against its pauses; repeatable; the folds of runs need those of fit",
    )
    add_fold_options(parser)
    add("--snr", metavar=_DEFAULT_SNR, help=f"at these ratios, in dB (default: {_DEFAULT_SNR})")
    add(
        "--early-estimate-s",
        type=_early_s,
        default=0.0,
        metavar="1.0",
        help="score the early estimate of each utterance, after so many seconds of speech, in place of"
        " whole clips",
    )
    add(
        "--adapt",
        choices=("causal",),
        help="score again with speaker adaptation from each actor's earlier clips",
    )
    add("--orders", type=positive, metavar="3", help="random orders of these clips (default: 3)")


def _early_s(text: str) -> float:
    """A length of speech, in seconds."""
    early_s = float(text)
    if not _MIN_EARLY_S <= early_s <= _MAX_EARLY_S:
        raise argparse.ArgumentTypeError(f"{text}: expected {_MIN_EARLY_S} to {_MAX_EARLY_S} seconds")
    return early_s


def evaluate_command(options: argparse.Namespace) -> int:
    """Score one model, or the folds of runs."""
    if any(path.is_dir() for path in options.models):
        return evaluate_run_folds(options)
    if len(options.models) == 1 and options.protocol == ORDERS:
        return evaluate_orders(options.models[0], options)
    if len(options.models) > 1:
        raise InputError("several models at once: expected one .tflite file, or folders of runs")
    return _evaluate_model(options.models[0], options)


def _evaluate_model(model: Path, options: argparse.Namespace) -> int:
    started_s = time.monotonic()
    if options.ordinary is not None or options.also or options.rooms is not None:
        raise InputError(
            "--ordinary, --also and --rooms are for the folds of runs, not for a single model"
        )
    if options.snr is not None and not options.noise:
        raise InputError("--snr needs --noise FOLDER with recordings to mix in")
    if options.orders is not None and options.adapt is None:
        raise InputError("--orders needs --adapt causal, whose clips come in some order")
    snr_db = tuple(parse_snr_db(options.snr or _DEFAULT_SNR)) if options.noise else ()
    request = Request(
        actors=parse_actors(options.actors),
        protocol=options.protocol,
        channel=options.channel,
        allow_seen=options.allow_seen,
        early_s=options.early_estimate_s,
        has_noise=bool(options.noise),
    )
    out = options.out or evaluation_folder(model, options)
    check_writable(out.absolute())
    corpus = every_clip(options.root, options)
    plan = plan_evaluation(model, options.root, corpus, request, options.scheme)
    noise = _noise(options.noise, snr_db, seed=options.seed) if options.noise else None
    with ProgressBar(len(plan.clips)) as progress:
        evaluation = evaluate_model(
            plan,
            seed=options.seed,
            noise=noise,
            command=_command(options, snr_db),
            progress=progress.advance,
            n_orders=_n_orders(options),
        )
    write_evaluation(evaluation, out)
    console = Console(highlight=False, emoji=False)
    show(evaluation, console)
    seconds = time.monotonic() - started_s
    console.print(f"\nwrote {out / PAGE} and the figures beside it in {seconds:.0f} s", soft_wrap=True)
    return 0


def _n_orders(options: argparse.Namespace) -> int:
    return (options.orders or _DEFAULT_ORDERS) if options.adapt else 0


def _noise(folders: Sequence[Path], snr_db: tuple[float, ...], *, seed: int) -> NoiseSettings:
    with ProgressBar(sum(len(recordings(folder)) for folder in folders)) as progress:
        bank = open_noise(folders, progress.advance)
    return NoiseSettings(bank=bank, snr_db=snr_db, seed=seed)


def _command(options: argparse.Namespace, snr_db: tuple[float, ...]) -> str:
    """The command as the report records it, without the folders of this machine."""
    words = ["python -m train evaluate MODEL ROOT"]
    if options.actors:
        words.append(f"--actors {format_actors(parse_actors(options.actors))}")
    if options.labels:
        words.append(f"--labels {options.labels}")
    if options.protocol:
        words.append(f"--protocol {options.protocol}")
    if options.scheme:
        words.append(f"--scheme {options.scheme}")
    if options.channel != "speech":
        words.append(f"--channel {options.channel}")
    if snr_db:
        words += ["--noise FOLDER" for _ in options.noise]
        words.append("--snr " + ",".join(f"{ratio:g}" for ratio in snr_db))
    if options.early_estimate_s:
        words.append(f"--early-estimate-s {options.early_estimate_s:g}")
    if options.adapt:
        words.append(f"--adapt {options.adapt} --orders {_n_orders(options)}")
    if options.allow_seen:
        words.append("--allow-seen")
    words.append(f"--seed {options.seed}")
    return " ".join(words)
