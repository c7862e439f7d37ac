"""What a run takes apart from its experiment and the clips."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from train.experiments.settings import Experiment

_QUICK_EPOCHS: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """What a run takes apart from its experiment and the clips."""

    seed: int = 0
    """Seeds everything that is drawn."""
    is_quick: bool = False
    """Whether it is a smoke run: an epoch, a handful of clips, figures that mean nothing."""
    epochs: int = 0
    """Epochs at most, below the experiment's own; 0 for the experiment's own, or 1 in a smoke run."""
    fold: int = 0
    """Which fold of the protocol, from 0."""
    features: Path = Path("runs/features")
    """Folder for what the networks see of the clips, shared by runs."""

    def capped(self, experiment: Experiment) -> Experiment:
        """The experiment with no more epochs than these options allow."""
        most = self.epochs or (_QUICK_EPOCHS if self.is_quick else experiment.learn.epochs)
        epochs = min(most, experiment.learn.epochs)
        return replace(experiment, learn=replace(experiment.learn, epochs=epochs))
