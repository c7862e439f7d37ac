"""Who is learnt from and who is scored, decided and checked before anything slow begins."""

from dataclasses import dataclass
from pathlib import Path

from serd.labels import EMOTIONS
from train.actors import Actors, Split, format_actors, split_actors
from train.clips import Corpus, CorpusError
from train.corpora import find_clips
from train.protocols import protocol_folds


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A corpus with the parts that its actors play."""

    root: Path
    """Folder of the clips."""
    corpus: Corpus
    """The clips."""
    split: Split
    """Actors of the model that is to be written."""
    protocol: str = ""
    """Name of the protocol whose folds are trained and scored first; empty for none."""
    folds: tuple[Actors, ...] = ()
    """Test actors of each of its folds."""


def make_plan(
    root: Path,
    *,
    with_song: bool = True,
    test: Actors = frozenset(),
    validation: Actors = frozenset(),
    protocol: str = "",
) -> Plan:
    """Find the clips below a folder and give every actor a part.

    Args:
        root: folder that holds RAVDESS.
        with_song: whether sung clips are learnt from as well.
        test: actors held out and scored at the end.
        validation: actors held out and looked at after each epoch.
        protocol: one of ``PROTOCOLS``, or empty.

    Raises:
        CorpusError: no clip, an actor missing or in two groups, no such protocol, a group of test
            actors without speech, or an emotion that nobody who is learnt from shows.
    """
    corpus = find_clips(root, with_song=with_song)
    split = split_actors(corpus.actors, test=test, validation=validation)
    folds = protocol_folds(protocol, corpus.actors) if protocol else ()
    speakers = {clip.actor for clip in corpus.clips if clip.channel == "speech"}
    for actors in (test, *folds):
        if actors and not actors & speakers:
            raise CorpusError(f"no speech clip of actors {format_actors(actors)} to score")
    for train in (split.train, *(corpus.actors - fold for fold in folds)):
        learnt = {clip.emotion for clip in corpus.clips if clip.actor in train}
        if absent := [emotion for emotion in EMOTIONS if emotion not in learnt]:
            raise CorpusError(
                f"no clip of {', '.join(absent)} by actors {format_actors(train)} to learn from; the"
                f" model needs clips of each emotion"
            )
    return Plan(root=root, corpus=corpus, split=split, protocol=protocol, folds=folds)
