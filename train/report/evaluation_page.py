"""An evaluation as one HTML page that needs no script, file or network."""

from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Final

from train.data.clips import format_actors
from train.evaluation.bootstrap import N_RESAMPLES
from train.evaluation.calibration import N_BINS
from train.evaluation.metrics import Scores
from train.evaluation.model_evaluation import Evaluation
from train.evaluation.pass_metrics import PassMetrics
from train.report.charts import (
    classes_chart,
    confusion_chart,
    frequent_confusions,
    noise_chart,
    parts_chart,
    reliability_chart,
)
from train.report.evaluation_terminal import adapted_uar, ece, interval, passes, seen_line, share
from train.report.markup import definitions, figure, folded, listed, pair, paragraph, section, table

_N_MISTAKES: Final = 8


_STYLE: Final = Path(__file__).with_name("page.css")


def classes_section(scores: Scores) -> str:
    """Precision, recall and F1 of each class."""
    rows = [
        (
            label,
            share(scores.precisions.get(label)),
            share(recall),
            share(scores.f1s[label]),
            str(scores.counts[label]),
        )
        for label, recall in scores.recalls.items()
    ]
    columns = ("class", "precision", "recall", "F1", "clips")
    chart = figure(
        classes_chart(scores),
        "Recall: how many clips of the class were recognized. Precision: how many decisions for the"
        " class were right.",
    )
    return section("Each class", pair(chart, table("Metrics by class", columns, rows)))


def confusion_section(scores: Scores) -> str:
    """Confusions of the classes."""
    columns = ("truth / decision", *scores.labels, "missed", "all")
    rows = [
        (label, *(str(count) for count in counts), str(sum(counts)))
        for label, counts in zip(scores.labels, scores.confusion.tolist(), strict=True)
        if any(counts)
    ]
    chart = figure(
        confusion_chart(scores),
        "Rows: what was acted. Columns: what was decided. The stronger the color,"
        " the larger the share of the row.",
    )
    counts = table("Clips by truth and decision", columns, rows)
    mistakes = [
        (f"{truth} taken for {decision}", str(count), f"{count / of:.0%}")
        for truth, decision, count, of in frequent_confusions(scores)[:_N_MISTAKES]
    ]
    columns = ("mistake", "clips", "of its class")
    usual = table("Most frequent mistakes", columns, mistakes) if mistakes else ""
    return section("Confusions", pair(chart, usual), folded("All counts as a table", counts))


def parts_section(metrics: PassMetrics) -> str:
    """Metrics of parts of the clips, and of actors."""
    actors = dict(metrics.slices["actor"])
    others = {
        f"{name} {value}": part
        for name, parts in metrics.slices.items()
        for value, part in parts.items()
        if name != "actor"
    }
    note = paragraph(
        "UAR is the mean over the classes that a part holds: where parts hold different classes, their"
        " UAR is not to be compared. The band is the 95 % interval of all clips.",
        "dim",
    )
    shown = [
        pair(f"<figure>{parts_chart(name, parts, metrics)}</figure>", _parts_table(name, parts))
        for name, parts in (("part", others), ("actor", actors))
    ]
    return section("Parts of the clips", note, *shown)


def _parts_table(name: str, parts: Mapping[str, Scores]) -> str:
    rows = [
        (
            title,
            share(part.uar),
            share(part.accuracy),
            str(part.n_clips),
            str(part.n_missed),
            str(len(part.recalls)),
        )
        for title, part in parts.items()
    ]
    columns = ("part", "UAR", "accuracy", "clips", "missed", "classes")
    return table(f"UAR and accuracy by {name}", columns, rows)


def calibration_section(metrics: PassMetrics) -> str:
    """Calibration of the confidence."""
    calibration = metrics.calibration
    if calibration is None:
        return section("Calibration", paragraph("No speech was detected in any clip."))
    rows = [
        (f"{each.low:.2f} to {each.high:.2f}", share(each.confidence), share(each.accuracy), str(each.n))
        for each in calibration.bins
    ]
    columns = ("bin", "mean confidence", "accuracy", "clips")
    chart = figure(
        reliability_chart(calibration),
        "Bars: accuracy of the decisions in each bin of confidence. Strokes: the mean confidence that"
        " the model gave them; a bar below its stroke is overconfident. Below: clips in each bin.",
    )
    words = paragraph(
        f"The expected calibration error is {share(calibration.ece)}: the gap between stroke and bar,"
        f" averaged over the clips. On average the model claims {share(calibration.confidence)} and is"
        f" right in {share(calibration.accuracy)}."
    )
    bins = folded("The bins as a table", table("Confidence and accuracy by bin", columns, rows))
    return section("Calibration", pair(chart, words + bins))


def adapted_section(evaluation: Evaluation) -> str:
    """Metrics with speaker adaptation; empty without it."""
    if not evaluation.adapted:
        return ""
    without = evaluation.clean.scores.uar
    rows = [
        (f"order {number}", share(each.uar), f"{each.uar - without:+z.3f}", str(each.n_missed))
        for number, each in enumerate(evaluation.adapted, 1)
    ]
    mean = adapted_uar(evaluation)
    rows.append(("mean", share(mean), f"{mean - without:+z.3f}", ""))
    words = paragraph(
        "Each actor's clips in a random order, each after adaptation to the earlier ones and to nothing"
        " else, as a daemon with [adaptation] enabled hears them."
    )
    columns = ("", "UAR", "difference", "missed")
    return section("Speaker adaptation", words, table("Metrics by order", columns, rows))


