"""Ordinary speech: the recordings of spoken orders that a model gives an emotion.

Nobody asked the speakers for an emotion, so any other than neutral and calm is an error, as a false
accept is where nobody speaks. "uncertain" and no event are none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from serd.model.file import read_model
from serd.model.labels import NONE, UNCERTAIN
from serd.model.smoothing import make_estimate
from serd.pipeline import PipelineSettings
from train.data.clips import CorpusError
from train.evaluation.held_out import hear

ORDINARY: Final = frozenset({"neutral", "calm", UNCERTAIN, NONE})
"""Decisions that name no emotion, or the ones of ordinary speech."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderDecisions:
    """The daemon's decision on each recording as a whole."""

    decisions: dict[Path, str]
    """A label of the model, "uncertain" or "none", by file."""
    left_out: tuple[str, ...]
    """One line for each file that cannot be read."""

    @property
    def emotional(self) -> dict[Path, str]:
        """The recordings that are given an emotion, with the emotion."""
        return {path: label for path, label in self.decisions.items() if label not in ORDINARY}

    def to_json(self) -> dict[str, Any]:
        """The counts as a JSON object, with the decisions by file name."""
        labels = sorted(set(self.decisions.values()))
        return {
            "n_clips": len(self.decisions),
            "n_emotional": len(self.emotional),
            "decisions": {
                label: sum(each == label for each in self.decisions.values()) for label in labels
            },
            "emotional": {path.name: label for path, label in self.emotional.items()},
            "left_out": list(self.left_out),
        }


def decide_orders(
    model_path: Path, paths: Sequence[Path], settings: PipelineSettings | None = None
) -> OrderDecisions:
    """Decide on recordings as ``serd analyze`` does.

    Args:
        model_path: the .tflite file; each process loads it once.
        paths: the recordings.
        settings: settings of the daemon's pipeline, with the threshold of "uncertain"; None for the
            defaults.

    Raises:
        CorpusError: no recording can be read.
    """
    settings = settings or PipelineSettings()
    _, card = read_model(model_path)
    rule = card.naming_rule(settings.smoothing.threshold)
    decisions: dict[Path, str] = {}
    left_out = []
    for path, heard in zip(paths, hear(model_path, paths, settings), strict=True):
        if heard.left_out:
            left_out.append(heard.left_out)
        elif heard.whole is None:
            decisions[path] = NONE
        else:
            decisions[path] = make_estimate(card.labels, heard.whole, rule).emotion
    if not decisions:
        raise CorpusError(f"none of {len(paths)} recordings can be read, so there is nothing to score")
    return OrderDecisions(decisions=decisions, left_out=tuple(left_out))
