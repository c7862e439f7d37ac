"""The clips of an experiment: the class of each, and its part in training, validation or test.

The article takes five emotions of RAVDESS, spoken and sung: ten classes by gender, or five of one gender
alone. The five, with neutral in one case, are then grouped into three or two classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

import numpy as np

from serd.model.labels import EMOTIONS
from train.article.experiment import Experiment
from train.data.clips import Actors, Clip, CorpusError, Gender, fingerprint, format_actors
from train.data.corpora import CORPORA, ReadSettings, find_training_clips, ravdess, title_of
from train.data.leaks import check_no_leak
from train.data.protocols import PROTOCOLS, protocol_corpora
from train.data.splits import ClipSplit, protocol_splits

_FIVE: Final = {name: name for name in ("angry", "calm", "fearful", "happy", "sad")}
_NEGATIVE: Final = dict.fromkeys(("angry", "fearful", "sad"), "negative")
_THREE: Final = {**_NEGATIVE, "calm": "neutral", "neutral": "neutral", "happy": "positive"}
_TWO: Final = {**_NEGATIVE, "calm": "positive", "happy": "positive"}
_TEN: Final = {
    gender: {emotion: f"{gender}_{emotion}" for emotion in _FIVE} for gender in ("female", "male")
}

_CLASSES: Final[Mapping[str, Mapping[Gender, Mapping[str, str]]]] = {
    "ten": {"female": _TEN["female"], "male": _TEN["male"]},
    "men": {"male": _FIVE},
    "women": {"female": _FIVE},
    "men3": {"male": _THREE},
    "men2": {"male": _TWO},
    "women3": {"female": _THREE},
    "women2": {"female": _TWO},
}
"""Class of each emotion by set and gender; other emotions are in no class."""

ARTICLE_SETS: Final = tuple(_CLASSES)
"""Names of the sets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleSet:
    """A set of the article: some clips with the class of each."""

    name: str
    """One of ``ARTICLE_SETS``."""
    labels: tuple[str, ...]
    """Names of the classes, in alphabetical order: "angry", or "female_angry" in the set of ten."""
    members: Mapping[int, int]
    """Index of the class by index of the clip, ascending; other clips are not in the set."""


def article_labels(name: str) -> tuple[str, ...]:
    """Names of a set's classes.

    Raises:
        CorpusError: no such set.
    """
    if name not in _CLASSES:
        raise CorpusError(f"Bad set {name!r}, expected one of: {', '.join(_CLASSES)}")
    return tuple(sorted({label for names in _CLASSES[name].values() for label in names.values()}))


def article_set(clips: Sequence[Clip], name: str) -> ArticleSet:
    """The clips of RAVDESS in a set, spoken and sung, of all actors.

    Args:
        clips: the clips, by index; those of other corpora are in no set.
        name: one of ``ARTICLE_SETS``.

    Raises:
        CorpusError: no such set, or a class without a clip.
    """
    labels = article_labels(name)
    members = {}
    for index, clip in enumerate(clips):
        label = _CLASSES[name].get(clip.gender, {}).get(clip.emotion)
        if label is not None and clip.corpus == ravdess.NAME:
            members[index] = labels.index(label)
    missing = [label for number, label in enumerate(labels) if number not in members.values()]
    if missing:
        raise CorpusError(f"{name}: no clip of {', '.join(missing)}; each of its classes needs some")
    return ArticleSet(name=name, labels=labels, members=members)


