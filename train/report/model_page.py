"""``docs/model.md``: what a model is, what was measured of it, and what it is not."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.model.labels import EMOTIONS
from serd.model.smoothing import SmoothingSettings
from train.evaluation.summary import summarise
from train.report.research_log import ablations, curve
from train.report.tables import figure, table

Facts = Mapping[str, Any]

_HUMAN: Final = "0.67"
_TEXTS: Final = Path(__file__).parent
_OTHERS_AMONG, _OTHERS_ALONE = "0.60", "0.35"
"""Goals for speakers of another corpus, where others of theirs were learnt from and where none were."""
_HEAD: Final = "<!-- Written by `python -m train describe`; do not edit. -->"


def model_page(figures: Facts, stem: str) -> str:
    """The page, in Markdown.

    Args:
        figures: of the model's recipe, as ``read_figures`` gives them: "runs"; and where there are any,
            "tiny": those of the tiny model's; "strangers", as ``strangers`` gives each; "ablations": a
            recipe without each of its tricks, "curve": with fewer actors (a name is their number), both
            as ``gathered`` gives them.
        stem: what the names of the pictures begin with.
    """
    summary = summarise(figures["runs"])
    parts = [
        "# The model",
        _HEAD,
        (_TEXTS / "intended_use.md").read_text("utf-8").strip(),
        "## Figures",
        _setting(summary),
        _goals(summary),
        "Each fold's actors, mean over seeds: "
        + ", ".join(f"{actors} {each['mean']:.3f}" for actors, each in summary["folds"].items())
        + ".",
    ]
    if strangers := figures.get("strangers"):
        parts += ["### Speakers of another corpus", _strangers(strangers)]
    if tiny := figures.get("tiny"):
        parts += ["### The tiny model", _beside(summary, summarise(tiny))]
    parts += [
        "### Emotions",
        _emotions(summary),
        "Decisions (columns) on clips of each emotion (rows), all folds and seeds:",
        _confusion(summary),
        "## How sure it is",
        _calibration(summary),
        f"![Reliability: confidence against accuracy]({stem}-reliability.png)",
        _threshold(summary),
        _risk_coverage(summary),
        f"![Risk and coverage]({stem}-risk.png)",
    ]
    if variants := figures.get("curve"):
        parts += [*curve(variants), f"![UAR by the number of actors]({stem}-learning.png)"]
    if variants := figures.get("ablations"):
        parts += ablations(variants)
    parts.append((_TEXTS / "tried.md").read_text("utf-8").strip())
    return "\n\n".join(parts) + "\n"


def _setting(summary: Facts) -> str:
    return (
        "Protocol `dev5`: five folds of four actors of RAVDESS (1-20). Each fold is scored by a network"
        " that has heard neither its actors nor the noise that is mixed under them, in"
        f" {summary['precision']} arithmetic through the daemon's own pipeline, with one"
        f" decision a clip; {_seeds(summary['seeds'])}. A deviation is over seeds. Chance is 0.125;"
        f" human listeners reach {_HUMAN}."
    )


def _calibration(summary: Facts) -> str:
    return (
        f"ECE over 15 bins {figure(summary['ece'])}. Logits are divided by a temperature that was"
        " fitted on the speakers held out from the other folds"
        f" ({_range(summary['temperatures'])}); the shipped model's is in its card."
    )


def _goals(summary: Facts) -> str:
    uar = summary["uar"]
    clean = uar["clean"]["mean"]
    noise = summary["noise"]
    unheard = summary["unheard"]
    worst, share = max(unheard["by_emotion"].items(), key=lambda item: item[1])

    def kept(name: str) -> str:
        return f"{figure(uar[name])}, {uar[name]['mean'] / clean:.1%}"

    def beside_clean(name: str) -> str:
        return f"{figure(uar[name])}, {100 * (uar[name]['mean'] - clean):+z.1f} points"

    rows = [
        ("UAR, 8 emotions", figure(uar["clean"]), "0.67"),
        ("largest file", f"{summary['n_bytes'] / 1000:.0f} kB", "at most 500 kB"),
        ("the same networks in float32", beside_clean("float32"), "within 0.5 points"),
        ("ECE, 15 bins", figure(summary["ece"]), "at most 0.05"),
        ("UAR in noise at 20 dB, of the clean figure", kept("20 dB noise"), "95 %"),
        ("at 10 dB", kept("10 dB noise"), "85 %"),
        ("at 0 dB", kept("0 dB noise"), "60 %"),
        ("the same speech 30 dB fainter", beside_clean("30 dB fainter"), "within 5 points of clean"),
        (
            "12 dB louder and clipped",
            beside_clean("12 dB louder, clipped"),
            "within 5 points of clean",
        ),
        ("through a telephone line", beside_clean("telephone"), "within 5 points of clean"),
        ("from a microphone of 48 kHz", beside_clean("48 kHz microphone"), "within 5 points of clean"),
        ("four clips joined: full windows", beside_clean("joined clips"), "as clean or better"),
        ("used to the voice (`[adaptation]`), three orders", figure(uar["used to the voice"]), ""),
        (
            "recordings without speech that lead to any event",
            f"{noise['n_named']} of {noise['n']} ({noise['n_named'] / max(1, noise['n']):.2%})",
            "at most 1 %",
        ),
        (
            "speech clips that lead to an event",
            f"{1 - unheard['share']:.2%}; least {worst}, {1 - share:.2%}",
            "99 %; each emotion 98 %",
        ),
    ]
    return table(("what", "measured", "goal"), rows)


def _strangers(strangers: Sequence[Facts]) -> str:
    rows = [
        (
            each["test_actors"].replace(",", ", "),
            "four others of theirs and RAVDESS" if each["heard_corpus"] else "RAVDESS alone",
            f"{each['uar']:.3f}",
            "" if each["heard_corpus"] else _OTHERS_ALONE,
            f"{each['n_unheard']} of {each['n_clips']}",
        )
        for each in strangers
    ]
    with_theirs = [each["uar"] for each in strangers if each["heard_corpus"]]
    text = (
        "nEMO (Polish, another sentence each, other microphones), speakers whom the network never heard,"
        " six emotions (chance 0.167):"
    )
    if with_theirs:
        mean = sum(with_theirs) / len(with_theirs)
        rows.append(("mean of those with others of theirs", "", f"{mean:.3f}", _OTHERS_AMONG, ""))
    columns = ("speakers", "learnt from", "UAR", "goal", "taken for no speech")
    return f"{text}\n\n{table(columns, rows)}"


def _beside(summary: Facts, tiny: Facts) -> str:
    """The recipe and the tiny model's, row by row."""
    passes = {
        "clean": "UAR",
        "20 dB noise": "UAR in noise at 20 dB",
        "10 dB noise": "at 10 dB",
        "0 dB noise": "at 0 dB",
        "30 dB fainter": "30 dB fainter",
        "12 dB louder, clipped": "12 dB louder and clipped",
        "telephone": "through a telephone line",
        "joined clips": "four clips joined",
    }
    both = (summary, tiny)
    rows = [
        *([title, *(figure(each["uar"][name]) for each in both)] for name, title in passes.items()),
        ["ECE", *(figure(each["ece"]) for each in both)],
        [
            "recordings without speech that lead to any event",
            *(f"{each['noise']['n_named']} of {each['noise']['n']}" for each in both),
        ],
        [
            "speech clips that lead to an event",
            *(f"{1 - each['unheard']['share']:.2%}" for each in both),
        ],
        ["parameters", *(f"{each['parameters']:,}" for each in both)],
        ["largest file", *(f"{each['n_bytes'] / 1000:.0f} kB" for each in both)],
    ]
    own, theirs = (_seeds(each["seeds"]) for each in both)
    columns = ("", f"this, {own}", f"tiny, {theirs}")
    return f"On the same folds and the same sounds:\n\n{table(columns, rows)}"


