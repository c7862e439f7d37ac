"""``python -m train report``: pages from measurements."""

import argparse
from pathlib import Path

from serd.errors import InputError
from train.article.loading import experiment_names
from train.article.records import EXPERIMENTS, folder_records, store_records, stored_records
from train.cli.options import check_writable
from train.data.files import read_json, write_json, write_whole
from train.evaluation.results import Facts, check_untaught_recipe, merge_seeds, read_results
from train.evaluation.summary import merge_variant_files, read_variants, summarize, variant_summary
from train.report.experiments_page import experiments_page
from train.report.experiments_pictures import learning_curves, shown_experiments
from train.report.model_page import model_page
from train.report.model_pictures import learning_picture, reliability_picture, risk_coverage_picture
from train.report.research_log import research_log

LOG = "research-log.md"
"""The research log, beside the model card."""
_FOR_MODELS = ("tiny", "protocol", "ablations", "curve")


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "report",
        help="write pages from measurements",
        description="Given a folder of runs, or the JSON file beside their page, write the page of the"
        " experiments; runs that the file has and the folder lacks stay on it. Given metrics of a"
        " model's recipe, as evaluate measures them on the folds of its runs, write the model card, the"
        f" research log ({LOG}) and their pictures. All metrics go into one JSON file beside the card,"
        " from which report writes it again, and to which it adds seeds and variants.",
    )
    add = parser.add_argument
    add(
        "sources",
        type=Path,
        nargs="*",
        default=[Path("runs/experiments")],
        metavar="SOURCE",
        help="a folder of runs (default: runs/experiments); or JSON files: that of the card first, or"
        " evaluate's; several are merged seed by seed",
    )
    for name, what in (
        ("tiny", "JSON of the tiny model's recipe; repeatable"),
        ("protocol", "JSON of runs of left-out-corpus or text; repeatable"),
    ):
        add(f"--{name}", type=Path, action="append", default=[], metavar="FILE", help=what)
    add("--ablations", type=Path, metavar="FILE", help="JSON of ablate")
    add(
        "--curve",
        nargs=2,
        action="append",
        default=[],
        metavar=("N", "FILE"),
        help="JSON of a run with N training actors (fit --learners N); repeatable",
    )
    add(
        "--out",
        type=Path,
        metavar="FILE.md",
        help="default: runs/experiments.md for runs, runs/model.md for a model",
    )
    parser.set_defaults(command=report_command)


def report_command(options: argparse.Namespace) -> int:
    """Write the page of the experiments, or the model card."""
    source: Path = options.sources[0]
    if source.suffix == ".json" and EXPERIMENTS not in read_json(source):
        return _report_model(options)
    if len(options.sources) > 1:
        raise InputError("several folders of runs at once, expected one")
    for name in _FOR_MODELS:
        if getattr(options, name):
            raise InputError(f"--{name.replace('_', '-')} needs the JSON file of a model's metrics")
    return _report_experiments(source, options.out or Path("runs/experiments.md"))


def _report_experiments(source: Path, out: Path) -> int:
    """Write the page of the experiments, with its picture and the records that it is made of."""
    records = stored_records(source) if source.is_file() else folder_records(source)
    stored = out.with_suffix(".json")
    smoke = [name for name, record in records.items() if record.is_smoke_run]
    if smoke and out.resolve().is_relative_to(Path("docs").resolve()):
        raise InputError(
            f"{out}: {smoke[0]} is a smoke run, whose figures mean nothing, and docs/ takes none; run it"
            " without --quick, or name another --out"
        )
    check_writable(out.absolute().parent)
    if not smoke:
        records = (stored_records(stored) if stored.is_file() else {}) | records
        store_records(stored, records)
    picture = out.with_name(f"{out.stem}-curves.png")
    is_drawn = bool(shown_experiments(records)) and not smoke
    if is_drawn:
        learning_curves(records, picture)
    write_whole(
        out, experiments_page(records, experiment_names(), picture.name if is_drawn else "").encode()
    )
    print(f"wrote {out}")
    return 0


def _report_model(options: argparse.Namespace) -> int:
    out: Path = options.out or Path("runs/model.md")
    check_writable(out.absolute().parent)
    results = _merged_results(options)
    pages = {out: model_page(results, out.stem), out.with_name(LOG): research_log(results, out.stem)}
    _draw(results, out)
    for path, text in pages.items():
        write_whole(path, text.encode())
        print(f"wrote {path}")
    write_json(out.with_suffix(".json"), results)
    return 0


def _merged_results(options: argparse.Namespace) -> Facts:
    """The metrics of the first file with everything that the options add."""
    results = read_results(options.sources[0])
    for path in options.sources[1:]:
        results["runs"] = merge_seeds(results["runs"], path, read_results(path)["runs"])
    for path in options.tiny:
        results["tiny"] = merge_seeds(results.get("tiny", ()), path, read_results(path)["runs"])
    first = results["runs"][0]
    for path in options.protocol:
        _add_protocol(results, path)
    if options.ablations:
        results["ablations"] = read_variants(options.ablations)
    if options.curve:
        named = [(_n_actors(n), Path(path)) for n, path in options.curve]
        results["curve"] = merge_variant_files(named, results.get("curve", ()), recipe_of=first)
    return results


def _add_protocol(results: Facts, path: Path) -> None:
    """Add the runs of another protocol, of the same recipe with or without a teacher."""
    runs = read_results(path)["runs"]
    name = runs[0].get("protocol", "")
    if not name:
        raise InputError(f"{path}: no runs of left-out-corpus or text; expected what evaluate writes")
    check_untaught_recipe(runs[0], results["runs"][0], path)
    known = results.setdefault("protocols", {})
    known[name] = merge_seeds(known.get(name, ()), path, runs)


def _draw(results: Facts, out: Path) -> None:
    """Draw the pictures of both pages."""
    summary = summarize(results["runs"])
    reliability_picture(summary, out.with_name(f"{out.stem}-reliability.png"))
    risk_coverage_picture(summary, out.with_name(f"{out.stem}-risk.png"))
    if curve := results.get("curve"):
        rows = [variant_summary(each) for each in curve]
        learning_picture(rows, out.with_name(f"{out.stem}-learning.png"))


def _n_actors(text: str) -> str:
    """The name of a point of the curve, which is a number of actors."""
    if not text.isdecimal():
        raise InputError(f"--curve {text}: expected the number of training actors")
    return str(int(text))
