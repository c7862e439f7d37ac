"""Splits of clips into training, validation and test clips."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

import numpy as np

from serd.model.labels import EMOTIONS
from train.data.clips import RAVDESS, Actors, Clip, CorpusError, Split
from train.data.duplicates import groups_of
from train.data.protocols import (
    LEAKY,
    left_alone,
    protocol_corpora,
    protocol_folds,
    scored_emotions,
    tested_sentences,
)

_HELD_OUT: Final = 5
"""Every fifth clip is held out where clips are split by file: the article's ratio 8:2."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClipSplit:
    """Indices of clips, ascending in each part."""

    name: str
    """The protocol, with the number of the fold where there are several: "dev5 2/5"."""
    train: tuple[int, ...]
    """Training clips, the only ones with augmented copies."""
    validation: tuple[int, ...]
    """Clips scored after each epoch."""
    test: tuple[int, ...]
    """Clips scored once, at the end."""
    is_leaky: bool = False
    """Whether training actors are tested, and validation clips are test clips, on purpose."""
    is_validated_by_clip: bool = False
    """Whether validation clips may be of training actors."""
    is_by_sentence: bool = False
    """Whether no sentence of RAVDESS is both a training and a test sentence."""
    emotions: tuple[str, ...] = EMOTIONS
    """Emotions to which the decisions on test clips are restricted."""


def protocol_splits(
    name: str,
    clips: Sequence[Clip],
    *,
    seed: int,
    with_song: bool = True,
    test_actors: Actors = frozenset(),
    members: Collection[int] | None = None,
    song_in_test: bool | None = None,
    digests: Mapping[int, str] | None = None,
) -> tuple[ClipSplit, ...]:
    """One split for each fold of a named protocol.

    ``article`` tests actors 21 to 24 and splits the clips of the others 8:2 into training and
    validation, by clip, as the article did; clips that sound the same stay together. ``leaky`` splits
    all clips 8:2 by file and tests on its validation clips: the leak that the article found. The others
    validate on one man and one woman, drawn from the fold's training actors. ``text`` tests each fold of
    ``dev5`` on each sentence and trains on the other one. Where there is a corpus that the protocol
    tests, clips of other corpora are training clips only. The article's test actors are in no part of
    ``dev5``, ``all5``, ``text`` and ``left-out-corpus``, nor of ``article`` if other test actors are
    given.

    Args:
        name: one of ``SPLIT_PROTOCOLS``, or "leaky".
        clips: the clips, by index.
        seed: draws validation clips and actors; 0 or above.
        with_song: whether sung clips are in any part.
        test_actors: actors tested in place of the article's own; for ``article`` alone.
        members: indices of the clips that may be in a part; by default all.
        song_in_test: whether sung clips are validated on and tested. By default they are in ``article``
            and ``leaky``, as in the article, and not in the other protocols, which score speech.
        digests: keys of clips that sound the same (``train.data.duplicates.sound_keys``), by index; None
            for clips that are known to sound different.

    Raises:
        CorpusError: no such protocol, a test actor without a clip, or a part without any.
    """
    is_song_scored = name in {"article", LEAKY} if song_in_test is None else song_in_test
    chosen = sorted(range(len(clips)) if members is None else set(members))
    judged = set(protocol_corpora(name))
    has_own = any(clip.corpus in judged for clip in clips)
    may_judge = [i for i in chosen if not has_own or clips[i].corpus in judged]
    pool = _Pool(
        clips=clips,
        clip_indices=tuple(i for i in chosen if with_song or clips[i].channel == "speech"),
        scored=frozenset(i for i in may_judge if is_song_scored or clips[i].channel == "speech"),
        digests=digests or {},
    )
    splits = list(_folds(name, pool, seed, test_actors))
    for split in splits:
        _check_parts(split)
    return tuple(splits)


