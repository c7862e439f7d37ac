"""Training and test actors of a run of ``fit``, checked before anything slow begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from serd.model.labels import EMOTIONS
from train.data.clips import Actors, Corpus, CorpusError, Split, fewer, format_actors, split_actors
from train.data.corpora import find_training_clips, ravdess
from train.data.protocols import left_alone, protocol_folds
from train.features.noise import noise_folds


@dataclass(frozen=True, kw_only=True, slots=True)
class FitPlan:
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
    left_alone: Actors = frozenset()
    """Actors that are there and not in ``corpus``, since the protocol leaves them alone."""


def plan_fit(
    root: Path,
    *,
    also: Sequence[Path] = (),
    with_song: bool = True,
    test: Actors = frozenset(),
    validation: Actors = frozenset(),
    protocol: str = "",
) -> FitPlan:
    """Find the clips below a folder and give every actor a part.

    Actors that a protocol leaves alone, such as 21 to 24 in dev5, are learnt from by no model: neither
    by those of its folds nor by the one that is written. They may be held out and scored.

    Args:
        root: folder that holds RAVDESS.
        also: folders that hold other corpora, which are learnt from alone.
        with_song: whether sung clips are learnt from as well.
        test: actors held out and scored at the end.
        validation: actors held out and looked at after each epoch.
        protocol: one of ``PROTOCOLS``, or empty.

    Raises:
        CorpusError: no clip, an actor missing or in two groups, no such protocol, a group of test
            actors without speech or of several corpora, validation actors of another corpus than
            RAVDESS, or an emotion that nobody who is learnt from shows.
    """
    found = find_training_clips(root, also, with_song=with_song)
    own = frozenset(clip.actor for clip in found.clips if clip.corpus == ravdess.NAME)
    if test & own and test - own:
        raise CorpusError(
            f"actors {format_actors(test)}: those of RAVDESS and of another corpus are scored apart,"
            " since they do not show the same emotions"
        )
    if others := (validation & found.actors) - own:
        raise CorpusError(
            f"actor {format_actors(others)} is of another corpus than RAVDESS, whose clips are never"
            " validation clips"
        )
    folds = protocol_folds(protocol, own) if protocol else ()
    alone = (left_alone(protocol) & own) - test - validation
    corpus = replace(found, clips=tuple(clip for clip in found.clips if clip.actor not in alone))
    split = split_actors(corpus.actors, test=test, validation=validation)
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
    return FitPlan(
        root=root, corpus=corpus, split=split, protocol=protocol, folds=folds, left_alone=alone
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """One network to make."""

    name: str
    """What lines about it begin with."""
    split: Split
    """Who is learnt from, and who is held out."""
    calibrators: Actors
    """Of those held out, the speakers by whom a temperature is fitted; it is not that of the network
    that they are scored by."""
    stem: str
    """What its files in the work folder are called."""
    without_noise: str = ""
    """The part of the recordings of noise that it does not hear."""


def fold_targets(plan: FitPlan, recorded: Sequence[Path], *, n_actors: int) -> tuple[Target, ...]:
    """The networks of a protocol's folds, each of which leaves another part of the noise unheard.

    Args:
        plan: the folds.
        recorded: recordings of noise.
        n_actors: actors of RAVDESS that a network learns from at most; 0 for all.
    """
    parts = noise_folds(recorded)
    parts = parts if len(parts) > 1 else ("",)
    return tuple(
        Target(
            name=f"{plan.protocol} {number + 1}/{len(plan.folds)}",
            split=fewer(split_actors(plan.corpus.actors, test=test), n_actors=n_actors),
            calibrators=test,
            stem=_stem(test),
            without_noise=parts[number % len(parts)],
        )
        for number, test in enumerate(plan.folds)
    )


def last_target(plan: FitPlan, *, n_actors: int) -> Target:
    """The network that is written."""
    split = fewer(plan.split, n_actors=n_actors)
    return Target(
        name=f"actors {format_actors(split.train)}",
        split=split,
        calibrators=split.validation,
        stem=f"actors-{_stem(split.train)}",
    )


def _stem(actors: Actors) -> str:
    return format_actors(actors).replace(":", "-")
