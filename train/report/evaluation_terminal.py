"""An evaluation on the terminal, and the wording that its page shares."""

from typing import TYPE_CHECKING, Final

from train.data.clips import format_actors
from train.data.corpora import title_of
from train.evaluation.metrics import Scores
from train.evaluation.model_evaluation import Evaluation
from train.evaluation.pass_metrics import PassMetrics
from train.evaluation.results import Facts
from train.report.tables import Table, print_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

NO_VALUE = "-"


_BAR: Final = 10
"""Characters of a full bar; with it the widest table fills 80 columns."""
_N_LISTED: Final = 10
"""Most lines of a list; others are counted."""


def share(value: float | None) -> str:
    """A share with three digits, or a dash if undefined."""
    return NO_VALUE if value is None else f"{value:.3f}"


def interval(metrics: PassMetrics, name: str) -> str:
    """The bounds of a 95 % interval, or a dash without one."""
    bounds = metrics.intervals.get(name)
    return f"{bounds.low:.3f} to {bounds.high:.3f}" if bounds else NO_VALUE


def ece(metrics: PassMetrics) -> str:
    """The expected calibration error, or a dash without detected speech."""
    return share(metrics.calibration.ece if metrics.calibration else None)


def adapted_uar(evaluation: Evaluation) -> float:
    """Mean UAR with speaker adaptation over all orders."""
    return sum(each.uar for each in evaluation.adapted) / len(evaluation.adapted)


def seen_line(evaluation: Evaluation) -> str:
    """Warning about metrics of training actors."""
    seen = format_actors(evaluation.plan.selection.seen)
    return (
        f"The model was trained on actors {seen}. These metrics are too optimistic: they do not show how"
        " well it recognizes unseen speakers."
    )


def passes(evaluation: Evaluation, clean: str) -> dict[str, PassMetrics]:
    """Metrics without noise, under the name ``clean``, then at each signal-to-noise ratio."""
    noisy = {f"{snr_db:g} dB": figures for snr_db, figures in evaluation.noisy.items()}
    return {clean: evaluation.clean} | noisy


def show(evaluation: Evaluation, console: "Console") -> None:
    """Print all metrics of an evaluation."""
    from rich.markup import escape  # noqa: PLC0415

    clean, plan = evaluation.clean, evaluation.plan
    console.rule(f"[bold]{escape(evaluation.title)}", align="left")
    if plan.selection.seen:
        console.print(f"[bold red]{seen_line(evaluation)}")
    for remark in plan.remarks:
        console.print(f"[yellow]note:[/] {escape(remark)}")
    tables = [_headline(clean), _classes(clean.scores), _confusion(clean.scores), _slices(clean)]
    if clean.restricted:
        tables.append(_restricted(clean))
    if evaluation.noisy:
        tables.append(_noise(evaluation))
    if evaluation.adapted:
        tables.append(_adapted(evaluation))
    for table in tables:
        console.print()
        console.print(table)
    _listed(console, "missed", [evaluation.file(clip) for clip in clean.missed])
    _listed(console, "left out", evaluation.left_out)


def _headline(metrics: PassMetrics) -> "RichTable":
    scores = metrics.scores
    table = _table("", "", "95 % interval over actors", "")
    rows = (("UAR", "uar"), ("accuracy", "accuracy"), ("macro F1", "macro_f1"))
    for title, name in rows:
        chance = f"chance {scores.chance:.3f}" if name == "uar" else ""
        style = "bold" if name == "uar" else ""
        table.add_row(title, share(getattr(scores, name)), interval(metrics, name), chance, style=style)
    if metrics.calibration:
        calibration = metrics.calibration
        claims = f"says {calibration.confidence:.3f}, is right {calibration.accuracy:.3f}"
        table.add_row("ECE", share(calibration.ece), "", claims)
    table.add_row("clips", str(scores.n_clips), "", f"{scores.n_missed} missed, counted as errors")
    return table


def _restricted(metrics: PassMetrics) -> "RichTable":
    """Each corpus with decisions restricted to the classes that it can show, beside the plain ones."""
    table = _table("its classes alone", "classes", "UAR", "accuracy", "plain UAR", "clips")
    plain = metrics.slices.get("corpus", {})
    for corpus, scores in metrics.restricted.items():
        own = plain.get(corpus, metrics.scores)
        n_classes = str(len(scores.recalls))
        row = (n_classes, share(scores.uar), share(scores.accuracy), share(own.uar))
        table.add_row(title_of(corpus), *row, str(scores.n_clips))
    return table


def _classes(scores: Scores) -> "RichTable":
    table = _table("class", "precision", "recall", "F1", "clips", "")
    for label, n in scores.counts.items():
        if not n:
            continue
        recall = scores.recalls[label]
        bar = "█" * round(_BAR * recall)
        precision = share(scores.precisions.get(label))
        table.add_row(label, precision, share(recall), share(scores.f1s[label]), str(n), bar)
    return table


