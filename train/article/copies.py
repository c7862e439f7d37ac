"""What a network of the article learns from, with copies of clips, and what it is validated on."""

from collections.abc import Sequence

import numpy as np

from train.article.data import Part
from train.article.experiment import Experiment
from train.article.features import Examples, FeatureStore, ProgressCallback


def learnt_and_held_out(
    experiment: Experiment,
    part: Part,
    originals: Examples,
    store: FeatureStore,
    *,
    seed: int,
    progress: ProgressCallback,
) -> tuple[Examples, Examples]:
    """The inputs to learn from, with copies of clips, and those for validation.

    Copies are made of training clips alone, unless the experiment is to show what else happens.

    Args:
        experiment: kind of the input, and the copies.
        part: the clips.
        originals: inputs of every clip as recorded.
        store: makes the copies.
        seed: seed of the copies, and of the order in which copied clips are dealt out.
        progress: called with the number of finished clips and of all clips.
    """
    augment, split = experiment.augment, part.split

    def copies(clips: Sequence[int]) -> Examples:
        kind, variations = experiment.input.kind, augment.variations
        return store.copies(kind, clips, variations, augment.copies, seed=seed, progress=progress)  # type: ignore[arg-type]

    learnt, held_out = originals.of_clips(split.train), originals.of_clips(split.validation)
    if augment.is_leaky:
        clips = [*split.train, *split.validation]
        pool = originals.of_clips(clips).with_copies(copies(clips))
        order = np.random.default_rng(seed).permutation(len(pool.clip))
        n_held_out = round(len(order) * len(held_out.clip) / (len(learnt.clip) + len(held_out.clip)))
        return pool.of_rows(order[n_held_out:]), pool.of_rows(order[:n_held_out])
    if augment.variations:
        learnt = learnt.with_copies(copies(_copied(experiment, part)))
    return learnt, held_out


def _copied(experiment: Experiment, part: Part) -> list[int]:
    """The training clips that are copied: all, or those of the smallest class."""
    if experiment.augment.clips == "all":
        return list(part.split.train)
    sizes = np.bincount(list(part.learnt.values()), minlength=len(part.labels))
    return [clip for clip in part.split.train if part.learnt[clip] == int(sizes.argmin())]