def _folds(name: str, pool: "_Pool", seed: int, test_actors: Actors) -> Iterator[ClipSplit]:
    """Yield the split of each fold, with the emotions that its test clips can show."""
    present = frozenset(clip.actor for clip in pool.clips)
    if name == LEAKY:
        if test_actors:
            raise CorpusError(f"{LEAKY} splits by file, so it cannot be given test actors")
        yield pool.split_by_file(seed)
        return
    rest_of_all = present - left_alone(name, test_actors)
    tested = protocol_folds(name, present, test_actors)
    folds = list(product(tested, tested_sentences(name)))
    for number, (test, sentence) in enumerate(folds, start=1):
        title = name if len(folds) == 1 else f"{name} {number}/{len(folds)}"
        rest = rest_of_all - test
        if name == "article":
            split = pool.validated_by_clip(title, rest, test, seed)
        elif sentence:
            split = pool.without_sentence(sentence).validated_by_actor(title, rest, test, [seed, number])
            other = pool.with_sentence(sentence)
            split = replace(split, test=other.scored_of(test), is_by_sentence=True)
        else:
            split = pool.validated_by_actor(title, rest, test, [seed, number])
        corpora = sorted({pool.clips[i].corpus for i in split.test})
        emotions = scored_emotions(name, corpora)
        shown = tuple(i for i in split.test if pool.clips[i].emotion in emotions)
        yield replace(split, test=shown, emotions=emotions)


def clip_split(name: str, clips: Sequence[Clip], actors: Split) -> ClipSplit:
    """The clips of groups of actors.

    Args:
        name: name of the split.
        clips: the clips that the indices count.
        actors: the actors of each part.
    """
    train, validation, test = (
        tuple(index for index, clip in enumerate(clips) if clip.actor in group)
        for group in (actors.train, actors.validation, actors.test)
    )
    return ClipSplit(name=name, train=train, validation=validation, test=test)


def is_learned(clip: Clip, held_out_sentence: str) -> bool:
    """Whether a network may learn from a clip: all but those of a sentence of RAVDESS; "" for none."""
    return not (held_out_sentence and _says(clip, held_out_sentence))


def is_tested(clip: Clip, held_out_sentence: str) -> bool:
    """Whether a network is scored on a clip: those of a sentence of RAVDESS alone; "" for all."""
    return not held_out_sentence or _says(clip, held_out_sentence)


def _says(clip: Clip, sentence: str) -> bool:
    return clip.corpus == RAVDESS and clip.statement == sentence


