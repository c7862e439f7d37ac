"""``docs/experiments.md`` and the comparison of runs; no number on the page is typed by hand."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from train.report.experiments_findings import copying, findings, unseen_percent, validation_percent
from train.report.run_record import Metrics, RunRecord
from train.report.tables import Table, markdown, table
from train.report.wrapping import wrapped

_HEAD: Final = """\
# Experiments

<!-- Written by `python -m train report` from the folders of the runs; do not edit. -->

The experiments of the article that serd began with, and of serd's own network, trained and scored by
`python -m train experiments --run NAME ROOT`. UAR is the mean recall over the classes; chance is one
over their number. Intervals are of 95 % over the test clips: the few test actors are the same in all of
them, and others would move a figure by more. Each experiment was run once.
"""
_LEAK: Final = """\
## Effect of the leak

The same network, with clips split by file and tested on its validation clips (`leaky`), and with
held-out actors.
"""
_PICTURE: Final = """\
![Accuracy by epoch, of training clips, validation clips and actors that were held out]({picture})

Accuracy by epoch. Validation clips are of actors that the network learns from; what it does for others
is the dashed line, measured at the end.
"""
_ARTICLE: Final = """\
## Comparison with the article

The article splits training and validation clips by file, so validation clips are of training actors;
test clips are not.
"""
_OWN: Final = """\
## Beyond the article

