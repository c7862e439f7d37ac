"""The check that no model is tested on its training data."""

from collections.abc import Iterable, Mapping, Sequence

from train.data.clips import RAVDESS, Clip, CorpusError, format_actors
from train.data.corpora import clip_key
from train.data.duplicates import sound_keys
from train.data.splits import ClipSplit


class LeakError(CorpusError):
    """A model would be tested on training data."""


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
        digests: keys of clips that sound the same (``train.data.duplicates.sound_keys``) by index, if
            known already.

    Raises:
        LeakError: an actor, a clip, a sound or, where sentences are held out, a sentence is on both
            sides.
    """
    if digests is None:
        indices = sorted({*split.train, *split.validation, *split.test})
        found = sound_keys([clips[index].path for index in indices])
        digests = dict(zip(indices, found, strict=True))
    pairs = [("train", split.train, "test", split.test, split.is_leaky)]
    pairs.append(("train", split.train, "validation", split.validation, split.is_validated_by_clip))
    if not split.is_leaky:
        pairs.append(("validation", split.validation, "test", split.test, False))
    shared = _sentences(clips, split.train) & _sentences(clips, split.test)
    if split.is_by_sentence and shared:
        raise LeakError(f"{split.name}: leak between train and test: sentence {min(shared)} is in both")
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


def _sentences(clips: Sequence[Clip], indices: Iterable[int]) -> set[str]:
    """Sentences of RAVDESS among some clips."""
    return {clips[i].statement for i in indices if clips[i].corpus == RAVDESS}
