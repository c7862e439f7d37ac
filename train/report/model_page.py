"""``docs/model.md``: the model card, with intended use, metrics and limits."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.model.labels import EMOTIONS
from serd.model.naming import DEFAULT_THRESHOLD
from train.evaluation.conditions import ROOM
from train.evaluation.summary import summarize
from train.report.strangers_section import strangers_section
from train.report.tables import mean_std, table
from train.report.wrapping import wrapped

Facts = Mapping[str, Any]

_TEXTS: Final = Path(__file__).parent
_HEAD: Final = "<!-- Written by `python -m train report`; do not edit. -->"


def model_page(results: Facts, stem: str) -> str:
    """The model card, in Markdown.

    Args:
        results: of the model's recipe, as ``read_results`` gives them: "runs", and if there are any
            "tiny" (runs of the tiny model's recipe) and "protocols" (runs of other protocols, by name).
        stem: start of the pictures' names.
    """
    summary = summarize(results["runs"])
    parts = [
        "# Model card",
        _HEAD,
        (_TEXTS / "model_card.md").read_text("utf-8").strip(),
        "## Metrics",
        _setting(summary),
        _goals(summary),
    ]
    if strangers := strangers_section(results["runs"], results.get("protocols", {})):
        parts.append(strangers)
    if tiny := results.get("tiny"):
        parts.append(_tiny(tiny))
    details = "Metrics by fold and emotion, ablations and all experiments"
    parts += [
        _confidence(summary),
        f"![Reliability: confidence against accuracy]({stem}-reliability.png)",
        _limits(summary),
        f"{details} are in the [research log](research-log.md).",
    ]
    return wrapped("\n\n".join(parts) + "\n")


def seeds(numbers: Sequence[int]) -> str:
    """The seeds of some runs: "seed 0", "seeds 0, 1"."""
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"


def _setting(summary: Facts) -> str:
    folds = [each["mean"] for each in summary["folds"].values()]
    trained = seeds(summary["seeds"])
    spread = (
        f"± is the standard deviation over training {trained}"
        if len(summary["seeds"]) > 1
        else f"The figures are of one training, {trained}, without the spread over seeds"
    )
    return (
        "Five folds of four actors of RAVDESS (1-20), those of `dev5`. Each fold is scored by a network"
        " that was trained without its actors and without the noise mixed into its clips, in"
        f" {summary['precision']} arithmetic through the daemon's own pipeline, one decision per clip."
        f" {spread}. UAR varies more between speakers: from {min(folds):.3f} to {max(folds):.3f} between"
        " folds. Chance is 0.125."
    )


def _goals(summary: Facts) -> str:
    uar = summary["uar"]
    clean = uar["clean"]["mean"]
    noise = summary["noise"]
    missed = summary["missed"]
    worst, share = max(missed["by_emotion"].items(), key=lambda item: item[1])

    def difference(name: str) -> str:
        return f"{mean_std(uar[name])}, {100 * (uar[name]['mean'] - clean):+z.1f} points"

    conditions = (
        ("float32 in place of int8", "float32", "within 0.5 points of int8"),
        ("noise at 20 dB", "20 dB noise", "within 3 points of clean"),
        ("noise at 10 dB", "10 dB noise", "within 8 points"),
        ("noise at 0 dB", "0 dB noise", "within 20 points"),
        ("30 dB fainter", "30 dB fainter", "within 4 points"),
        ("peak 12 dB above full scale, clipped", "clipped by 12 dB", "within 2 points"),
        ("telephone line", "telephone", "within 4 points"),
        ("converted to 48 kHz and back", "48 kHz microphone", "within 1 point"),
        ("measured rooms, other places of the house of the training rooms", ROOM, "within 5 points"),
        ("four clips joined: full windows", "joined clips", "as clean or better"),
    )
    rows = [
        ("UAR, 8 emotions", mean_std(uar["clean"]), "0.70"),
        *((f"UAR, {title}", difference(name), goal) for title, name, goal in conditions if name in uar),
        ("UAR, speaker adaptation, three orders", mean_std(uar["speaker adaptation"]), ""),
        ("ECE, 15 bins", mean_std(summary["ece"]), "at most 0.06"),
        (
            "false accepts: recordings without speech that lead to an event",
            f"{noise['n_accepted']} of {noise['n']} ({noise['n_accepted'] / max(1, noise['n']):.2%})",
            "at most 1 %",
        ),
        (
            "speech clips that lead to an event",
            f"{1 - missed['share']:.2%}; least {worst}, {1 - share:.2%}",
            "99 %; each emotion 98 %",
        ),
        ("largest file of the folds", f"{summary['n_bytes'] / 1000:.0f} kB", "at most 500 kB"),
    ]
    return table(("metric", "measured", "goal"), rows)


def _tiny(runs: Sequence[Facts]) -> str:
    tiny = summarize(runs)
    return (
        f"**The tiny model** has {tiny['parameters']:,} parameters in {tiny['n_bytes'] / 1000:.0f} kB:"
        f" UAR {mean_std(tiny['uar']['clean'])} on RAVDESS ({seeds(tiny['seeds'])}). The"
        " [research log](research-log.md#the-tiny-model) has all of its figures beside those of the"
        " default model."
    )


def _confidence(summary: Facts) -> str:
    threshold = DEFAULT_THRESHOLD
    rows = summary["risk_coverage"]
    every, chosen = rows[0], min(rows, key=lambda each: abs(each["threshold"] - threshold))
    n_below = every["coverage"] - chosen["coverage"]
    n_right = every["coverage"] * every["accuracy"] - chosen["coverage"] * chosen["accuracy"]
    below = f"; of the others, {n_right / n_below:.0%} would be right" if n_below else ""
    return (
        "**Confidence:** with a threshold of"
        f" {threshold:g} for all emotions and no score {chosen['coverage']:.0%} of the clips of RAVDESS"
        f" are named, {chosen['accuracy']:.0%} of them correctly{below}."
    )


def _limits(summary: Facts) -> str:
    recalls = summary["recalls"]
    least = min(recalls, key=recalls.__getitem__)
    row = dict(zip(EMOTIONS, summary["confusion"][EMOTIONS.index(least)], strict=False))
    counts = {name: count for name, count in row.items() if name != least}
    first, second, third = sorted(counts, key=lambda name: -counts[name])[:3]
    return f"""\
## Limits

- Actors in quiet rooms, English, Polish and Korean: expect lower accuracy with children, elderly
  speakers, other languages, spontaneous emotion, several speakers at a time and music behind speech.
- A resting voice differs from speaker to speaker: deep, soft voices are recognized as sad more often.
- Of the clips of RAVDESS that are {least}, {recalls[least]:.0%} are recognized, fewer than of any other
  emotion; most of the rest are taken for {first}, {second} or {third}.
- Confidence is calibrated on acted speech of the corpora above."""
