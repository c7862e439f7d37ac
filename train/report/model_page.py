"""``docs/model.md``: the model card, with intended use, metrics and limits."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.model.naming import DEFAULT_THRESHOLD
from train.evaluation.conditions import ROOM
from train.evaluation.summary import summarize
from train.report.strangers_section import strangers_section
from train.report.tables import mean_std, table

Facts = Mapping[str, Any]

_TEXTS: Final = Path(__file__).parent
_HEAD: Final = "<!-- Written by `python -m train report`; do not edit. -->"
_LIMITS: Final = """\
## Limits

- Actors in quiet rooms, English, Polish and Korean: expect lower accuracy with children, elderly
  speakers, other languages, spontaneous emotion, several speakers at a time and music behind speech.
- A resting voice differs from speaker to speaker: deep, soft voices are recognized as sad more often.
- Calm and neutral are confused most, as they are by human listeners.
- Confidence is calibrated on acted speech of the corpora above."""


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
        _expectations(summary),
    ]
    if strangers := strangers_section(results["runs"], results.get("protocols", {})):
        parts.append(strangers)
    if tiny := results.get("tiny"):
        parts.append(_tiny(tiny))
    details = "Metrics by fold and emotion, ablations and all experiments"
    parts += [
        _confidence(summary),
        f"![Reliability: confidence against accuracy]({stem}-reliability.png)",
        _LIMITS,
        f"{details} are in the [research log](research-log.md).",
    ]
    return "\n\n".join(parts) + "\n"


def seeds(numbers: Sequence[int]) -> str:
    """The seeds of some runs: "seed 0", "seeds 0, 1"."""
    return f"{'seed' if len(numbers) == 1 else 'seeds'} {', '.join(map(str, numbers))}"


def _setting(summary: Facts) -> str:
    folds = [each["mean"] for each in summary["folds"].values()]
    trained = seeds(summary["seeds"])
    spread = (
        f"± is the standard deviation over training {trained}; it does not cover other speakers"
        if len(summary["seeds"]) > 1
        else f"The figures are of one training, {trained}, without the spread over seeds or speakers"
    )
    return (
        "Five folds of four actors of RAVDESS (1-20), those of `dev5`. Each fold is scored by a network"
        " that was trained without its actors and without the noise mixed into its clips, in"
        f" {summary['precision']} arithmetic through the daemon's own pipeline, one decision per clip."
        f" {spread}, over whom UAR varies more: from {min(folds):.3f} to {max(folds):.3f} between folds."
        " Chance is 0.125."
    )


def _expectations(summary: Facts) -> str:
    uar = summary["uar"]
    clean = uar["clean"]["mean"]
    noise = summary["noise"]
    missed = summary["missed"]
    worst, share = max(missed["by_emotion"].items(), key=lambda item: item[1])

    def relative(name: str) -> str:
        return f"{mean_std(uar[name])}, {uar[name]['mean'] / clean:.1%}"

    def difference(name: str) -> str:
        return f"{mean_std(uar[name])}, {100 * (uar[name]['mean'] - clean):+z.1f} points"

    near_clean = "within 5 points of clean"
    conditions: Sequence[tuple[str, str, Callable[[str], str], str]] = (
        ("float32 in place of int8", "float32", difference, "within 0.5 points"),
        ("noise at 20 dB, relative to clean", "20 dB noise", relative, "95 %"),
        ("noise at 10 dB", "10 dB noise", relative, "85 %"),
        ("noise at 0 dB", "0 dB noise", relative, "60 %"),
        ("30 dB fainter", "30 dB fainter", difference, near_clean),
        ("12 dB louder and clipped", "12 dB louder, clipped", difference, near_clean),
        ("telephone line", "telephone", difference, near_clean),
        ("microphone of 48 kHz", "48 kHz microphone", difference, near_clean),
        ("measured rooms, none of those of training", ROOM, difference, near_clean),
        ("four clips joined: full windows", "joined clips", difference, "as clean or better"),
    )
    rows = [
        ("UAR, 8 emotions", mean_std(uar["clean"]), "0.67"),
        *(
            (f"UAR, {title}", written(name), goal)
            for title, name, written, goal in conditions
            if name in uar
        ),
        ("UAR, speaker adaptation, three orders", mean_std(uar["speaker adaptation"]), ""),
        ("ECE, 15 bins", mean_std(summary["ece"]), "at most 0.05"),
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
        ("largest file", f"{summary['n_bytes'] / 1000:.0f} kB", "at most 500 kB"),
    ]
    return table(("metric", "measured", "expected"), rows)


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
