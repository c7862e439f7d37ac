"""``docs/experiments.md`` and the comparison of runs; no number on the page is typed by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from train.report.tables import Table, markdown

Metrics = Mapping[str, Any]
_HEAD = """\
# Experiments

<!-- Written by `python -m train report` from the folders of the runs; do not edit. -->

The experiments of the article that serd began with, and of serd's own network, trained and scored by
`python -m train experiments --run NAME ROOT`. UAR is the mean recall over the classes; chance is one
over their number.
"""


_SMOKE = "**Smoke runs: a few clips and one epoch. No figure on this page means anything.**\n"


def is_smoke_run(metrics: Metrics) -> bool:
    """Whether a run only tried the way: a few clips, an epoch."""
    return "smoke run" in metrics["shortened"]


def comparison(names: Sequence[str], runs: Sequence[Mapping[str, Any]]) -> Table:
    """A table of UAR, accuracy, macro F1, parameters, size, seconds and epochs of runs.

    Args:
        names: names of the runs.
        runs: their metrics.
    """
    columns = (
        "run",
        "test actors",
        "clips",
        "UAR",
        "accuracy",
        "macro F1",
        "parameters",
        "size",
        "seconds",
        "epochs",
        "notes",
    )
    return Table(
        columns=columns,
        rows=tuple(_row(name, run) for name, run in zip(names, runs, strict=True)),
    )


def _row(name: str, run: Mapping[str, Any]) -> tuple[str, ...]:
    test = run["test"]
    return (
        name,
        run["split"]["test_actors"],
        str(test["n_clips"]),
        f"{test['uar']:.3f}",
        f"{test['accuracy']:.3f}",
        f"{test['macro_f1']:.3f}",
        f"{run['parameters']:,}",
        f"{run['size_bytes'] / 1e6:.2f} MB",
        f"{run['seconds']:,.0f}",
        str(run["epochs"]),
        "; ".join([*run["notes"], *run["shortened"]]),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """A finished run of an experiment."""

    metrics: Metrics
    """Content of its ``metrics.json``."""
    settings: Mapping[str, Any]
    """Content of its ``settings.json``."""
    base: str
    """Name of the experiment that its experiment changes; empty for none."""


def experiments_page(runs: Mapping[str, RunRecord], experiments: Sequence[str]) -> str:
    """``docs/experiments.md``, as Markdown.

    Args:
        runs: finished runs by name, one or more.
        experiments: names of all experiments, in the order of the page.
    """
    order = {name: number for number, name in enumerate(experiments)}
    names = sorted(runs, key=lambda name: (order.get(name, len(order)), name))
    metrics = {name: runs[name].metrics for name in names}
    missing = [name for name in order if name not in {each["name"] for each in metrics.values()}]
    parts = [
        _HEAD,
        _SMOKE if any(map(is_smoke_run, metrics.values())) else "",
        _ground(list(metrics.values())),
        _leak(runs),
        _beside_the_article(metrics),
        _own({name: runs[name] for name in names}),
        "## All runs\n\n" + markdown(comparison(names, list(metrics.values()))) + "\n",
        _by_class(metrics),
        _shortened(metrics, missing),
    ]
    return "\n".join(part for part in parts if part)


def _ground(runs: Sequence[Metrics]) -> str:
    """Data, actors and versions, which all runs should share."""
    versions = sorted({", ".join(f"{k} {v}" for k, v in run["versions"].items()) for run in runs})
    data = sorted({run["data_sha256_of_names_and_sizes"][:16] for run in runs})
    notes = sorted({note for run in runs for note in run["notes"] if "in place of" in note})
    lines = [f"- Data: RAVDESS, names and sizes of files {', '.join(data)}."]
    lines += [f"- Test actors: {note}." for note in notes]
    lines += [f"- Versions: {each}." for each in versions]
    lines.append(f"- Seeds: {', '.join(sorted({str(run['seed']) for run in runs}))}.")
    return "\n".join(lines) + "\n"


def _leak(runs: Mapping[str, RunRecord]) -> str:
    """The same network with clips split by file and with held-out actors, and the difference."""
    kinds: dict[str, dict[bool, Metrics]] = {}
    for run in runs.values():
        experiment = dict(run.settings["experiment"])
        experiment["data"] = {**experiment["data"], "protocol": ""}
        key = repr({k: v for k, v in experiment.items() if k != "name"}) + str(run.settings["seed"])
        kinds.setdefault(key, {})[run.metrics["split"]["is_leaky"]] = run.metrics
    rows = []
    for pair in kinds.values():
        if len(pair) == 2:
            leaky, honest = pair[True], pair[False]
            row = [honest["network"], str(honest["n_labels"])]
            for figure in ("uar", "accuracy"):
                both = (leaky["test"][figure], honest["test"][figure])
                row += [*(f"{value:.3f}" for value in both), f"{both[0] - both[1]:+z.3f}"]
            rows.append((*row, f"{1.0 / honest['n_labels']:.3f}"))
    if not rows:
        return ""
    columns = (
        "network",
        "classes",
        "UAR, split by file",
        "UAR, actors held out",
        "gap",
        "accuracy, split by file",
        "accuracy, actors held out",
        "gap",
        "chance",
    )
    text = (
        "## Effect of the leak\n\nThe same network, with clips split by file and tested on its"
        " validation clips (`leaky`), and with held-out actors.\n\n"
    )
    return text + markdown(Table(columns=columns, rows=tuple(rows))) + "\n"


def _beside_the_article(metrics: Mapping[str, Metrics]) -> str:
    """The article's claims for its experiments, and the results here."""
    rows = []
    for name, run in metrics.items():
        if run["network"] == "own":
            continue
        claim, validation = run["claim"], run["validation"]
        stated = f"{100 * claim['accuracy']:.4g} % ({claim['of']})" if claim["accuracy"] else ""
        rows.append(
            (
                name,
                stated,
                f"{100 * run['test']['accuracy']:.1f} %",
                f"{100 * validation['accuracy_highest']:.1f} %" if validation else "",
                f"{100 * validation['accuracy_last']:.1f} %" if validation else "",
                f"{run['test']['uar']:.3f}",
                f"{1.0 / run['n_labels']:.3f}",
                "; ".join([run["what"], *run["notes"]]),
                claim["says"],
            )
        )
    if not rows:
        return ""
    columns = (
        "experiment",
        "accuracy the article states",
        "accuracy, test",
        "validation, highest",
        "validation, last epoch",
        "UAR, test",
        "chance",
        "description",
        "quotation",
    )
    text = (
        "## Comparison with the article\n\nThe article splits training and validation clips by file, so"
        " validation clips are of training actors; test clips are not.\n\n"
    )
    return text + markdown(Table(columns=columns, rows=tuple(rows))) + "\n"


