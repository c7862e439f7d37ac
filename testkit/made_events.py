"""Events with fixed content, and a maker with fixed ids and clock."""

import itertools
from collections.abc import Iterable, Iterator

from serd.events.event import Event, EventMaker, ModelReference
from serd.model.card import ModelCard
from serd.model.decision import Decision, Kind
from serd.model.labels import VALENCE

_MODEL = ModelReference(name="serd-ravdess8", version="1.0.0", sha256="0" * 64)


def make_event(
    number: int = 1,
    *,
    emotion: str = "happy",
    kind: Kind = "utterance",
    node: str = "pi",
    source: str = "mic",
    confidence: float = 0.87,
    end_s: float = 13.0,
    time: str = "2025-03-01T12:30:15.250+00:00",
    provisional: bool = False,
) -> Event:
    """An event whose id is its number."""
    return Event(
        schema=1,
        id=str(number),
        kind=kind,
        time=time,
        node=node,
        source=source,
        emotion=emotion,
        confidence=confidence,
        scores={emotion: confidence, "sad": round(1 - confidence, 4)},
        valence=VALENCE.get(emotion, "neutral"),
        start_s=end_s - 3.0,
        end_s=end_s,
        speech_ratio=0.9,
        level_dbfs=-23.5,
        latency_ms=4.2,
        model=_MODEL,
        provisional=provisional,
    )


def counting_maker(card: ModelCard) -> EventMaker:
    """An event maker with ids counted from 0 and a clock that does not advance."""
    ids = itertools.count()
    return EventMaker(
        node="pi",
        source="mic",
        card=card,
        new_id=lambda: str(next(ids)),
        monotonic=lambda: 0.0,
    )


def events_of(decisions: Iterable[Decision], maker: EventMaker) -> Iterator[Event]:
    """Yield the events of the decisions that the model takes for speech."""
    return (maker.make(decision) for decision in decisions if decision.is_speech)
