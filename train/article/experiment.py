"""Settings of an experiment: its data, input, augmentation, network and learning."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from serd.settings.values import Range
from train.article.augmentation import Variation

SetName = Literal["ten", "men", "women", "men3", "men2", "women3", "women2", "eight"]


_QUICK_EPOCHS: Final = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """The article's claim for its own experiment."""

    says: str = ""
    """Quotation; empty for none."""
    accuracy: float = 0.0
    """Claimed accuracy, from 0 to 1; 0 for none."""
    of: Literal["test", "validation"] = "test"
    """Clips of the claimed accuracy."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """Clips and their split."""

    set: SetName = "ten"
    """A set of ``train.article.data``, or "eight": serd's eight emotions, scored on speech alone."""
    protocol: Literal[
        "article",
        "dev5",
        "mmer5",
        "emobox6",
        "crema5",
        "nemo3",
        "all5",
        "left-out-corpus",
        "text",
        "leaky",
    ] = "article"
    """Split of the clips: a protocol of ``train.data.protocols``, or "leaky"."""
    song: bool = True
    """Whether sung clips are included."""
    shuffle_labels: bool = False
    """Whether the labels of training clips are shuffled, so that a score above chance shows a leak."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSettings:
    """Input of the network."""

    kind: Literal["mean", "mean-full", "segmenter", "matrix"] = "mean"
    """A kind of ``train.article.features``, or "matrix": the daemon's windows of 298 x 40 MFCCs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentSettings:
    """Copies of training clips, for the article's networks."""

    variations: tuple[Variation, ...] = ()
    """Variations of a copy, in order; empty for no copies."""
    copies: Annotated[int, Range(1)] = 1
    """Copies of each clip."""
    clips: Literal["all", "smaller", "before-split"] = "all"
    """Whether all training clips are copied, only those of the smallest class, or all clips before some
    are set aside for validation, so that a clip and its copy can be on both sides: a leak."""

    @property
    def is_leaky(self) -> bool:
        """Whether validation clips have copies among the training clips."""
        return bool(self.variations) and self.clips == "before-split"


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkChoice:
    """The network."""

    kind: Literal["baseline", "reworked", "recurrent", "own"] = "baseline"
    """A network of ``train.article.networks``, or "own": the one that serd runs, with its recipe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TrainingSettings:
    """Training parameters of the article's networks; the own network takes only the epochs."""

    optimizer: Literal["rmsprop", "sgd", "adam"] = "rmsprop"
    """The optimizer."""
    learning_rate: Annotated[float, Range(0.0, is_open=True)] = 1e-5
    """Learning rate at the start."""
    decay: Annotated[float, Range(0.0)] = 0.0
    """Learning rate is divided by 1 + decay x batches seen."""
    batch: Annotated[int, Range(1)] = 16
    """Clips in a batch."""
    epochs: Annotated[int, Range(1)] = 700
    """Epochs at most."""
    patience: Annotated[int, Range(0)] = 100
    """Epochs without a better validation loss before training stops; 0 for never."""
    keep: Literal["last", "best"] = "last"
    """Whether the last epoch's weights are scored, or those of the least validation loss."""
    plateau: bool = False
    """Whether the learning rate falls by a tenth after 20 epochs without a better validation loss."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """An experiment."""

    name: str
    """Name of its file, without the suffix."""
    what: str = ""
    """Description, in one line."""
    claim: Claim = field(default_factory=Claim)
    """The article's claim."""
    data: DataSettings = field(default_factory=DataSettings)
    """The clips."""
    input: InputSettings = field(default_factory=InputSettings)
    """Input of the network."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """Copies of training clips."""
    network: NetworkChoice = field(default_factory=NetworkChoice)
    """The network."""
    learn: TrainingSettings = field(default_factory=TrainingSettings)
    """Training parameters."""

    def conflicts(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that does not go with another."""
        is_own = self.network.kind == "own"
        if is_own != (self.input.kind == "matrix"):
            yield "[input] kind", "matrix with the own network, and with no other"
        if is_own and self.augment.variations:
            yield "[augment] variations", "none with the own network, which has its own"
        if is_own and self.data.set != "eight":
            yield "[data] set", "eight with the own network, whose labels are serd's"
        if is_own and self.learn.patience:
            yield "[learn] patience", "0 with the own network, which never stops early"

    def to_json(self) -> dict[str, Any]:
        """Every setting, as a JSON object."""
        body: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return body

    def decisive(self) -> dict[str, Any]:
        """Every setting that the result depends on."""
        return {key: value for key, value in self.to_json().items() if key not in {"what", "claim"}}


def digest(body: object) -> str:
    """Checksum of a JSON object, as 16 hex digits."""
    text = json.dumps(body, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True, slots=True)
class RunOptions:
    """Options of a run apart from its experiment and clips."""

    seed: int = 0
    """Random seed."""
    is_quick: bool = False
    """Whether it is a smoke run: one epoch on a few clips, with meaningless metrics."""
    epochs: int = 0
    """Most epochs, if fewer than the experiment's; 0 for the experiment's, or 1 in a smoke run."""
    fold: int = 0
    """Index of the fold in the protocol."""
    features: Path = Path("runs/features")
    """Folder of features, shared by runs."""

    def capped(self, experiment: Experiment) -> Experiment:
        """The experiment with no more epochs than these options allow."""
        most = self.epochs or (_QUICK_EPOCHS if self.is_quick else experiment.learn.epochs)
        epochs = min(most, experiment.learn.epochs)
        return replace(experiment, learn=replace(experiment.learn, epochs=epochs))
