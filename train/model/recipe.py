"""A recipe: every parameter of training apart from the data and the seed."""

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.mfcc import MFCC40_V1
from train.features.augmentation import SoundAugment
from train.features.dataset import WindowSettings
from train.model.learning import LearnSettings
from train.model.naming import NamingLimits
from train.model.network import NetworkSettings

WINDOW_S = 3.0


def _default_windows() -> WindowSettings:
    return WindowSettings(
        feature_set=MFCC40_V1,
        window_samples=round(WINDOW_S * SAMPLE_RATE_HZ),
        padding="repeat",
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """Parameters of a model's data, augmentation, network and training."""

    with_song: bool = True
    """Whether sung clips are training clips; only speech is scored."""
    n_actors: int = 0
    """Number of training actors of RAVDESS, the first of those not held out; 0 for all."""
    windows: WindowSettings = field(default_factory=_default_windows)
    """Segmentation and features of the network's input."""
    sound: SoundAugment = field(default_factory=SoundAugment)
    """Augmented copies of each clip."""
    members: int = 1
    """Ensemble members, trained apart from each other, whose logits are averaged."""
    precision: Literal["float32", "int8"] = "int8"
    """Precision of the written model; ``train.model.conversion`` decides the parts that are int8."""
    no_speech_threshold: float = 0.1
    """Probability of no speech from which the model rejects sound."""
    naming: NamingLimits = field(default_factory=NamingLimits)
    """How often ordinary speech may be given an emotion."""
    made_noises: int = 320
    """Number of synthetic sounds without speech among the training clips."""
    learn: LearnSettings = field(default_factory=LearnSettings)
    """The network and its training."""
    teacher: "Recipe | None" = None
    """Recipe of networks that are trained first, on the same windows, and whose probabilities are part
    of the targets; None to learn from the labels alone."""

    def to_json(self) -> dict[str, Any]:
        """Every parameter, as a JSON object."""
        body: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return body

    def digest(self, *, seed: int, fingerprint: str) -> str:
        """Digest of recipe, seed and data, as 16 hex digits."""
        body = {"recipe": self.to_json(), "seed": seed, "data": fingerprint}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:16]


def tiny(recipe: Recipe) -> Recipe:
    """The recipe of a model for the smallest boards: a smaller network with less dropout.

    It is trained for longer.
    """
    network = NetworkSettings(
        stem_channels=40, channels=40, attention_channels=16, dropout=0.1, block_dropout=0.0
    )
    return replace(recipe, members=1, learn=replace(recipe.learn, network=network, epochs=120))


def quick(recipe: Recipe) -> Recipe:
    """A recipe for a smoke run, whose model is useless."""
    learn = replace(
        recipe.learn,
        epochs=2,
        is_compiled=False,
        warmup_epochs=0.5,
        batches=replace(recipe.learn.batches, batch=8),
        network=NetworkSettings(stem_channels=8, channels=16, dilations=(1,), attention_channels=8),
    )
    sound = replace(recipe.sound, copies=1)
    return replace(recipe, sound=sound, learn=learn, members=1, precision="float32", made_noises=8)
