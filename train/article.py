"""The article's sets: which clips of RAVDESS it takes, and what it calls them.

Five emotions, spoken and sung: ten classes by gender, or five of one gender alone. The five, with
neutral in one case, are then grouped into three or two classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from train.actors import Actors
from train.clips import Clip, CorpusError, Gender
from train.corpora import ravdess
from train.splits import ClipSplit, protocol_splits

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
"""What each set calls an emotion of a gender; it leaves out what is not named."""

ARTICLE_SETS: Final = tuple(_CLASSES)
"""Names of the sets."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ArticleSet:
    """Some clips with the class of each."""

    name: str
    """One of ``ARTICLE_SETS``."""
    labels: tuple[str, ...]
    """Names of the classes, in alphabetical order: "angry", or "female_angry" where there are ten."""
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
    """The clips of RAVDESS that a set takes, spoken and sung, of all actors.

    Args:
        clips: the clips that the indices count; those of other corpora are in no set.
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


def article_split(
    clips: Sequence[Clip], name: str, *, seed: int, test_actors: Actors = frozenset()
) -> ClipSplit:
    """A set split as the article did after it had found the leak.

    With all of RAVDESS, training, validation and test clips are 1,248, 312 and 320 for "ten", 640, 160
    and 160 for "men", 608, 152 and 160 for "women".

    Args:
        clips: the clips that the indices count.
        name: one of ``ARTICLE_SETS``.
        seed: draws the validation clips.
        test_actors: actors tested in place of 21 to 24, where these are not there.

    Raises:
        CorpusError: no such set, a class without a clip, or a test actor without one.
    """
    members = article_set(clips, name).members
    (split,) = protocol_splits(
        "article", clips, seed=seed, test_actors=test_actors, members=members.keys()
    )
    return split