def _own(runs: Mapping[str, RunRecord]) -> str:
    """The own network's experiments, compared with their bases."""
    own = {name: run.metrics for name, run in runs.items() if run.metrics["network"] == "own"}
    if not own:
        return ""
    rows = tuple(
        (
            name,
            f"{run['test']['uar']:.3f}",
            *_to_base(run, runs[name].base, own),
            f"{run['test']['accuracy']:.3f}",
            f"{run['test']['macro_f1']:.3f}",
            "; ".join([run["what"], *run["notes"]]),
        )
        for name, run in own.items()
    )
    columns = ("experiment", "UAR", "base", "difference", "accuracy", "macro F1", "description")
    text = (
        "## Beyond the article\n\nserd's own network takes every coefficient of every frame, and has"
        " eight emotions; it is scored on speech. Each experiment is compared with its base. There is"
        " one run of each, and another seed changes UAR by a few hundredths.\n\n"
    )
    return text + markdown(Table(columns=columns, rows=rows)) + "\n"


def _to_base(run: Metrics, base: str, runs: Mapping[str, Metrics]) -> tuple[str, str]:
    """The base of a run, and the difference of UAR from it."""
    if base not in runs:
        return "", ""
    return base, f"{run['test']['uar'] - runs[base]['test']['uar']:+z.3f}"


def _by_class(metrics: Mapping[str, Metrics]) -> str:
    rows = tuple(
        (
            name,
            ", ".join(f"{label} {c['recall']:.2f}" for label, c in run["test"]["per_class"].items()),
        )
        for name, run in metrics.items()
    )
    return "## Recall of each class\n\n" + markdown(Table(columns=("run", "recall"), rows=rows)) + "\n"


def _shortened(metrics: Mapping[str, Metrics], missing: Sequence[str]) -> str:
    lines = []
    for name, run in metrics.items():
        cut = "; ".join(run["shortened"])
        epochs = "1 epoch" if run["epochs"] == 1 else f"{run['epochs']} epochs"
        why = f"{epochs} run, {run['seconds_per_epoch']:.1f} s each: {run['stopped']}"
        lines.append(f"- {name}: {why}{'; shortened: ' + cut if cut else ''}.")
    if missing:
        lines.append(f"- Not run: {', '.join(missing)}.")
    return "## Limits and ends of the runs\n\n" + "\n".join(lines) + "\n"
