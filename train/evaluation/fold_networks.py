"""The networks of a run's folds, and the speech that each was not trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serd.model.card import ModelCard
from serd.model.file import read_model
from train.data.clips import Actors, Clip, CorpusError, format_actors, parse_actors
from train.data.splits import is_tested
from train.evaluation.predictions import front_end


@dataclass(frozen=True, kw_only=True, slots=True)
class FoldNetwork:
    """A fold's network."""

    path: Path
    """The .tflite file."""
    card: ModelCard
    """Its card."""

    @property
    def test(self) -> Actors:
        """Its test actors."""
        return parse_actors(str(self.card.training["test_actors"]))

    @property
    def held_out_noise(self) -> str:
        """The noise fold that it was not trained on; empty if it was trained without noise."""
        return str(self.card.training.get("unheard_noise", ""))

    @property
    def held_out_sentence(self) -> str:
        """The sentence of RAVDESS that it was not trained on and is scored on; empty for all."""
        return str(self.card.training.get("unheard_sentence", ""))

    @property
    def protocol(self) -> str:
        """The protocol of its run; empty for a network from before cards had it."""
        return str(self.card.training.get("protocol", ""))

    @property
    def input_key(self) -> tuple[object, ...]:
        """Key of networks with the same test clips, noise, front end and labels."""
        held_out = frozenset(self.test), self.held_out_noise, self.held_out_sentence
        return *held_out, self.card.labels, *front_end(self.card)

    def held_out_speech(self, clips: Sequence[Clip]) -> list[Clip]:
        """The speech of its test actors among some clips.

        Raises:
            CorpusError: there is none.
        """
        own = (clip for clip in clips if clip.actor in self.test and clip.channel == "speech")
        speech = [clip for clip in own if is_tested(clip, self.held_out_sentence)]
        if not speech:
            raise CorpusError(f"{self.path}: no clip of its test actors {format_actors(self.test)}")
        return speech


def fold_networks(run: Path) -> list[FoldNetwork]:
    """The networks of a run's folds, by file name.

    Raises:
        CorpusError: there is none in the folder, or not one of each fold of its protocol.
    """
    paths = sorted(run.glob("model-*.tflite"))
    if not paths:
        raise CorpusError(f"{run}: no fold's network (model-*.tflite) in it; fit with --protocol first")
    networks = [FoldNetwork(path=path, card=read_model(path)[1]) for path in paths]
    n_folds = networks[0].card.training.get("n_folds", len(networks))  # cards of 0.2.0 lack it
    if len(networks) < n_folds:
        raise CorpusError(
            f"{run}: networks of {len(networks)} folds of {networks[0].protocol}, expected {n_folds};"
            " the same fit command trains the others"
        )
    return networks
