"""Windows of clips for an export: for int8 ranges, and for the comparison with Keras."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from serd.model.card import ModelCard
from serd.model.windows import pad
from train.data.clips import Actors, Clip, Corpus, CorpusError, fingerprint, format_actors, parse_actors
from train.data.corpora import title_of
from train.features.augmentation import SoundAugment
from train.features.dataset import Dataset, WindowSettings, build_dataset

N_CALIBRATION: Final = 150
"""Most clips for the ranges of int8 activations, each with one augmented copy."""
N_COMPARED: Final = 600
"""Most clips for the comparison with Keras."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RealWindows:
    """Windows of clips, as the daemon gives them to the network."""

    mfccs: NDArray[np.float32]
    """float32, shape (n_windows, n_frames, n_mfcc)."""
    names: tuple[str, ...]
    """Clip and number of each window."""
    actors: Actors
    """Their actors."""


def calibration_windows(corpus: Corpus, card: ModelCard, *, seed: int) -> RealWindows:
    """Training windows, half of them augmented, so that levels and noise vary.

    Args:
        corpus: the clips; only those of training actors are used.
        card: card of the network.
        seed: seed of clips and copies.

    Raises:
        CorpusError: no clip of any actor that the network was trained on.
    """
    actors = trained_on(card)
    clips = [clip for clip in corpus.clips if clip.actor in actors]
    if not clips:
        raise CorpusError(
            f"no clip of the training actors {format_actors(actors)} of the network; there are"
            f" actors {format_actors(corpus.actors)}"
        )
    some = _some(clips, N_CALIBRATION, seed)
    dataset = build_dataset(some, _settings(card), SoundAugment(copies=1), seed=seed)
    return _padded(dataset, card)


def comparison_windows(corpus: Corpus, card: ModelCard, *, seed: int) -> RealWindows:
    """Windows of speech as recorded, of held-out actors if there are any.

    Args:
        corpus: the clips.
        card: card of the network.
        seed: seed of the choice of clips.

    Raises:
        CorpusError: no speech of those actors is detected.
    """
    actors = held_out(corpus, card) or trained_on(card)
    clips = [clip for clip in corpus.clips if clip.actor in actors and clip.channel == "speech"]
    dataset = build_dataset(
        _some(clips, N_COMPARED, seed), _settings(card), SoundAugment(copies=0), seed=seed
    )
    return _padded(dataset, card)


def trained_on(card: ModelCard) -> Actors:
    """The training actors of a network.

    Raises:
        CorpusError: they are not in the card.
    """
    return parse_actors(str(card.training.get("actors", "")))


def held_out(corpus: Corpus, card: ModelCard) -> Actors:
    """The test actors of a network with speech in a corpus."""
    test = parse_actors(str(card.training.get("test_actors", "")))
    return test & {clip.actor for clip in corpus.clips if clip.channel == "speech"}


def is_training_data(corpus: Corpus, card: ModelCard) -> bool:
    """Whether the training actors' clips are the training clips of the network, by name and size."""
    actors = trained_on(card)
    here: dict[str, list[Clip]] = defaultdict(list)
    for clip in corpus.clips:
        if clip.actor in actors:
            here[title_of(clip.corpus)].append(clip)
    noted = [card.training.get("data", {}), *card.training.get("also", ())]
    learnt = {
        each.get("name"): each.get("sha256_of_names_and_sizes") for each in noted if each.get("n_clips")
    }
    return {title: fingerprint(clips) for title, clips in here.items()} == learnt


def _settings(card: ModelCard) -> WindowSettings:
    return WindowSettings(
        feature_set=card.feature_set,
        window_samples=card.window_samples,
        padding=card.padding,
    )


def _some(clips: Sequence[Clip], n_clips: int, seed: int) -> list[Clip]:
    """A random choice in random order."""
    order = np.random.default_rng(seed).permutation(len(clips))
    return [clips[index] for index in order[:n_clips]]


def _padded(dataset: Dataset, card: ModelCard) -> RealWindows:
    """Every window of a dataset.

    Raises:
        CorpusError: there is no window.
    """
    windows, names = [], []
    for each in dataset.copies:
        for number, frames in enumerate(each.frames, start=1):
            windows.append(pad(frames.astype(np.float32), card.n_frames, card.padding))
            names.append(f"{dataset.clips[each.clip].path.name} window {number}")
    if not windows:
        actors = format_actors(clip.actor for clip in dataset.clips)
        raise CorpusError(f"no speech is detected in any clip of actors {actors or 'that are needed'}")
    return RealWindows(
        mfccs=np.array(windows, np.float32),
        names=tuple(names),
        actors=frozenset(dataset.clips[each.clip].actor for each in dataset.copies),
    )
