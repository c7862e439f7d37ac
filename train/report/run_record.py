"""The record of a finished run: what the page of the experiments needs of it, in a few kilobytes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

import numpy as np

from serd.errors import InputError
from train.evaluation.bootstrap import Interval, chance_interval, clip_interval

Metrics = Mapping[str, Any]

N_POINTS: Final = 100
"""Most points of a curve, about."""
_CURVES: Final = ("loss", "accuracy", "val_loss", "val_accuracy")


@dataclass(frozen=True, kw_only=True, slots=True)
class RunRecord:
    """A finished run of an experiment."""

    metrics: Metrics
    """Content of its ``metrics.json``."""
    settings: Metrics
    """Content of its ``settings.json``."""
    base: str
    """Name of the experiment that its experiment changes; empty for none."""
    curves: Mapping[str, Sequence[float | None]]
    """``epoch``, and at these the loss and accuracy of training and validation; None where infinite."""

    @classmethod
    def from_json(cls, body: Metrics, where: str) -> Self:
        """Read a record.

        Raises:
            InputError: it is no record.
        """
        try:
            return cls(**{name: body[name] for name in ("metrics", "settings", "base", "curves")})
        except (KeyError, TypeError) as exc:
            raise InputError(f"{where}: no record of a run") from exc

    def to_json(self) -> dict[str, Any]:
        """The record, as a JSON object."""
        return asdict(self)

    @property
    def is_smoke_run(self) -> bool:
        """Whether it is a smoke run: a few clips, an epoch."""
        return "smoke run" in self.metrics["shortened"]

    @property
    def uar_interval(self) -> Interval:
        """95 % of the UARs of as many clips, drawn from the tested ones with replacement."""
        return clip_interval(np.array(self.metrics["test"]["confusion"]), seed=0)

    @property
    def chance_interval(self) -> Interval:
        """95 % of the UARs of its decisions if they had nothing to do with the classes."""
        return chance_interval(np.array(self.metrics["test"]["confusion"]), seed=0)

    @property
    def is_shuffled(self) -> bool:
        """Whether the labels of its training clips were shuffled, so that it can know nothing."""
        return bool(self.settings["experiment"]["data"]["shuffle_labels"])

    @property
    def has_copies(self) -> bool:
        """Whether it learns from copies of clips as well."""
        return bool(self.settings["experiment"]["augment"]["variations"])

    @property
    def has_leaky_copies(self) -> bool:
        """Whether the copies were made before validation clips were set aside."""
        return self.has_copies and self.settings["experiment"]["augment"]["clips"] == "before-split"


def sampled(history: Sequence[Mapping[str, float]]) -> dict[str, list[float | None]]:
    """Curves of a history, at evenly spaced epochs of which the last is one.

    Args:
        history: a row an epoch.
    """
    step = max(1, math.ceil(len(history) / N_POINTS))
    rows = history[::-1][::step][::-1]
    curves: dict[str, list[float | None]] = {"epoch": [int(row["epoch"]) for row in rows]}
    for name in _CURVES:
        if name in rows[0]:
            curves[name] = [round(row[name], 4) if math.isfinite(row[name]) else None for row in rows]
    return curves