serd's own network takes every coefficient of every frame, and has eight emotions; it is scored on
speech. Each experiment is compared with its base. Another seed changes UAR by a few hundredths.
"""
_SMOKE: Final = "**Smoke runs: a few clips and one epoch. No figure on this page means anything.**\n"


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


def experiments_page(
    runs: Mapping[str, RunRecord], experiments: Sequence[str], picture: str = ""
) -> str:
    """``docs/experiments.md``, as Markdown.

    Args:
        runs: finished runs by name, one or more.
        experiments: names of all experiments, in the order of the page.
        picture: file name of the picture of learning curves; empty for none.
    """
    order = {name: number for number, name in enumerate(experiments)}
    names = sorted(runs, key=lambda name: (order.get(name, len(order)), name))
    runs = {name: runs[name] for name in names}
    missing = [name for name in order if name not in {each.metrics["name"] for each in runs.values()}]
    parts = [
        _HEAD,
        _SMOKE if any(run.is_smoke_run for run in runs.values()) else "",
        _ground([run.metrics for run in runs.values()]),
        findings({run.metrics["name"]: run for run in runs.values()}),
        _leak(runs),
        _PICTURE.format(picture=picture) if picture else "",
        _augmentation(runs),
        _beside_the_article(runs),
        _own(runs),
        _all_runs(runs),
        _by_class(runs),
        _ends(runs, missing),
    ]
    return wrapped("\n".join(part for part in parts if part))


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
    kinds: dict[str, dict[bool, RunRecord]] = {}
    for run in runs.values():
        experiment = dict(run.settings["experiment"])
        experiment["data"] = {**experiment["data"], "protocol": ""}
        key = repr({k: v for k, v in experiment.items() if k != "name"}) + str(run.settings["seed"])
        kinds.setdefault(key, {})[run.metrics["split"]["is_leaky"]] = run
    pairs = [(pair[True], pair[False]) for pair in kinds.values() if len(pair) == 2]
    if not pairs:
        return ""
    rows = [
        (
            honest.metrics["network"],
            str(honest.metrics["n_labels"]),
            _with_interval(leaky),
            _with_interval(honest),
            _gap(leaky, honest, "uar"),
            *(f"{each.metrics['test']['accuracy']:.3f}" for each in (leaky, honest)),
            _gap(leaky, honest, "accuracy"),
            f"{1.0 / honest.metrics['n_labels']:.3f}",
        )
        for leaky, honest in pairs
    ]
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
    return f"{_LEAK}\n{table(columns, rows)}\n"


def _gap(first: RunRecord, second: RunRecord, figure: str) -> str:
    """The difference of a figure on test clips."""
    return f"{first.metrics['test'][figure] - second.metrics['test'][figure]:+z.3f}"


def _with_interval(run: RunRecord) -> str:
    """UAR on test clips, with its interval."""
    interval = run.uar_interval
    return f"{run.metrics['test']['uar']:.3f} [{interval.low:.3f}, {interval.high:.3f}]"


def _augmentation(runs: Mapping[str, RunRecord]) -> str:
    """What copies of the training clips do to validation clips and to unseen actors."""
    pairs = copying(runs)
    if not pairs:
        return ""
    columns = ("experiment", "base", "validation", "to the base", "unseen", "to the base", "description")
    rows, n_gains = [], [0, 0]
    for name, (run, base) in pairs.items():
        cells = []
        for number, percent in enumerate((validation_percent, unseen_percent)):
            gain = percent(run) - percent(base)
            n_gains[number] += gain > 0.0
            cells += [f"{percent(run):.1f} %", f"{gain:+z.1f}"]
        rows.append((name, run.base, *cells, run.metrics["what"]))
    summary = (
        f"Of {len(rows)} ways to augment the training clips, {n_gains[0]} raise the highest accuracy on"
        f" validation clips, which are of training actors, and {n_gains[1]} raise the accuracy on actors"
        " that were held out. Differences are in points; one run each.\n"
    )
    return f"## Augmentation\n\n{summary}\n{table(columns, rows)}\n"


def _percent(share: float) -> str:
    return f"{100.0 * share:.1f} %"


def _beside_the_article(runs: Mapping[str, RunRecord]) -> str:
    """The article's claims for its experiments, and the results here."""
    rows = []
    for name, run in runs.items():
        metrics = run.metrics
        if metrics["network"] == "own":
            continue
        claim, validation = metrics["claim"], metrics["validation"]
        stated = f"{100 * claim['accuracy']:.4g} % ({claim['of']})" if claim["accuracy"] else ""
        rows.append(
            (
                name,
                stated,
                _percent(metrics["test"]["accuracy"]),
                _percent(validation["accuracy_highest"]) if validation else "",
                _percent(validation["accuracy_last"]) if validation else "",
                _with_interval(run),
                f"{1.0 / metrics['n_labels']:.3f}",
                "; ".join([metrics["what"], *metrics["notes"]]),
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
    return f"{_ARTICLE}\n{table(columns, rows)}\n"


def _own(runs: Mapping[str, RunRecord]) -> str:
    """The own network's experiments, compared with their bases."""
    own = {name: run for name, run in runs.items() if run.metrics["network"] == "own"}
    if not own:
        return ""
    rows = [
        (
            name,
            _with_interval(run),
            *((run.base, _gap(run, own[run.base], "uar")) if run.base in own else ("", "")),
            f"{run.metrics['test']['accuracy']:.3f}",
            f"{run.metrics['test']['macro_f1']:.3f}",
            "; ".join([run.metrics["what"], *run.metrics["notes"]]),
        )
        for name, run in own.items()
    ]
    columns = ("experiment", "UAR", "base", "difference", "accuracy", "macro F1", "description")
    shuffled = "".join(_chance(name, run) for name, run in own.items() if run.is_shuffled)
    return f"{_OWN}\n{table(columns, rows)}\n{shuffled}"


def _chance(name: str, run: RunRecord) -> str:
    """Whether a run that can know nothing is as good as chance."""
    uar, interval = run.metrics["test"]["uar"], run.chance_interval
    fits = "is within" if interval.low <= uar <= interval.high else "is outside"
    chance = 1.0 / run.metrics["n_labels"]
    return (
        f"\n{name} learns from shuffled labels, so its UAR has to be that of chance, {chance:.3f}, give"
        f" or take: clips of one emotion are decided alike, rightly or wrongly. If the names of the"
        f" emotions are shuffled over its decisions, 95 % of the UARs are from {interval.low:.3f} to"
        f" {interval.high:.3f}; its {uar:.3f} {fits} them.\n"
    )


def _all_runs(runs: Mapping[str, RunRecord]) -> str:
    whole = comparison(list(runs), [run.metrics for run in runs.values()])
    shown = Table(columns=whole.columns[:-1], rows=tuple(row[:-1] for row in whole.rows))
    return f"## All runs\n\n{markdown(shown)}\n"


def _by_class(runs: Mapping[str, RunRecord]) -> str:
    rows = []
    for name, run in runs.items():
        classes = run.metrics["test"]["per_class"].items()
        rows.append((name, ", ".join(f"{label} {each['recall']:.2f}" for label, each in classes)))
    return f"## Recall of each class\n\n{table(('run', 'recall'), rows)}\n"


def _ends(runs: Mapping[str, RunRecord], missing: Sequence[str]) -> str:
    """Why each run ended, and what was not run."""
    lines = []
    for name, run in runs.items():
        metrics = run.metrics
        epochs = "1 epoch" if metrics["epochs"] == 1 else f"{metrics['epochs']} epochs"
        why = f"{epochs} of {metrics['seconds_per_epoch']:.1f} s: {metrics['stopped']}"
        lines.append(f"- {name}: {'; '.join([why, *metrics['shortened']])}.")
    if missing:
        lines.append(f"- Not run: {', '.join(missing)}.")
    hours = sum(run.metrics["seconds"] for run in runs.values()) / 3600.0
    return (
        f"## Ends of the runs\n\nAll runs together took {hours:.1f} hours.\n\n" + "\n".join(lines) + "\n"
    )