@dataclass(frozen=True, kw_only=True)
class Data:
    """All clips, and the replaced test actors."""

    clips: tuple[Clip, ...]
    """The clips."""
    left_out: tuple[str, ...] = ()
    """One line for each unused file."""
    holdout: Actors = frozenset()
    """Actors tested in place of the article's; empty for the article's own."""
    sounds: Mapping[Path, str]
    """Key of the sound of each clip's file; clips that sound the same share it."""

    @cached_property
    def fingerprint(self) -> str:
        """Checksum over the names and sizes of the files."""
        return fingerprint(self.clips)

    @cached_property
    def digests(self) -> dict[int, str]:
        """Key of each clip's sound by index."""
        return {index: self.sounds[clip.path] for index, clip in enumerate(self.clips)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """The clips of one fold of an experiment."""

    labels: tuple[str, ...]
    """Names of the classes."""
    truth: Mapping[int, int]
    """Class by index of the clip."""
    learnt: Mapping[int, int]
    """Label of each training clip: its class, unless labels are shuffled."""
    split: ClipSplit
    """Training, validation and test clips."""
    test_actors: str
    """Actors of the test clips."""
    notes: tuple[str, ...]
    """Remarks on its metrics."""


def load_data(
    root: Path,
    *,
    also: Sequence[Path] = (),
    holdout: Actors = frozenset(),
    is_quick: bool = False,
    has_all_actors: bool = False,
    protocol: str = "",
    settings: ReadSettings | None = None,
) -> Data:
    """The clips below a folder.

    Args:
        root: folder that holds RAVDESS, or the corpora that the protocol tests.
        also: folders that hold other corpora, for training only.
        holdout: actors tested in place of the article's 21 to 24.
        is_quick: whether to reduce the clips to one of each kind of a few actors.
        has_all_actors: whether to keep all actors nevertheless.
        protocol: protocol that says which corpora ``root`` is read for; RAVDESS for an empty one.
        settings: table, labels and duplicates; None for the defaults.

    Raises:
        CorpusError: no folder, no clip in it, or no clip of an actor that is to be held out.
    """
    judged = protocol_corpora(protocol)
    corpus = find_training_clips(root, also, corpora=judged, settings=settings)
    own = frozenset(clip.actor for clip in corpus.clips if clip.corpus in judged)
    if absent := holdout - own:
        there = format_actors(own)
        raise CorpusError(f"--holdout: no clip of actor {format_actors(absent)}; there are {there}")
    clips = corpus.clips
    if is_quick:
        others = corpus.actors - own
        kept = corpus.actors if has_all_actors else _few_actors(clips, holdout) | others
        clips = _one_of_each_kind(clips, kept)
    return Data(clips=clips, left_out=corpus.left_out, holdout=holdout, sounds=corpus.sounds)


def parts(experiment: Experiment, data: Data, *, seed: int) -> tuple[Part, ...]:
    """The folds of an experiment, one or more.

    Args:
        experiment: the experiment, with its set and protocol.
        data: the clips.
        seed: seed of validation clips and shuffled labels.

    Raises:
        CorpusError: a test actor is missing, or a class has no clip to learn from.
        LeakError: the split is leaky without being marked as such.
    """
    settings = experiment.data
    is_eight = settings.set == "eight"
    labels: tuple[str, ...] = EMOTIONS
    if is_eight:
        truth = {index: clip.label for index, clip in enumerate(data.clips)}
    else:
        chosen = article_set(data.clips, settings.set)
        labels, truth = chosen.labels, dict(chosen.members)
    splits = protocol_splits(
        settings.protocol,
        data.clips,
        seed=seed,
        with_song=settings.song,
        test_actors=data.holdout if settings.protocol == "article" else frozenset(),
        members=truth.keys(),
        song_in_test=False if is_eight else None,
        digests=data.digests,
    )
    made = []
    for split in splits:
        check_no_leak(data.clips, split, digests=data.digests)
        made.append(_part(experiment, data, split, labels, truth, seed))
    return tuple(made)


def _part(
    experiment: Experiment,
    data: Data,
    split: ClipSplit,
    labels: Sequence[str],
    truth: Mapping[int, int],
    seed: int,
) -> Part:
    required = split.emotions if experiment.data.set == "eight" else tuple(labels)
    missing = _without_clips(labels, truth, split.train, required)
    if missing:
        raise CorpusError(f"{experiment.name}, {split.name}: no clip of {missing} to learn from")
    actors = format_actors({data.clips[index].actor for index in split.test})
    notes = []
    if data.holdout and experiment.data.protocol == "article":
        theirs = format_actors(PROTOCOLS["article"][0])
        notes.append(f"holdout {format_actors(data.holdout)} in place of {theirs}")
    if others := {data.clips[index].corpus for index in split.train} - _tested_corpora(data, split):
        notes.append(
            f"trained on {', '.join(title_of(name) for name in CORPORA if name in others)} as well"
        )
    if split.is_leaky:
        notes.append("leaky: test clips are of training actors, and are the validation clips")
    if experiment.augment.is_leaky:
        notes.append("leaky: most validation clips are copies of training clips, or have one among them")
    if untested := _without_clips(labels, truth, split.test, required):
        notes.append(f"no test clip of {untested}")
    if experiment.data.shuffle_labels:
        notes.append("training labels shuffled: chance is what is right here")
    learnt = {index: truth[index] for index in split.train}
    if experiment.data.shuffle_labels:
        shuffled = np.random.default_rng(seed).permutation(list(learnt.values())).tolist()
        learnt = dict(zip(learnt, shuffled, strict=True))
    return Part(
        labels=tuple(labels),
        truth=truth,
        learnt=learnt,
        split=split,
        test_actors=actors,
        notes=tuple(notes),
    )


def _tested_corpora(data: Data, split: ClipSplit) -> set[str]:
    return {data.clips[index].corpus for index in split.test}


def _without_clips(
    labels: Sequence[str], truth: Mapping[int, int], clips: Sequence[int], required: Sequence[str]
) -> str:
    """Names of the required classes without a clip."""
    there = {labels[truth[index]] for index in clips}
    return ", ".join(label for label in required if label not in there)


def _few_actors(clips: Sequence[Clip], holdout: Actors) -> Actors:
    """The test actors, and two men and two women for training."""
    test = holdout or PROTOCOLS["article"][0]
    kept = set(test)
    for gender in ("male", "female"):
        actors = dict.fromkeys(clip.actor for clip in clips if clip.gender == gender)
        kept.update([actor for actor in actors if actor not in test][:2])
    return frozenset(kept)


def _one_of_each_kind(clips: Sequence[Clip], actors: Actors) -> tuple[Clip, ...]:
    """The first clip of each actor, channel and emotion."""
    kept: dict[tuple[str, str, str], Clip] = {}
    for clip in clips:
        if clip.actor in actors:
            kept.setdefault((clip.actor, clip.channel, clip.emotion), clip)
    return tuple(kept.values())
