"""``python -m train evaluate``: judge a model on clips of actors that it never heard."""

import argparse
import sys
import time
from pathlib import Path

from serd.cli.analyze_output import Progress
from serd.errors import InputError
from train.cli.options import check_writable, natural, positive
from train.data.clips import format_actors, parse_actors
from train.data.corpora import TITLES, find_clips
from train.data.protocols import PROTOCOLS
from train.evaluation.model_evaluation import judge, make_plan
from train.evaluation.predictions import NoiseSettings
from train.evaluation.schemes import SCHEMES
from train.evaluation.selection import CHANNELS, Request
from train.features.noise import noise_files, open_bank, parse_snr_db
from train.report.evaluation_files import PAGE, write

_DEFAULT_SNR = "20,10,0"
_DEFAULT_ORDERS = 3
_LEAST_FIRST_S = 0.3
_MOST_FIRST_S = 30.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "evaluate",
        help="judge a model on clips",
        description="Scores a .tflite model clip by clip through the daemon's own voice detector,"
        " segmenter, features, runtime and smoothing. Prints the figures, and writes metrics.json,"
        " predictions.csv and a page, report.html, that shows them all.",
    )
    add = parser.add_argument
    add("model", type=Path, metavar="MODEL.tflite", help="the model, its card inside or beside it")
    add("root", type=Path, metavar="ROOT", help="folder that holds the clips, nested in any way")
    add("--table", type=Path, metavar="FILE", help="a CSV of file, emotion and speaker: one more corpus")
    whose = parser.add_mutually_exclusive_group()
    whose.add_argument(
        "--actors", default="", metavar="21-24", help="score these (default: all in ROOT)"
    )
    whose.add_argument(
        "--protocol",
        choices=PROTOCOLS,
        default="",
        help="score its test actors, as far as the model was not trained on them",
    )
    add("--allow-seen", action="store_true", help="score actors that the model was trained on as well")
    add("--channel", choices=CHANNELS, default="speech", help="score speech (default), song or all")
    add(
        "--scheme",
        choices=SCHEMES,
        help="classes: 8 as they are, 6 of nEMO, 5, 3 or 2 of the article, 10 by gender (default: the"
        " model's own)",
    )
    add(
        "--noise",
        type=Path,
        metavar="FOLDER",
        help="score again with these recordings mixed in, their level measured against the speech in a"
        " clip, not against its pauses",
    )
    add("--snr", metavar=_DEFAULT_SNR, help=f"at these ratios, in dB (default: {_DEFAULT_SNR})")
    add(
        "--first-s",
        type=_first_s,
        default=0.0,
        metavar="1.0",
        help="score the provisional window that leaves after so many seconds of speech, as an early"
        " event of the daemon has it, and not the whole clip",
    )
    add(
        "--adapt",
        choices=("causal",),
        help="score again with a daemon that gets used to each actor's voice by the clips before",
    )
    add("--orders", type=positive, metavar="3", help="orders in which these come (default: 3)")
    add("--seed", type=natural, default=0, help="draws noise and resamples (default: 0)")
    add("--out", type=Path, metavar="FOLDER", help="where the files go (default: runs/evaluate-MODEL)")
    parser.set_defaults(command=evaluate_command)


def _first_s(text: str) -> float:
    """A length of speech."""
    first_s = float(text)
    if not _LEAST_FIRST_S <= first_s <= _MOST_FIRST_S:
        raise argparse.ArgumentTypeError(f"{text}: expected {_LEAST_FIRST_S} to {_MOST_FIRST_S} seconds")
    return first_s


def evaluate_command(options: argparse.Namespace) -> int:
    """Check what was asked, score, print and write."""
    from rich.console import Console  # noqa: PLC0415

    from train.report.evaluation_terminal import show  # noqa: PLC0415

    started_s = time.monotonic()
    if options.snr is not None and options.noise is None:
        raise InputError("--snr needs --noise FOLDER with recordings to mix in")
    if options.orders is not None and options.adapt is None:
        raise InputError("--orders needs --adapt causal, whose clips come in some order")
    snr_db = tuple(parse_snr_db(options.snr or _DEFAULT_SNR)) if options.noise else ()
    request = Request(
        actors=parse_actors(options.actors),
        protocol=options.protocol,
        channel=options.channel,
        allow_seen=options.allow_seen,
        first_s=options.first_s,
    )
    out = options.out or Path("runs") / f"evaluate-{options.model.stem}"
    check_writable(out.absolute())
    corpus = find_clips(options.root, corpora=TITLES, table=options.table)
    plan = make_plan(options.model, options.root, corpus, request, options.scheme)
    noise = _noise(options.noise, snr_db, seed=options.seed) if options.noise else None
    with Progress(len(plan.clips)) as progress:
        evaluation = judge(
            plan,
            seed=options.seed,
            noise=noise,
            command=_command(options, snr_db),
            progress=progress.advance,
            n_orders=_n_orders(options),
        )
    write(evaluation, out)
    console = Console(highlight=False, emoji=False)
    show(evaluation, console)
    seconds = time.monotonic() - started_s
    console.print(f"\nwrote {out / PAGE} and the figures beside it in {seconds:.0f} s", soft_wrap=True)
    return 0


def _n_orders(options: argparse.Namespace) -> int:
    return (options.orders or _DEFAULT_ORDERS) if options.adapt else 0


def _noise(folder: Path, snr_db: tuple[float, ...], *, seed: int) -> NoiseSettings:
    files = noise_files(folder)
    with Progress(len(files)) as progress:
        bank = open_bank(folder, files, progress.advance)
    for line in bank.left_out:
        print(f"train: {line}", file=sys.stderr)
    return NoiseSettings(bank=bank, snr_db=snr_db, seed=seed)


def _command(options: argparse.Namespace, snr_db: tuple[float, ...]) -> str:
    """The command as the report records it: what matters for the figures, and no folder."""
    words = ["python -m train evaluate MODEL ROOT"]
    if options.actors:
        words.append(f"--actors {format_actors(parse_actors(options.actors))}")
    if options.protocol:
        words.append(f"--protocol {options.protocol}")
    if options.scheme:
        words.append(f"--scheme {options.scheme}")
    if options.channel != "speech":
        words.append(f"--channel {options.channel}")
    if snr_db:
        words.append("--noise FOLDER --snr " + ",".join(f"{ratio:g}" for ratio in snr_db))
    if options.first_s:
        words.append(f"--first-s {options.first_s:g}")
    if options.adapt:
        words.append(f"--adapt {options.adapt} --orders {_n_orders(options)}")
    if options.allow_seen:
        words.append("--allow-seen")
    words.append(f"--seed {options.seed}")
    return " ".join(words)
