"""Words of corpora for emotions, translated into serd's emotions in one place."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import UNLABELED, Clip, CorpusError

_WORDS: Final[Mapping[str, str]] = {
    **{emotion: emotion for emotion in EMOTIONS},
    "anger": "angry",
    "ang": "angry",
    "calmness": "calm",
    "disgusted": "disgust",
    "dis": "disgust",
    "fear": "fearful",
    "fea": "fearful",
    "happiness": "happy",
    "hap": "happy",
    "joy": "happy",
    "neu": "neutral",
    "pleasant_surprise": "surprised",
    "ps": "surprised",
    "sadness": "sad",
    "surprise": "surprised",
    "sur": "surprised",
}
_DROPPED: Final = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class LabelMap:
    """The emotion that each word of a corpus stands for."""

    given: tuple[tuple[str, str], ...] = field(default=())
    """Words in lower case with their emotions, before serd's own; an empty emotion drops the word."""

    def emotion(self, word: str) -> str | None:
        """The emotion of a word in any case.

        Returns:
            One of ``EMOTIONS``, "" for a word that is dropped, or None for an unknown word.
        """
        plain = plain_word(word)
        return dict(self.given).get(plain, _WORDS.get(plain))

    def translated(self, clips: Iterable[Clip]) -> tuple[list[Clip], list[str]]:
        """Clips with serd's emotions in place of the words of their corpora.

        Listeners' votes for a word that is dropped do not count.

        Returns:
            The clips that have an emotion or are ``UNLABELED``, and one line for each word of a corpus
            that has none.
        """
        kept: list[Clip] = []
        others: dict[tuple[str, str], list[Clip]] = defaultdict(list)
        for clip in clips:
            emotion = UNLABELED if clip.emotion == UNLABELED else self.emotion(clip.emotion)
            if not emotion:
                others[clip.corpus, plain_word(clip.emotion)].append(clip)
            elif emotion == clip.emotion and not self.given:
                kept.append(clip)
            else:
                kept.append(replace(clip, emotion=emotion, votes=self._votes(clip)))
        return kept, [self._line(*key, own) for key, own in others.items()]

    def _votes(self, clip: Clip) -> tuple[float, ...] | None:
        if clip.votes is None:
            return None
        shares = dict.fromkeys(EMOTIONS, 0.0)
        for word, share in zip(EMOTIONS, clip.votes, strict=True):
            if emotion := self.emotion(word):
                shares[emotion] += share
        total = sum(shares.values())
        return tuple(share / total for share in shares.values()) if total else None

    def _line(self, corpus: str, word: str, clips: list[Clip]) -> str:
        which = f"{corpus}: {len(clips)} clip{'s' * (len(clips) > 1)} labeled {word!r}"
        if self.emotion(word) == _DROPPED:
            return f"{which} dropped by --labels {word}="
        return (
            f"{which}, such as {clips[0].path}, expected one of: {', '.join(EMOTIONS)};"
            f" --labels {word}=neutral would use them as neutral, --labels {word}= drops them"
        )


def plain_word(word: str) -> str:
    """A word as it is compared: in lower case, with underscores in place of other signs."""
    return re.sub(r"[\W_]+", "_", word.strip().lower()).strip("_")


def parse_labels(text: str) -> LabelMap:
    """Words with their emotions, such as "boredom=,anger=angry"; an empty emotion drops the word.

    Raises:
        CorpusError: something else, an emotion that serd does not have, or a word twice.
    """
    given: dict[str, str] = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        left, sign, right = part.partition("=")
        word, emotion = plain_word(left), right.strip().lower()
        if not word or not sign or emotion not in {_DROPPED, *EMOTIONS}:
            raise CorpusError(
                f"Bad --labels {part!r}, expected WORD= or WORD=EMOTION, one of {', '.join(EMOTIONS)}"
            )
        if given.setdefault(word, emotion) != emotion:
            raise CorpusError(f"Bad --labels {text!r}: {word} is given two emotions")
    return LabelMap(given=tuple(given.items()))
