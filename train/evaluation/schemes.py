"""Schemes: the classes of an evaluation, a model's own or groups of them.

The groups of five, three and two are those of the article's experiments. They have neither disgust nor
surprised, and the ones of two classes no neutral either. Those of six are nEMO's, which has neither calm
nor disgust. Clips of emotions outside the groups are not scored, and probabilities
are normalized over the classes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.errors import InputError
from serd.model.labels import EMOTIONS
from train.data.clips import Clip
from train.data.corpora import nemo

Groups = Mapping[str, tuple[str, ...]]

_GENDERS: Final = ("female", "male")
_FIVE: Final = ("angry", "calm", "fearful", "happy", "sad")
_GROUPED: Final[Mapping[str, Groups]] = {
    "3": {
        "positive": ("happy",),
        "neutral": ("calm", "neutral"),
        "negative": ("angry", "fearful", "sad"),
    },
    "2": {"positive": ("happy", "calm"), "negative": ("angry", "fearful", "sad")},
}
SCHEMES: Final[Mapping[str, Groups]] = {
    "8": {emotion: (emotion,) for emotion in EMOTIONS},
    "6": {emotion: (emotion,) for emotion in nemo.CLASSES},
    "5": {emotion: (emotion,) for emotion in _FIVE},
    **_GROUPED,
    "10": {f"{gender}_{emotion}": (f"{gender}_{emotion}",) for gender in _GENDERS for emotion in _FIVE},
}
"""Emotions, or emotions by gender, of each class, by the number of classes; "8" is the emotions of the
model."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scheme:
    """Classes of an evaluation, and the matrix from a model's labels to them."""

    name: str
    """Number of classes."""
    classes: tuple[str, ...]
    """Name of each class."""
    groups: Groups
    """Emotions of each class."""
    weights: NDArray[np.float64]
    """float64, shape (n_labels, n_classes): 1 where a label belongs to a class, else 0."""

    def truth(self, clip: Clip) -> int | None:
        """Index of a clip's class; None without a class."""
        meanings = {clip.emotion, f"{clip.gender}_{clip.emotion}"}
        for index, name in enumerate(self.classes):
            if meanings.intersection(self.groups[name]):
                return index
        return None

    def dropped(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels that belong to no class."""
        return tuple(each for each, row in zip(labels, self.weights, strict=True) if not row.any())

    def probabilities(self, by_label: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probabilities of the classes.

        Args:
            by_label: float64, shape (n_labels,), of the model's labels.

        Returns:
            float64, shape (n_classes,), sums to 1; uniform if the model gives nothing to any.
        """
        summed: NDArray[np.float64] = by_label @ self.weights
        total = summed.sum()
        return summed / total if total > 0.0 else np.full(summed.size, 1.0 / summed.size)


def scheme_for(labels: Sequence[str], name: str | None = None) -> Scheme:
    """The scheme for a model.

    Args:
        labels: labels of the model: emotions, emotions by gender ("female_angry"), or the classes of the
            schemes of three or two.
        name: one of ``SCHEMES``, or None for the model's labels.

    Raises:
        InputError: the labels are no emotions, or cannot be grouped into these classes.
    """
    own = _own_groups(labels)
    if name is None:
        groups = own
    elif name == "8":
        emotions = {_without_gender(part) for parts in own.values() for part in parts}
        groups = {each: (each,) for each in EMOTIONS if each in emotions}
    else:
        groups = SCHEMES[name]
    classes = tuple(groups)
    weights = np.array(
        [[_belongs(parts, groups[each]) for each in classes] for parts in own.values()], float
    )
    _check(name, own, groups, weights)
    return Scheme(name=name or str(len(classes)), classes=classes, groups=groups, weights=weights)


def _own_groups(labels: Sequence[str]) -> Groups:
    """The emotions of each label of a model."""
    for groups in _GROUPED.values():
        if set(labels) == set(groups):
            return {label: groups[label] for label in labels}
    unknown = [label for label in labels if _without_gender(label) not in EMOTIONS]
    if unknown:
        raise InputError(
            f"Bad labels {', '.join(unknown)} of the model, expected emotions ({', '.join(EMOTIONS)}),"
            " emotions by gender (female_angry), or positive, neutral, negative"
        )
    return {label: (label,) for label in labels}


def _without_gender(meaning: str) -> str:
    gender, _, emotion = meaning.rpartition("_")
    return emotion if gender in {"", *_GENDERS} else meaning


def _belongs(meaning: Sequence[str], group: Sequence[str]) -> bool:
    """Whether all emotions of a label are in a group."""
    return all(part in group or _without_gender(part) in group for part in meaning)


def _check(name: str | None, own: Groups, groups: Groups, weights: NDArray[np.float64]) -> None:
    """Check that every class has a label, and that no label is only partly in a class."""
    named = f"the model's labels are {', '.join(own)}"
    lacking = [each for each, column in zip(groups, weights.T, strict=True) if not column.any()]
    if name == "10" and lacking:
        raise InputError(
            "Bad --scheme 10: a model can be judged by gender and emotion only if each of its labels"
            f" carries the gender (female_angry, male_angry and so on); {named}"
        )
    if lacking or len(groups) < 2:
        what = ", ".join(lacking) or "more than one class"
        raise InputError(f"Bad --scheme {name}: nothing in the model says {what}; {named}")
    wanted = {part for parts in groups.values() for part in parts}
    for (label, parts), row in zip(own.items(), weights, strict=True):
        if not row.any() and wanted.intersection(parts):
            raise InputError(
                f"Bad --scheme {name}: the model's {label} means {' or '.join(parts)}, which are"
                f" classes apart there; {named}"
            )
