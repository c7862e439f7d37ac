"""Selection of the clips of an evaluation, without the model's training actors."""

from dataclasses import dataclass
from typing import Final, Literal

from serd.model.card import ModelCard
from train.data.clips import (
    Actors,
    Channel,
    Clip,
    Corpus,
    CorpusError,
    corpus_of,
    format_actors,
    parse_actors,
)
from train.data.protocols import LEFT_OUT, LEFT_OUT_CORPORA, PROTOCOLS

ChannelChoice = Literal["speech", "song", "all"]
CHANNELS: Final[tuple[ChannelChoice, ...]] = ("speech", "song", "all")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Requested actors and channel."""

    actors: Actors = frozenset()
    """Actors; empty for all, or for those of the protocol."""
    protocol: str = ""
    """One of ``ACTOR_PROTOCOLS``, whose test actors are scored unless the model was trained on them."""
    channel: ChannelChoice = "speech"
    """Channel that is scored."""
    allow_seen: bool = False
    """Whether training actors may be scored."""
    early_s: float = 0.0
    """Speech in an utterance at which its early estimate is scored, in seconds; 0 for whole clips."""
    has_noise: bool = False
    """Whether the clips are scored in noise, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Selection:
    """The clips to score."""

    clips: tuple[Clip, ...]
    """One or more clips, in the order of the corpus."""
    seen: Actors
    """Their actors that the model was trained on."""
    remarks: tuple[str, ...]
    """Remarks on the selection."""

    @property
    def actors(self) -> Actors:
        """Every actor that has a clip."""
        return frozenset(clip.actor for clip in self.clips)


def trained_actors(card: ModelCard) -> Actors | None:
    """Training and validation actors of a model; None if its card has none."""
    named = [card.training.get(key, "") for key in ("actors", "validation_actors")]
    try:
        actors = frozenset[str]().union(*(parse_actors(text) for text in named))
    except (AttributeError, CorpusError):
        return None
    return actors or None


def select(corpus: Corpus, card: ModelCard, request: Request) -> Selection:
    """Select the clips.

    Args:
        corpus: all clips.
        card: card of the model, with its training actors.
        request: requested actors and channel.

    Raises:
        CorpusError: an actor is missing or a training actor, no test actor of the protocol is left, or
            there is no clip of the channel.
    """
    trained = trained_actors(card)
    remarks = []
    if trained is None:
        remarks.append(
            "the model's card does not name its training actors: the metrics may include some of them"
        )
    if request.protocol:
        chosen, more = _of_protocol(corpus.actors, trained or frozenset(), request)
        remarks += more
    else:
        missing = request.actors - corpus.actors
        if missing:
            raise CorpusError(
                f"no clip of actor {format_actors(missing)}; there are actors"
                f" {format_actors(corpus.actors)}"
            )
        chosen = request.actors or corpus.actors
    seen = chosen & (trained or frozenset())
    if seen and not request.allow_seen:
        raise CorpusError(_seen_line(seen, chosen, corpus.actors))
    wanted: tuple[Channel, ...] = ("speech", "song") if request.channel == "all" else (request.channel,)
    clips = tuple(clip for clip in corpus.clips if clip.actor in chosen and clip.channel in wanted)
    silent = chosen - {clip.actor for clip in clips}
    if not clips:
        raise CorpusError(f"no {request.channel} clip of actors {format_actors(chosen)} to score")
    if silent:
        remarks.append(f"no {request.channel} clip of actors {format_actors(silent)}")
    return Selection(clips=clips, seen=seen - silent, remarks=tuple(remarks))


def _of_protocol(present: Actors, trained: Actors, request: Request) -> tuple[Actors, list[str]]:
    """Available test actors of a protocol without training actors, and remarks."""
    name = request.protocol
    test = _left_out(present, trained) if name == LEFT_OUT else frozenset[str]().union(*PROTOCOLS[name])
    missing, here = test - present, test & present
    if not here:
        raise CorpusError(
            f"none of the test actors of {name} ({format_actors(test)}) is here; there are actors"
            f" {format_actors(present)}"
        )
    remarks = []
    if missing:
        remarks.append(
            f"test actors {format_actors(missing)} of {name} are missing: these are not figures of the"
            " whole protocol"
        )
    if request.allow_seen:
        return here, remarks
    unseen = here - trained
    if not unseen:
        raise CorpusError(
            f"the model was trained on every test actor of {name} that is here"
            f" ({format_actors(here)}), and scoring them would flatter it: add --allow-seen"
        )
    if here & trained:
        remarks.append(
            f"test actors {format_actors(here & trained)} of {name} are left out: the model was trained"
            " on them"
        )
    return unseen, remarks


def _left_out(present: Actors, trained: Actors) -> Actors:
    """Actors of the corpora of which the model was trained on nobody; of all where it was on each."""
    learnt = {corpus_of(actor) for actor in trained}
    named = {actor for actor in present if corpus_of(actor) in LEFT_OUT_CORPORA}
    return frozenset(actor for actor in named if corpus_of(actor) not in learnt) or frozenset(named)


def _seen_line(seen: Actors, chosen: Actors, present: Actors) -> str:
    unseen = present - seen if chosen == present else chosen - seen
    instead = f"choose others (--actors {format_actors(unseen)}) or " if unseen else ""
    return (
        f"the model was trained on actors {format_actors(seen)}, according to its card, and scoring them"
        f" would flatter it: {instead}add --allow-seen"
    )
