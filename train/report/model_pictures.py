"""Pictures of the model card: reliability, risk and coverage, learning curve."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from train.report.drawing import COLORS, INK, new_figure, plain, save_figure

_LINES: Final = {"clean": "as recorded", "telephone": "telephone", "10 dB noise": "noise at 10 dB"}
"""Passes that the learning curve shows."""


def reliability_picture(summary: Mapping[str, Any], path: Path) -> Path:
    """Accuracy against confidence, bin by bin; dots are as large as their bins.

    Raises:
        LibraryError: matplotlib is not installed.
        OperationError: it cannot be written.
    """
    figure = new_figure(4.2, 4.0)
    axes = figure.add_subplot()
    bins = summary["bins"]
    largest = max(each["n"] for each in bins)
    axes.plot([0, 1], [0, 1], color="#bbbbbb", linewidth=1)
    axes.plot(
        [each["confidence"] for each in bins], [each["accuracy"] for each in bins], color=COLORS["male"]
    )
    axes.scatter(
        [each["confidence"] for each in bins],
        [each["accuracy"] for each in bins],
        s=[12 + 120 * each["n"] / largest for each in bins],
        color=COLORS["male"],
    )
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="confidence", ylabel="share that is right", aspect=1)
    axes.set_title(f"ECE {summary['ece']['mean']:.3f}", color=INK, fontsize=10)
    plain(axes, grid="y")
    return save_figure(figure, path)


def risk_coverage_picture(summary: Mapping[str, Any], path: Path) -> Path:
    """Share of wrong decisions against the share of named clips.

    Raises:
        LibraryError: matplotlib is not installed.
        OperationError: it cannot be written.
    """
    figure = new_figure(4.8, 3.4)
    axes = figure.add_subplot()
    rows = summary["risk_coverage"]
    axes.plot(
        [each["coverage"] for each in rows],
        [1 - each["accuracy"] for each in rows],
        color=COLORS["female"],
        marker="o",
        markersize=3,
    )
    for each in rows[::4]:
        axes.annotate(
            f"{each['threshold']:.1f}",
            (each["coverage"], 1 - each["accuracy"]),
            textcoords="offset points",
            xytext=(4, -10),
            fontsize=8,
            color=INK,
        )
    axes.set(xlim=(0, 1.03), ylim=(0, None), xlabel="share of clips that are named")
    axes.set_ylabel("share of these that is wrong")
    axes.set_title("by the threshold below which it is uncertain", color=INK, fontsize=10)
    plain(axes, grid="y")
    return save_figure(figure, path)


def learning_picture(curve: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """UAR against the number of training actors; bars are deviations over seeds.

    Args:
        curve: as ``variant_summary`` gives it; each name is a number of actors.
        path: output file.

    Raises:
        LibraryError: matplotlib is not installed.
        OperationError: it cannot be written.
    """
    figure = new_figure(4.8, 3.4)
    axes = figure.add_subplot()
    rows = sorted(curve, key=lambda each: int(each["name"]))
    n_actors = [int(each["name"]) for each in rows]
    for (name, title), color in zip(_LINES.items(), COLORS.values(), strict=True):
        axes.errorbar(
            n_actors,
            [each["uar"][name]["mean"] for each in rows],
            yerr=[each["uar"][name]["std"] or 0.0 for each in rows],
            label=title,
            color=color,
            marker="o",
            markersize=4,
            capsize=3,
        )
    axes.set(xlim=(0, None), ylim=(0, 1), xlabel="actors of RAVDESS that were learnt from", ylabel="UAR")
    axes.set_xticks(n_actors)
    axes.set_title("on actors that were not", color=INK, fontsize=10)
    axes.legend(frameon=False, fontsize=9, loc="lower right")
    plain(axes, grid="y")
    return save_figure(figure, path)