def noise_section(evaluation: Evaluation) -> str:
    """Metrics at each signal-to-noise ratio; empty without noise."""
    if not evaluation.noisy or evaluation.bank is None:
        return ""
    by_noise = passes(evaluation, "clean")
    rows = [
        (
            title,
            share(each.scores.uar),
            interval(each, "uar"),
            str(each.scores.n_missed),
            share(each.scores.accuracy),
            share(each.scores.macro_f1),
            ece(each),
        )
        for title, each in by_noise.items()
    ]
    columns = ("noise", "UAR", "95 % interval", "missed", "accuracy", "macro F1", "ECE")
    words = paragraph(
        f"Under each clip one of {len(evaluation.bank.paths)} recordings. The ratio holds the power of"
        " the frames that the voice detector calls speech in the clean clip against the power of the"
        " noise over the whole clip; a clip has the same noise at every ratio.",
        "dim",
    )
    recalls = table(
        "Recall by class",
        ("class", *by_noise),
        [
            (label, *(share(each.scores.recalls[label]) for each in by_noise.values()))
            for label in evaluation.clean.scores.recalls
        ],
    )
    chart = figure(noise_chart(by_noise), "UAR with its 95 % interval; the dashed line is chance.")
    return section("In noise", words, pair(chart, table("Metrics in noise", columns, rows) + recalls))


def page(evaluation: Evaluation) -> str:
    """The whole page."""
    title = escape(evaluation.title)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>\n{_STYLE.read_text('utf-8')}</style></head><body>"
        f"<header><h1>{title}</h1>{_preface(evaluation)}</header><main>"
        f"{_headline(evaluation.clean)}"
        f"{classes_section(evaluation.clean.scores)}"
        f"{confusion_section(evaluation.clean.scores)}"
        f"{parts_section(evaluation.clean)}"
        f"{calibration_section(evaluation.clean)}"
        f"{noise_section(evaluation)}"
        f"{adapted_section(evaluation)}"
        f"{_files(evaluation)}"
        f"{_method(evaluation)}"
        "</main></body></html>\n"
    )


def _preface(evaluation: Evaluation) -> str:
    plan, scores = evaluation.plan, evaluation.clean.scores
    channel = {"speech": "spoken", "song": "sung", "all": "spoken and sung"}[plan.request.channel]
    words = (
        f"{scores.n_clips} {channel} clips, {len(scores.recalls)} classes, heard through the voice"
        " detector, segmenter, features, network and smoothing of the daemon itself."
    )
    parts = [paragraph(words, "dim")]
    if plan.selection.seen:
        parts.append(f'<p class="warn" role="note">{escape(seen_line(evaluation))}</p>')
    return "".join(parts) + listed(plan.remarks, "notes")


def _headline(metrics: PassMetrics) -> str:
    scores = metrics.scores

    def fact(term: str, value: str, words: str, kind: str = "") -> str:
        return (
            f'<div class="{kind}"><dt>{escape(term)}</dt><dd class="value">{escape(value)}</dd>'
            f'<dd class="dim">{escape(words)}</dd></div>'
        )

    chance = f"chance {scores.chance:.3f}"
    uar_words = f"95 % interval {interval(metrics, 'uar')}; {chance}"
    facts = [
        fact("UAR, mean recall of the classes", share(scores.uar), uar_words, "headline"),
        fact("accuracy", share(scores.accuracy), interval(metrics, "accuracy")),
        fact("macro F1", share(scores.macro_f1), interval(metrics, "macro_f1")),
    ]
    if metrics.calibration:
        facts.append(fact("calibration error (ECE)", ece(metrics), f"in {N_BINS} bins; 0 is best"))
    of = f"of {scores.n_clips} clips; counted as errors"
    facts.append(fact("missed", str(scores.n_missed), of))
    return f'<dl class="facts">{"".join(facts)}</dl>'


def _files(evaluation: Evaluation) -> str:
    parts = []
    for title, metrics in passes(evaluation, "clean").items():
        files = listed([evaluation.file(clip) for clip in metrics.missed], "files")
        if files:
            n_clips = len(metrics.missed)
            parts.append(folded(f"{title}: {n_clips} clip{'s' if n_clips > 1 else ''}", files))
    words = "The daemon would publish no event for these clips. Each counts as an error."
    none = "The daemon would publish an event for every clip."
    missed = section("Missed clips", paragraph(words if parts else none), *parts)
    if not evaluation.left_out:
        return missed
    words = "These files are in no metric."
    return missed + section("Left out", paragraph(words), listed(evaluation.left_out, "files"))


def _method(evaluation: Evaluation) -> str:
    plan, facts = evaluation.plan, evaluation.to_json()
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    pairs = [
        ("model", f"{plan.card.name} {plan.card.version}, SHA-256 {plan.card.network_sha256}"),
        ("trained on", str(plan.card.training.get("actors") or "unknown")),
        ("scored on", f"actors {format_actors(plan.selection.actors)}"),
        ("data", f"SHA-256 over names and sizes {facts['data']['sha256_of_names_and_sizes']}"),
        ("classes", f"{plan.scheme.name}: {', '.join(plan.scheme.classes)}"),
        ("command", evaluation.command),
        ("seed", str(evaluation.seed)),
        ("versions", versions),
        (
            "decision",
            "The most probable class of the mean over a clip's utterances, weighted by their speech.",
        ),
        ("interval", f"Bootstrap over actors, {N_RESAMPLES} resamples, the middle 95 %."),
        ("terms", plan.card.licence),
    ]
    return section("How this was measured", definitions(pairs, "method"))
