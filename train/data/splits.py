"""Splits of clips into training, validation and test clips, checked for leaks."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from train.data.clips import Actors, Clip, CorpusError, Split, format_actors
from train.data.corpora import clip_key, ravdess
from train.data.duplicates import content_digests
from train.data.protocols import LEAKY, left_alone, protocol_folds

_HELD_OUT: Final = 5
"""Every fifth clip is held out where clips are split by file: the article's ratio 8:2."""


class LeakError(CorpusError):
    """A model would be tested on training data."""


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


def protocol_splits(
    name: str,
    clips: Sequence[Clip],
    *,
    seed: int,
    with_song: bool = True,
    test_actors: Actors = frozenset(),
    members: Collection[int] | None = None,
    song_in_test: bool | None = None,
) -> tuple[ClipSplit, ...]:
    """One split for each fold of a named protocol.

    ``article`` tests actors 21 to 24 and splits the clips of the others 8:2 into training and
    validation, by clip, as the article did. ``dev5``, ``mmer5`` and ``emobox6`` validate on one man
    and one woman, drawn from the fold's training actors. ``leaky`` splits all clips 8:2 by file and
    tests on its validation clips: the leak that the article found. Where there is RAVDESS, clips of
    other corpora are training clips only. The article's test actors are in no part of ``dev5``, nor of
    ``article`` if other test actors are given.

    Args:
        name: one of ``PROTOCOLS``, or "leaky".
        clips: the clips, by index.
        seed: draws validation clips and actors; 0 or above.
        with_song: whether sung clips are in any part.
        test_actors: actors tested in place of the article's own; for ``article`` alone.
        members: indices of the clips that may be in a part; by default all.
        song_in_test: whether sung clips are validated on and tested. By default they are in ``article``
            and ``leaky``, as in the article, and not in the other protocols, which score speech.

    Raises:
        CorpusError: no such protocol, a test actor without a clip, or a part without any.
    """
    is_song_scored = name in {"article", LEAKY} if song_in_test is None else song_in_test
    chosen = sorted(range(len(clips)) if members is None else set(members))
    has_own = any(clip.corpus == ravdess.NAME for clip in clips)
    may_judge = [i for i in chosen if not has_own or clips[i].corpus == ravdess.NAME]
    pool = _Pool(
        clips=clips,
        clip_indices=tuple(i for i in chosen if with_song or clips[i].channel == "speech"),
        scored=frozenset(i for i in may_judge if is_song_scored or clips[i].channel == "speech"),
    )
    present = frozenset(clip.actor for clip in clips)
    splits = []
    if name == LEAKY:
        if test_actors:
            raise CorpusError(f"{LEAKY} splits by file, so it cannot be given test actors")
        splits.append(pool.split_by_file(seed))
    else:
        folds = protocol_folds(name, present, test_actors)
        alone = left_alone(name, test_actors)
        for number, test in enumerate(folds, start=1):
            title = name if len(folds) == 1 else f"{name} {number}/{len(folds)}"
            rest = present - test - alone
            if name == "article":
                splits.append(pool.validated_by_clip(title, rest, test, seed))
            else:
                splits.append(pool.validated_by_actor(title, rest, test, [seed, number]))
    for split in splits:
        _check_parts(split)
    return tuple(splits)


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Pool:
    """The clips that may be in a split."""

    clips: Sequence[Clip]
    clip_indices: tuple[int, ...]
    scored: frozenset[int]

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
            test=self._scored_of(test),
            is_validated_by_clip=True,
        )

    def validated_by_actor(
        self, name: str, rest: Actors, test: Actors, seed: Sequence[int]
    ) -> ClipSplit:
        validation = self._one_of_each_gender(rest, seed)
        return ClipSplit(
            name=name,
            train=self._of(rest - validation),
            validation=self._scored_of(validation),
            test=self._scored_of(test),
        )

    def _of(self, actors: Actors) -> tuple[int, ...]:
        return tuple(i for i in self.clip_indices if self.clips[i].actor in actors)

    def _scored_of(self, actors: Actors) -> tuple[int, ...]:
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
        return frozenset(drawn[int(rng.integers(_HELD_OUT)) :: _HELD_OUT])

    @staticmethod
    def _stratum(clip: Clip) -> tuple[str, int, str]:
        return clip.gender, clip.label, clip.channel

    def _one_of_each_gender(self, rest: Actors, seed: Sequence[int]) -> Actors:
        """One man and one woman with scored clips."""
        rng = np.random.default_rng(seed)
        candidates = [self.clips[i] for i in self._scored_of(rest)]
        drawn = set()
        for gender in ("male", "female"):
            names = sorted({clip.actor for clip in candidates if clip.gender == gender})
            if names:
                drawn.add(str(rng.choice(names)))
        return frozenset(drawn)


def check_no_leak(
    clips: Sequence[Clip], split: ClipSplit, *, digests: Mapping[int, str] | None = None
) -> None:
    """Refuse a split in which a model would be tested on training data.

    Test clips must share no actor, no file and no sound with training or validation clips, and
    validation clips none with training clips. A split that ``is_leaky`` may share actors, and its
    validation clips may be its test clips; ``is_validated_by_clip`` lets validation share actors. An
    augmented copy has the index of its clip, so it is in the part of its clip.

    Args:
        clips: the clips that the indices count.
        split: the parts.
        digests: ``train.data.duplicates.content_digest`` of the clips by index, if known already.

    Raises:
        LeakError: an actor, a clip or a sound is on both sides.
    """
    if digests is None:
        indices = sorted({*split.train, *split.validation, *split.test})
        found = content_digests(clips[index].path for index in indices)
        digests = dict(zip(indices, found, strict=True))
    pairs = [("train", split.train, "test", split.test, split.is_leaky)]
    pairs.append(("train", split.train, "validation", split.validation, split.is_validated_by_clip))
    if not split.is_leaky:
        pairs.append(("validation", split.validation, "test", split.test, False))
    names = {index: clip_key(clip) for index, clip in enumerate(clips)}
    for one, own, other, its, may_share_actors in pairs:
        where = f"{split.name}: leak between {one} and {other}"
        if twice := set(own) & set(its):
            raise LeakError(f"{where}: {clips[min(twice)].path} is in both")
        actors = {clips[i].actor for i in own} & {clips[i].actor for i in its}
        if actors and not may_share_actors:
            raise LeakError(f"{where}: actor {format_actors(actors)} is in both")
        for keys, relation in ((names, "is the same clip as"), (digests, "sounds the same as")):
            seen = {keys[index]: index for index in own}
            for index in its:
                if (twin := seen.get(keys[index])) is not None:
                    raise LeakError(f"{where}: {clips[index].path} {relation} {clips[twin].path}")


def _check_parts(split: ClipSplit) -> None:
    """Refuse a split with an empty part."""
    for part, what in (
        (split.train, "learn from"),
        (split.validation, "validate on"),
        (split.test, "test"),
    ):
        if not part:
            raise CorpusError(f"{split.name}: no clip is left to {what}")