def _confusion(scores: Scores) -> "RichTable":
    table = _table("truth", *map(short, scores.labels), "none", "of", has_bar=False)
    for index, label in enumerate(scores.labels):
        counts = scores.confusion[index].tolist()
        if not any(counts):
            continue
        cells = [str(count) if count else "·" for count in counts]
        cells[index] = f"[bold]{cells[index]}[/]"
        table.add_row(label, *cells, str(sum(counts)))
    return table


def short(label: str) -> str:
    """A short label for the head of a column."""
    gender, _, emotion = label.rpartition("_")
    return f"{gender[:1]} {emotion[:4]}" if gender else label[:4]


def _slices(metrics: PassMetrics) -> "RichTable":
    from rich.markup import escape  # noqa: PLC0415

    table = _table("", "", "UAR", "accuracy", "clips", "missed", "classes", "", n_words=2)
    for name, parts in metrics.slices.items():
        for number, (value, part) in enumerate(parts.items()):
            counts = (part.n_clips, part.n_missed, len(part.recalls))
            row = [share(part.uar), share(part.accuracy), *map(str, counts)]
            table.add_row("" if number else name, escape(value), *row, "█" * round(_BAR * part.uar))
        table.add_section()
    return table


def _noise(evaluation: Evaluation) -> "RichTable":
    columns = ("noise", "UAR", "95 % interval", "accuracy", "macro F1", "ECE", "missed")
    table = _table(*columns, has_bar=False)
    for title, metrics in passes(evaluation, "none").items():
        scores = metrics.scores
        table.add_row(
            title,
            share(scores.uar),
            interval(metrics, "uar"),
            share(scores.accuracy),
            share(scores.macro_f1),
            ece(metrics),
            str(scores.n_missed),
        )
    return table


def _adapted(evaluation: Evaluation) -> "RichTable":
    table = _table("speaker adaptation", "UAR", "missed", has_bar=False)
    for number, scores in enumerate(evaluation.adapted, 1):
        table.add_row(f"order {number}", share(scores.uar), str(scores.n_missed))
    mean, without = adapted_uar(evaluation), evaluation.clean.scores.uar
    table.add_row("mean", f"{share(mean)} ({mean - without:+z.3f})", "", style="bold")
    return table


def _table(*columns: str, n_words: int = 1, has_bar: bool = True) -> "RichTable":
    """A table with words in the first columns, a bar in the last and numbers in all others."""
    from rich import box  # noqa: PLC0415
    from rich.table import Table as RichTable  # noqa: PLC0415

    table = RichTable(box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False, show_edge=False)
    for number, column in enumerate(columns):
        is_figure = number >= n_words and not (has_bar and number == len(columns) - 1)
        table.add_column(column, justify="right" if is_figure else "left", no_wrap=True)
    return table


def _listed(console: "Console", title: str, lines: "tuple[str, ...] | list[str]") -> None:
    if not lines:
        return
    files = "1 file" if len(lines) == 1 else f"{len(lines)} files"
    console.print(f"\n[bold]{title}[/]: {files}")
    for line in lines[:_N_LISTED]:
        console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
    if len(lines) > _N_LISTED:
        console.print(f"  and {len(lines) - _N_LISTED} more, see the report")


def show_folds(summary: Facts) -> None:
    """Print the metrics of a recipe over the folds and seeds of its runs.

    Args:
        summary: as ``summarize`` gives it.
    """
    clean = summary["uar"]["clean"]["mean"]
    rows = tuple(
        (
            name,
            f"{each['mean']:.3f}",
            "" if each["std"] is None else f"{each['std']:.3f}",
            f"{each['mean'] / clean:.0%}",
        )
        for name, each in summary["uar"].items()
    )
    print_table(Table(columns=("UAR", "mean", "std over seeds", "of clean"), rows=rows))
    folds = tuple((name, f"{each['mean']:.3f}") for name, each in summary["folds"].items())
    print_table(Table(columns=("test actors", "UAR"), rows=folds))
    emotions = tuple(
        (name, f"{recall:.3f}", f"{summary['missed']['by_emotion'][name]:.2%}")
        for name, recall in summary["recalls"].items()
    )
    print_table(Table(columns=("emotion", "recall", "missed"), rows=emotions))
    noise = summary["noise"]
    print(f"ECE {summary['ece']['mean']:.3f}")
    print(f"false accepts: {noise['n_accepted']} of {noise['n']} recordings without speech")
    print(f"missed: {summary['missed']['n']} clips of speech")
    print(f"largest file: {summary['n_bytes']:,} bytes")
