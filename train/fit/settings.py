"""Settings of a run of ``python -m train fit``."""

from dataclasses import dataclass
from pathlib import Path

from train.features.noise import NoiseBank
from train.fit.plan import FitPlan
from train.model.recipe import Recipe


@dataclass(frozen=True, kw_only=True, slots=True)
class FitSettings:
    """Clips, recipe and files of a run."""

    plan: FitPlan
    """Clips and their split."""
    out: Path
    """Output .tflite file; its card has the same name."""
    work: Path
    """Folder of windows, members and folds, which later runs reuse."""
    recipe: Recipe
    """Recipe of the model."""
    rooms: tuple[Path, ...] = ()
    """Measured impulse responses of rooms, for the copies."""
    ordinary: tuple[Path, ...] = ()
    """Recordings of ordinary speech, never trained on, for the score that emotions are named by; empty
    for none."""
    noise: NoiseBank | None = None
    """Recordings without speech: mixed into speech, and trained on as no speech; None for neither."""
    is_protocol_alone: bool = False
    """Whether only the folds of the protocol are trained."""
    n_processes: int = 1
    """Members trained at a time."""
    seed: int
    """Random seed."""
    command: str
    """The command, for the card."""
