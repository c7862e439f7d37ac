"""An evaluation as one page of HTML that needs nothing beside it: no script, no file, no network."""

from html import escape
from pathlib import Path
from typing import Final

from train.actors import format_actors
from train.evaluation.bootstrap import N_RESAMPLES
from train.evaluation.calibration import N_BINS
from train.evaluation.figures import Figures
from train.evaluation.judge import Evaluation
from train.evaluation.markup import definitions, folded, listed, paragraph, section
from train.evaluation.sections import (
    adapted_section,
    calibration_section,
    classes_section,
    confusion_section,
    noise_section,
    parts_section,
)
from train.evaluation.wording import ece, interval, passes, seen_line, share

_STYLE: Final = Path(__file__).with_name("page.css")


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


def _headline(figures: Figures) -> str:
    scores = figures.scores

    def fact(term: str, value: str, words: str, kind: str = "") -> str:
        return (
            f'<div class="{kind}"><dt>{escape(term)}</dt><dd class="value">{escape(value)}</dd>'
            f'<dd class="dim">{escape(words)}</dd></div>'
        )

    chance = f"chance {scores.chance:.3f}"
    uar_words = f"95 % interval {interval(figures, 'uar')}; {chance}"
    facts = [
        fact("UAR, mean recall of the classes", share(scores.uar), uar_words, "headline"),
        fact("accuracy", share(scores.accuracy), interval(figures, "accuracy")),
        fact("macro F1", share(scores.macro_f1), interval(figures, "macro_f1")),
    ]
    if figures.calibration:
        facts.append(fact("calibration error (ECE)", ece(figures), f"in {N_BINS} bins; 0 is best"))
    of = f"of {scores.n_clips} clips; counted as errors"
    facts.append(fact("no speech heard", str(scores.n_unheard), of))
    return f'<dl class="facts">{"".join(facts)}</dl>'


def _files(evaluation: Evaluation) -> str:
    parts = []
    for title, figures in passes(evaluation, "clean").items():
        files = listed([evaluation.file(clip) for clip in figures.unheard], "files")
        if files:
            n_clips = len(figures.unheard)
            parts.append(folded(f"{title}: {n_clips} clip{'s' if n_clips > 1 else ''}", files))
    words = "Of these clips the daemon would have said nothing. Each counts as an error."
    none = "The daemon would have said something of every clip."
    unheard = section("No speech heard", paragraph(words if parts else none), *parts)
    if not evaluation.left_out:
        return unheard
    words = "These files are in no figure."
    return unheard + section("Left out", paragraph(words), listed(evaluation.left_out, "files"))


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
            "The likeliest class of the mean over a clip's utterances, weighted by their speech.",
        ),
        ("interval", f"Bootstrap over actors, {N_RESAMPLES} resamples, the middle 95 %."),
        ("terms", plan.card.licence),
    ]
    return section("How this was measured", definitions(pairs, "method"))
