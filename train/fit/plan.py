"""Training and test actors of a run of ``fit``, checked before anything slow begins."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import (
    Actors,
    Clip,
    Corpus,
    CorpusError,
    Split,
    corpus_of,
    fewer,
    format_actors,
    named_or_counted,
    split_actors,
)
from train.data.corpora import (
    ReadSettings,
    classes_of,
    corpora_to_fit,
    find_training_clips,
    labeled_corpora,
    title_of,
)
from train.data.protocols import (
    left_alone,
    protocol_corpora,
    protocol_folds,
    scored_emotions,
    tested_sentences,
)
from train.data.splits import is_learned
from train.features.noise import noise_fold, noise_folds

_LEAST_EMOTIONS: Final = 2
_LONGEST_STEM: Final = 100
"""Characters of actors in a file's name, of which file systems take 255."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fold:
    """What a fold of a protocol holds out."""

    test: Actors
    """Its test actors."""
    sentence: str = ""
    """The sentence of RAVDESS that is tested alone, and learned from by nobody; empty for none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FitPlan:
    """A corpus split into training, validation and test actors."""

    root: Path
    """Folder of the clips."""
    also: tuple[Path, ...] = ()
    """Folders of other corpora."""
    settings: ReadSettings = field(default_factory=ReadSettings)
    """Table, labels and duplicates with which the clips were read."""
    corpus: Corpus
    """The clips."""
    split: Split
    """Training, validation and test actors of the final model."""
    protocol: str = ""
    """Protocol whose folds are trained and scored first; empty for none."""
    folds: tuple[Fold, ...] = ()
    """Its folds."""
    left_alone: Actors = frozenset()
    """Actors excluded from ``corpus`` by the protocol."""

    def fold_split(self, fold: Fold) -> Split:
        """The split of a fold, whose network learns from no test actor of the final one either."""
        present = (self.corpus.actors - self.split.test) | fold.test
        return split_actors(present, test=fold.test)

    def absent_emotions(self, train: Actors, sentence: str = "") -> tuple[str, ...]:
        """The emotions that no clip has which a network may learn from.

        Args:
            train: its training actors.
            sentence: the sentence of RAVDESS that is held out; empty for none.
        """
        learned = (clip for clip in self.corpus.clips if is_learned(clip, sentence))
        shown = {clip.emotion for clip in learned if clip.actor in train}
        return tuple(emotion for emotion in EMOTIONS if emotion not in shown)

    def scored_emotions(self, actors: Actors) -> tuple[str, ...]:
        """The emotions of test actors' clips that are scored, to which decisions are restricted."""
        return scored_emotions(self.protocol, sorted({corpus_of(actor) for actor in actors}))


def plan_fit(
    root: Path,
    *,
    also: Sequence[Path] = (),
    with_song: bool = True,
    test: Actors = frozenset(),
    validation: Actors = frozenset(),
    protocol: str = "",
    settings: ReadSettings | None = None,
) -> FitPlan:
    """Find the clips below a folder, and split them by actor.

    Actors that a protocol excludes, such as 21 to 24 in dev5, are training actors neither of its folds
    nor of the final model. They may be test actors. Test actors are training actors of no fold either.

    Args:
        root: folder that holds the corpora that the protocol tests; without a protocol RAVDESS or, if it
            has no clip of that, any corpora.
        also: folders that hold other corpora, for training only.
        with_song: whether sung clips are training clips.
        test: test actors.
        validation: validation actors.
        protocol: one of ``SPLIT_PROTOCOLS``, or empty.
        settings: table, labels and duplicates; None for the defaults.

    Raises:
        CorpusError: no clip, an actor missing or in two groups, no such protocol, a group of test
            actors without speech or of several corpora, validation actors of another corpus than
            those in ``root``, or an emotion without a training clip that a corpus has.
    """
    judged = protocol_corpora(protocol) if protocol else corpora_to_fit(root)
    is_any = judged == labeled_corpora()
    found = find_training_clips(
        root, also, corpora=judged, settings=settings, with_song=with_song, with_folders=is_any
    )
    own = frozenset(clip.actor for clip in found.clips if clip.corpus in judged)
    _check_held_out(test, validation & found.actors, own, judged)
    tested = protocol_folds(protocol, own) if protocol else ()
    folds = tuple(
        Fold(test=actors, sentence=sentence)
        for actors, sentence in product(tested, tested_sentences(protocol))
    )
    alone = (left_alone(protocol) & own) - test - validation
    corpus = replace(found, clips=tuple(clip for clip in found.clips if clip.actor not in alone))
    split = split_actors(corpus.actors, test=test, validation=validation)
    speakers = {clip.actor for clip in corpus.clips if clip.channel == "speech"}
    for actors in (test, *tested):
        if actors and not actors & speakers:
            raise CorpusError(f"no speech clip of actors {format_actors(actors)} to score")
    plan = FitPlan(
        root=root,
        also=tuple(also),
        settings=settings or ReadSettings(),
        corpus=corpus,
        split=split,
        protocol=protocol,
        folds=folds,
        left_alone=alone,
    )
    _check_emotions(plan)
    return plan


