"""``python -m train describe``: the page of a model, from figures that ``assess`` wrote."""

import argparse
from pathlib import Path

from serd.errors import InputError
from train.cli.options import check_writable
from train.data.files import write_json, write_whole
from train.evaluation.results import Facts, read_figures, strangers, with_seeds
from train.evaluation.summary import gathered, over_runs, read_variants, summarise
from train.report.model_page import model_page
from train.report.model_pictures import learning_picture, reliability_picture, risk_coverage_picture


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "describe",
        help="write what a model is and how good",
        description="Write a page and its pictures: what a model is for, all that assess measured of"
        " it, and beside it a tiny model, strangers of another corpus, the recipe without each of its"
        " tricks, and with fewer actors. All figures go into one JSON file beside the page, from which"
        " describe writes it again, and to which it adds seeds and variants.",
    )
    add = parser.add_argument
    add(
        "figures",
        type=Path,
        nargs="+",
        metavar="FIGURES",
        help="JSON of the recipe: assess's, or a page's first; several add up, seed by seed",
    )
    add(
        "--tiny",
        type=Path,
        action="append",
        default=[],
        metavar="FIGURES",
        help="that of the tiny model's recipe; repeatable",
    )
    add(
        "--other",
        type=Path,
        action="append",
        default=[],
        metavar="MODEL.tflite",
        help="a model of fit that held speakers of another corpus out and scored them; repeatable,"
        " all of them at once",
    )
    add(
        "--ablations",
        type=Path,
        metavar="VARIANTS",
        help="JSON of ablate: the tiny network's recipe without each of its tricks",
    )
    add(
        "--curve",
        nargs=2,
        action="append",
        default=[],
        metavar=("N", "FIGURES"),
        help="that of a run that learnt from fewer actors (fit --learners N); repeatable, once for each"
        " of its seeds",
    )
    add(
        "--out",
        type=Path,
        default=Path("runs/model.md"),
        metavar="FILE.md",
        help="default: runs/model.md",
    )
    parser.set_defaults(command=describe_command)


def describe_command(options: argparse.Namespace) -> int:
    """Read, draw and write."""
    out: Path = options.out
    check_writable(out.absolute().parent)
    figures = read_figures(options.figures[0])
    for path in options.figures[1:]:
        figures["runs"] = with_seeds(figures["runs"], path, read_figures(path)["runs"])
    for path in options.tiny:
        figures["tiny"] = with_seeds(figures.get("tiny", ()), path, read_figures(path)["runs"])
    first = figures["runs"][0]
    if options.other:
        figures["strangers"] = [strangers(path, recipe_of=first) for path in options.other]
    if options.ablations:
        figures["ablations"] = read_variants(options.ablations)
    if options.curve:
        named = [(_number(n), Path(path)) for n, path in options.curve]
        figures["curve"] = gathered(named, figures.get("curve", ()), recipe_of=first)
    _draw(figures, out)
    write_whole(out, model_page(figures, out.stem).encode())
    write_json(out.with_suffix(".json"), figures)
    print(f"wrote {out}")
    return 0


def _draw(figures: Facts, out: Path) -> None:
    """The pictures of the page."""
    summary = summarise(figures["runs"])
    reliability_picture(summary, out.with_name(f"{out.stem}-reliability.png"))
    risk_coverage_picture(summary, out.with_name(f"{out.stem}-risk.png"))
    if curve := figures.get("curve"):
        learning_picture([over_runs(each) for each in curve], out.with_name(f"{out.stem}-learning.png"))


def _number(text: str) -> str:
    """The name of a point of the curve, which is a number of actors."""
    if not text.isdecimal():
        raise InputError(f"--curve {text}: expected the number of actors that were learnt from")
    return str(int(text))