def _seeds(seeds: Sequence[int]) -> str:
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(map(str, seeds))}"


def _emotions(summary: Facts) -> str:
    counts = summary["confusion"]
    rows = []
    for index, emotion in enumerate(EMOTIONS):
        named = sum(row[index] for row in counts)
        precision = counts[index][index] / named if named else 0.0
        rows.append((emotion, f"{summary['recalls'][emotion]:.3f}", f"{precision:.3f}"))
    return table(("emotion", "recall", "precision"), rows)


def _confusion(summary: Facts) -> str:
    rows = [
        (emotion, *map(str, counts))
        for emotion, counts in zip(EMOTIONS, summary["confusion"], strict=True)
    ]
    return table(("", *EMOTIONS, "unheard"), rows)


def _threshold(summary: Facts) -> str:
    threshold = SmoothingSettings().threshold
    rows = summary["risk_coverage"]
    every, chosen = rows[0], min(rows, key=lambda each: abs(each["threshold"] - threshold))
    n_left = every["coverage"] - chosen["coverage"]
    right = every["coverage"] * every["accuracy"] - chosen["coverage"] * chosen["accuracy"]
    below = f"; of those below it, {right / n_left:.0%} would be right" if n_left else ""
    return (
        f"Below its threshold an event says `uncertain`. The daemon's is {threshold:g}: it names"
        f" {chosen['coverage']:.0%} of the clips, {chosen['accuracy']:.0%} of them rightly{below}. What"
        " is left at others, and how much of it is right:"
    )


def _risk_coverage(summary: Facts) -> str:
    rows = [
        (f"{each['threshold']:.2f}", f"{each['coverage']:.1%}", f"{each['accuracy']:.1%}")
        for each in summary["risk_coverage"]
        if round(each["threshold"] * 100) % 10 == 0
    ]
    return table(("threshold", "clips that are named", "of these right"), rows)


def _range(values: Sequence[float]) -> str:
    return f"{min(values):.2f} to {max(values):.2f}"
