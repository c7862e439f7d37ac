"""``docs/research-log.md``: tables of all measurements, and the diary of experiments."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from serd.model.labels import EMOTIONS
from train.data.clips import CorpusError
from train.evaluation.summary import seed_differences, summarize, variant_summary
from train.model.ablations import BASE
from train.report.model_page import seeds
from train.report.strangers_section import stranger_rows
from train.report.tables import mean_std, points, table
from train.report.wrapping import wrapped

Facts = Mapping[str, Any]

_DIARY: Final = Path(__file__).with_name("research_diary.md")
_HEAD: Final = "<!-- Written by `python -m train report`; do not edit. -->"
_CURVE: Final = "UAR with fewer training actors of RAVDESS; test actors and other corpora are the same."
_ABLATIONS: Final = (
    "UAR of networks of {parameters:,} parameters, trained for {epochs} epochs on the folds of `dev5`,"
    " on RAVDESS and nEMO alone, by the recipe of 0.1.0."
)
_DIFFERENCES: Final = (
    "Change of UAR in points when one component is removed, by seed; the deviation is of these"
    " differences. A change within its deviation is no evidence, and a component that costs UAR in the"
    " first column may help in another:"
)
CONDITION_TITLES: Final = {
    "clean": "as recorded",
    "joined clips": "joined",
    "20 dB noise": "noise at 20 dB",
    "10 dB noise": "10 dB",
    "0 dB noise": "0 dB",
    "30 dB fainter": "30 dB fainter",
    "12 dB louder, clipped": "12 dB louder",
    "clipped by 12 dB": "clipped",
    "telephone": "telephone",
}
"""Conditions by which variants are compared, and the heads of their columns; each is shown where all
variants have it, since "12 dB louder" was measured of earlier ones alone."""
_MORE_TITLES: Final = {
    "20 dB fainter, 50 Hz hum": "20 dB fainter, hum",
    "48 kHz microphone": "converted to 48 kHz and back",
    "measured room": "measured rooms, other places of the house of the training rooms",
}
"""More conditions of the shipped models, each measured only where its sounds are at hand."""


def research_log(results: Facts, stem: str) -> str:
    """The research log, in Markdown.

    Args:
        results: of the model's recipe, as ``read_results`` gives them: "runs", and if there are any
            "tiny", "ablations" and "curve" (variants, as ``read_variants`` gives them).
        stem: start of the pictures' names.

    Raises:
        CorpusError: there are ablations without the full recipe, or without a seed in common with it.
    """
    summary = summarize(results["runs"])
    parts = ["# Research log", _HEAD, "## By fold", _folds(summary), "## By emotion", _emotions(summary)]
    parts += [
        "Decisions (columns) on clips of each emotion (rows), all folds and seeds:",
        _confusion(summary),
        "## Confidence",
        _calibration(summary),
        _risk_coverage(summary),
        f"![Risk and coverage]({stem}-risk.png)",
    ]
    if tiny := results.get("tiny"):
        parts += ["## The tiny model", _tiny(results["runs"], tiny)]
    if variants := results.get("curve"):
        rows = sorted(map(variant_summary, variants), key=lambda each: int(each["name"]))
        parts += ["## Number of training actors", _CURVE, _variants(rows, "actors", mean_std)]
        parts.append(f"![UAR by the number of actors]({stem}-learning.png)")
    if variants := results.get("ablations"):
        parts += ablation_tables(variants)
    parts.append(_DIARY.read_text("utf-8").strip())
    return wrapped("\n\n".join(parts) + "\n")


def _folds(summary: Facts) -> str:
    rows = [(actors, mean_std(each)) for actors, each in summary["folds"].items()]
    return table(("test actors", "UAR"), rows)


def _emotions(summary: Facts) -> str:
    counts = summary["confusion"]
    rows = []
    for index, emotion in enumerate(EMOTIONS):
        n_decided = sum(row[index] for row in counts)
        precision = counts[index][index] / n_decided if n_decided else 0.0
        rows.append((emotion, f"{summary['recalls'][emotion]:.3f}", f"{precision:.3f}"))
    return table(("emotion", "recall", "precision"), rows)


def _confusion(summary: Facts) -> str:
    rows = [
        (emotion, *map(str, counts))
        for emotion, counts in zip(EMOTIONS, summary["confusion"], strict=True)
    ]
    return table(("", *EMOTIONS, "missed"), rows)


def _calibration(summary: Facts) -> str:
    temperatures = summary["temperatures"]
    return (
        f"ECE over 15 bins {mean_std(summary['ece'])}. Logits are divided by a temperature fitted on the"
        f" test actors of the other folds ({min(temperatures):.2f} to {max(temperatures):.2f}); that of"
        " the shipped model is in its card. Coverage and accuracy by threshold:"
    )


def _risk_coverage(summary: Facts) -> str:
    rows = [
        (f"{each['threshold']:.2f}", f"{each['coverage']:.1%}", f"{each['accuracy']:.1%}")
        for each in summary["risk_coverage"]
        if round(each["threshold"] * 100) % 10 == 0
    ]
    return table(("threshold", "clips that are named", "of these correct"), rows)


def _tiny(default_runs: Sequence[Facts], tiny_runs: Sequence[Facts]) -> str:
    both = summary, tiny = summarize(default_runs), summarize(tiny_runs)
    rows = [
        *(
            [f"UAR, {title}", *(mean_std(each["uar"][name]) for each in both)]
            for name, title in _measured(CONDITION_TITLES | _MORE_TITLES, both).items()
        ),
        ["ECE", *(mean_std(each["ece"]) for each in both)],
        ["false accepts", *(f"{each['noise']['n_accepted']} of {each['noise']['n']}" for each in both)],
        ["speech clips that lead to an event", *(f"{1 - each['missed']['share']:.2%}" for each in both)],
        *stranger_rows((default_runs, tiny_runs)),
        ["parameters", *(f"{each['parameters']:,}" for each in both)],
        ["largest file", *(f"{each['n_bytes'] / 1000:.0f} kB" for each in both)],
    ]
    columns = ("", f"default, {seeds(summary['seeds'])}", f"tiny, {seeds(tiny['seeds'])}")
    return f"On the same folds and sounds:\n\n{table(columns, rows)}"


def ablation_tables(variants: Sequence[Facts]) -> list[str]:
    """The full recipe, and the change that each removed component makes."""
    base = next((each for each in variants if each["name"] == BASE), None)
    if base is None:
        raise CorpusError(
            "no metrics of the full recipe; the same ablate command without --without has them"
        )
    rows = [seed_differences(each, base) for each in variants if each is not base]
    rows.sort(key=lambda each: float(each["uar"]["clean"]["mean"]))
    own = variant_summary(base)
    return [
        "## Ablations",
        _ABLATIONS.format(**own),
        _variants([own], "without", mean_std),
        *([_DIFFERENCES, _variants(rows, "without", points)] if rows else []),
    ]


def _variants(rows: Sequence[Facts], what: str, written: Callable[[Facts], str]) -> str:
    titles = _measured(CONDITION_TITLES, rows)
    columns = (what, *titles.values(), "false accepts", "seeds")
    cells = [
        (
            each["name"],
            *(written(each["uar"][name]) for name in titles),
            f"{each['n_accepted']} of {each['n']}",
            ", ".join(map(str, each["seeds"])),
        )
        for each in rows
    ]
    return table(columns, cells)


def _measured(titles: Mapping[str, str], rows: Sequence[Facts]) -> dict[str, str]:
    """The titles of the conditions that all rows have."""
    return {name: title for name, title in titles.items() if all(name in each["uar"] for each in rows)}
