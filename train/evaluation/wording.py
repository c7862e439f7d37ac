"""Figures in words, the same on the terminal and on the page."""

from train.actors import format_actors
from train.evaluation.figures import Figures
from train.evaluation.judge import Evaluation

NO_VALUE = "-"


def share(value: float | None) -> str:
    """A share with three digits, or a dash where there is none."""
    return NO_VALUE if value is None else f"{value:.3f}"


def interval(figures: Figures, name: str) -> str:
    """The bounds of a 95 % interval, or a dash where there is none."""
    bounds = figures.intervals.get(name)
    return f"{bounds.low:.3f} to {bounds.high:.3f}" if bounds else NO_VALUE


def ece(figures: Figures) -> str:
    """The expected calibration error, or a dash where nothing was heard."""
    return share(figures.calibration.ece if figures.calibration else None)


def adapted_uar(evaluation: Evaluation) -> float:
    """Mean UAR of the orders in which the clips were heard by a daemon that gets used to voices."""
    return sum(each.uar for each in evaluation.adapted) / len(evaluation.adapted)


def seen_line(evaluation: Evaluation) -> str:
    """What is to be said of figures of actors that the model has heard."""
    seen = format_actors(evaluation.plan.selection.seen)
    return (
        f"The model was trained on actors {seen}. These figures flatter it: they do not say how well it"
        " recognises voices that it has never heard."
    )


def passes(evaluation: Evaluation, clean: str) -> dict[str, Figures]:
    """The figures without noise, under the name ``clean``, then at each signal-to-noise ratio."""
    noisy = {f"{snr_db:g} dB": figures for snr_db, figures in evaluation.noisy.items()}
    return {clean: evaluation.clean} | noisy
