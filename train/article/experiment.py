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


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What the article says of its own experiment."""

    says: str = ""
    """Its sentence, in short; empty where it gives no figure."""
    accuracy: float = 0.0
    """The accuracy it states, from 0 to 1; 0 for none."""
    of: Literal["test", "validation"] = "test"
    """The clips that it states it for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSettings:
    """Which clips, and which of them are held out."""

    set: SetName = "ten"
    """A set of ``train.article.data``, or "eight": serd's eight emotions, scored on speech alone."""
    protocol: Literal["article", "dev5", "mmer5", "emobox6", "leaky"] = "article"
    """Split of the clips: a protocol of ``train.data.protocols``, or "leaky"."""
    song: bool = True
    """Whether sung clips are taken as well."""
    shuffle_labels: bool = False
    """Whether training clips are given each other's emotions; what is learnt is then worth nothing, and
    a score above chance betrays a leak."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InputSettings:
    """What the network sees of a clip."""

    kind: Literal["mean", "mean-full", "segmenter", "matrix"] = "mean"
    """A kind of ``train.article.features``, or "matrix": the daemon's windows of 298 x 40 MFCCs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AugmentSettings:
    """Copies of training clips, for the article's networks."""

    variations: tuple[Variation, ...] = ()
    """What is varied in a copy, in this order; none for no copies."""
    copies: Annotated[int, Range(1)] = 1
    """Copies of each clip."""
    clips: Literal["all", "smaller"] = "all"
    """Whether all training clips are copied, or those of the smallest class alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkSettings:
    """What learns."""

    kind: Literal["baseline", "reworked", "recurrent", "own"] = "baseline"
    """A network of ``train.article.networks``, or "own": the one that serd runs, with its recipe."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LearnSettings:
    """How a network of the article learns; the own network takes the number of epochs alone."""

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
    patience: Annotated[int, Range(0)] = 60
    """Epochs without a better validation loss or accuracy after which learning stops; 0 for never."""
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
    """What it is, in one line."""
    claim: Claim = field(default_factory=Claim)
    """What the article says of it."""
    data: DataSettings = field(default_factory=DataSettings)
    """The clips."""
    input: InputSettings = field(default_factory=InputSettings)
    """What the network sees."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """Copies of training clips."""
    network: NetworkSettings = field(default_factory=NetworkSettings)
    """What learns."""
    learn: LearnSettings = field(default_factory=LearnSettings)
    """How it learns."""

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
        """Every setting, as JSON has it."""
        body: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return body

    def decisive(self) -> dict[str, Any]:
        """Every setting that the result depends on: all but what only describes it."""
        return {key: value for key, value in self.to_json().items() if key not in {"what", "claim"}}


def digest(body: object) -> str:
    """The first 16 hex digits of a checksum over what ``json.dumps`` takes."""
    text = json.dumps(body, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