def sentence_split(split: ClipSplit, clips: Sequence[Clip], sentence: str) -> ClipSplit:
    """A split in which one sentence of RAVDESS is tested alone, and nothing learned from it.

    Args:
        split: a split by actors.
        clips: the clips that the indices count.
        sentence: the sentence; empty for the split as it is.
    """
    train, validation = (
        tuple(index for index in part if is_learned(clips[index], sentence))
        for part in (split.train, split.validation)
    )
    test = tuple(index for index in split.test if is_tested(clips[index], sentence))
    return replace(split, train=train, validation=validation, test=test, is_by_sentence=bool(sentence))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pool:
    """The clips that may be in a split."""

    clips: Sequence[Clip]
    clip_indices: tuple[int, ...]
    scored: frozenset[int]
    digests: Mapping[int, str]

    def without_sentence(self, sentence: str) -> "_Pool":
        """The pool without the clips of a sentence of RAVDESS."""
        kept = (i for i in self.clip_indices if is_learned(self.clips[i], sentence))
        return replace(self, clip_indices=tuple(kept))

    def with_sentence(self, sentence: str) -> "_Pool":
        """The pool with the clips of a sentence of RAVDESS alone."""
        kept = (i for i in self.clip_indices if is_tested(self.clips[i], sentence))
        return replace(self, clip_indices=tuple(kept))

    def split_by_file(self, seed: int) -> ClipSplit:
        held_out = self._every_fifth(self.clip_indices, seed)
        return ClipSplit(
            name=LEAKY,
            train=tuple(i for i in self.clip_indices if i not in held_out),
            validation=tuple(sorted(held_out)),
            test=tuple(sorted(held_out)),
            is_leaky=True,
            is_validated_by_clip=True,
        )

    def validated_by_clip(self, name: str, rest: Actors, test: Actors, seed: int) -> ClipSplit:
        of_rest = self._of(rest)
        validation = self._every_fifth(of_rest, seed)
        return ClipSplit(
            name=name,
            train=tuple(i for i in of_rest if i not in validation),
            validation=tuple(sorted(validation)),
            test=self.scored_of(test),
            is_validated_by_clip=True,
        )

    def validated_by_actor(
        self, name: str, rest: Actors, test: Actors, seed: Sequence[int]
    ) -> ClipSplit:
        validation = self._one_of_each_gender(rest, seed)
        return ClipSplit(
            name=name,
            train=self._of(rest - validation),
            validation=self.scored_of(validation),
            test=self.scored_of(test),
        )

    def _of(self, actors: Actors) -> tuple[int, ...]:
        return tuple(i for i in self.clip_indices if self.clips[i].actor in actors)

    def scored_of(self, actors: Actors) -> tuple[int, ...]:
        """Indices of the clips of some actors that may be validated on and tested."""
        return tuple(i for i in self._of(actors) if i in self.scored)

    def _every_fifth(self, indices: Iterable[int], seed: int) -> frozenset[int]:
        """A fifth of the scored clips, drawn systematically.

        Every fifth from a drawn start, in the order of gender, emotion and channel, by lot within. Any
        run of neighbouring classes is thus split 8:2 as exactly as its number of clips allows, which is
        how the article's sets come out as it counts them, all five classes of a gender being neighbours.
        """
        rng = np.random.default_rng(seed)
        drawn = rng.permutation([i for i in indices if i in self.scored]).tolist()
        drawn.sort(key=lambda i: self._stratum(self.clips[i]))
        return self._kept_together(drawn, set(drawn[int(rng.integers(_HELD_OUT)) :: _HELD_OUT]))

    def _kept_together(self, drawn: Sequence[int], held_out: set[int]) -> frozenset[int]:
        """The held-out clips, each that sounds like another one exchanged for its nearest neighbor.

        The neighbor sounds like no other clip, so as many clips are held out as before.
        """
        alike = {
            drawn[place]: group
            for group in groups_of([self.digests.get(i, str(i)) for i in drawn])
            for place in group
        }
        for place, index in enumerate(drawn):
            twins = {drawn[each] for each in alike.get(index, ())}
            if index not in held_out or twins <= held_out:
                continue
            others = [i for i, each in enumerate(drawn) if each not in held_out and each not in alike]
            if others:
                held_out.add(drawn[min(others, key=lambda other: abs(other - place))])
            held_out.remove(index)
        return frozenset(held_out)

    @staticmethod
    def _stratum(clip: Clip) -> tuple[str, int, str]:
        return clip.gender, clip.label, clip.channel

    def _one_of_each_gender(self, rest: Actors, seed: Sequence[int]) -> Actors:
        """One man and one woman with scored clips, or one speaker where no gender is known."""
        rng = np.random.default_rng(seed)
        candidates = [self.clips[i] for i in self.scored_of(rest)]
        drawn = set()
        for gender in ("male", "female"):
            names = sorted({clip.actor for clip in candidates if clip.gender == gender})
            if names:
                drawn.add(str(rng.choice(names)))
        if candidates and not drawn:
            drawn.add(str(rng.choice(sorted({clip.actor for clip in candidates}))))
        return frozenset(drawn)


def _check_parts(split: ClipSplit) -> None:
    """Refuse a split with an empty part."""
    for part, what in (
        (split.train, "learn from"),
        (split.validation, "validate on"),
        (split.test, "test"),
    ):
        if not part:
            raise CorpusError(f"{split.name}: no clip is left to {what}")