def _check_held_out(test: Actors, validation: Actors, own: Actors, judged: Sequence[str]) -> None:
    """Raise where test or validation actors are of other corpora than those that are judged.

    Args:
        test: test actors.
        validation: validation actors that were found.
        own: actors of the judged corpora.
        judged: these corpora.
    """
    if test & own and test - own:
        raise CorpusError(
            f"test actors {format_actors(test)}: {_titles(judged)} and other corpora do not show the"
            " same emotions; hold out actors of one corpus at a time"
        )
    if others := validation - own:
        raise CorpusError(
            f"validation actors {format_actors(others)}: expected some of {_titles(judged)}, since the"
            " other corpora are for training alone"
        )


def _check_emotions(plan: FitPlan) -> None:
    """Raise where a network has no clip of an emotion that it is scored on, or that its corpora have."""
    corpora = {clip.corpus for clip in plan.corpus.clips}
    possible = {emotion for corpus in corpora for emotion in classes_of(corpus)}
    needs: list[tuple[Actors, str, Collection[str]]] = [(plan.split.train, "", possible)]
    needs += [
        (plan.fold_split(fold).train, fold.sentence, plan.scored_emotions(fold.test))
        for fold in plan.folds
    ]
    for train, sentence, emotions in needs:
        absent = plan.absent_emotions(train, sentence)
        if missing := [emotion for emotion in absent if emotion in emotions]:
            raise CorpusError(
                f"no clip of {', '.join(missing)} by actors {format_actors(train)} to learn from, though"
                " their corpora have them; --also FOLDER adds the clips of others"
            )
        if len(absent) > len(EMOTIONS) - _LEAST_EMOTIONS:
            raise CorpusError(
                f"{plan.root}: every clip has the same emotion; expected two or more to tell apart"
            )


def _titles(corpora: Sequence[str]) -> str:
    return " and ".join(map(title_of, corpora))


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A network to train."""

    name: str
    """Name in log lines."""
    split: Split
    """Training, validation and test actors."""
    calibration_actors: Actors
    """Held-out actors on whose clips a temperature is fitted, for other networks than their own."""
    stem: str
    """Stem of its files in the work folder."""
    without_noise: str = ""
    """Noise fold without training windows; empty for none."""
    sentence: str = ""
    """Sentence of RAVDESS without training windows, and the only one that is scored; empty for none."""

    def learns_from(self, clip: Clip) -> bool:
        """Whether a clip, or a recording of noise, is for training."""
        if clip.is_noise:
            return not self.without_noise or noise_fold(clip.path) != self.without_noise
        return clip.actor in self.split.train and is_learned(clip, self.sentence)


def fold_targets(plan: FitPlan, recorded: Sequence[Path], *, n_actors: int) -> tuple[Target, ...]:
    """The networks of a protocol's folds, each without another noise fold.

    Args:
        plan: the folds.
        recorded: recordings of noise.
        n_actors: most training actors of RAVDESS; 0 for all.
    """
    parts = noise_folds(recorded)
    parts = parts if len(parts) > 1 else ("",)
    return tuple(
        Target(
            name=f"{plan.protocol} {number + 1}/{len(plan.folds)}",
            split=fewer(plan.fold_split(fold), n_actors=n_actors),
            calibration_actors=fold.test,
            stem=_stem(fold.test) + (f"-sentence-{fold.sentence}" if fold.sentence else ""),
            without_noise=parts[number % len(parts)],
            sentence=fold.sentence,
        )
        for number, fold in enumerate(plan.folds)
    )


def last_target(plan: FitPlan, *, n_actors: int) -> Target:
    """The final network."""
    split = fewer(plan.split, n_actors=n_actors)
    return Target(
        name=named_or_counted(split.train),
        split=split,
        calibration_actors=split.validation,
        stem=f"actors-{_stem(split.train)}",
    )


def _stem(actors: Actors) -> str:
    """A name of actors for files, of bounded length."""
    text = format_actors(actors).replace(":", "-")
    if len(text) <= _LONGEST_STEM:
        return text
    return f"{text[:_LONGEST_STEM]}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
