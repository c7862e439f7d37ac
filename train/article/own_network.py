"""serd's own network in an experiment: trained by its recipe on the daemon's windows."""

from collections.abc import Iterable
from dataclasses import replace

import keras
import numpy as np

from serd.model.card import ModelCard
from serd.model.labels import EMOTIONS
from serd.model.windows import pad
from train.article.experiment import Experiment
from train.article.features import Examples
from train.article.learning import EpochBackup, Follow, Outcome, Training, Uar, outcome_of
from train.data.clips import Actors, CorpusError, Split
from train.features.dataset import Dataset
from train.model.card import provenance, trained_card
from train.model.learning import TrainedNetwork, TrainingMonitor, train_network
from train.model.recipe import Recipe, quick


def own_recipe(experiment: Experiment, *, is_quick: bool) -> Recipe:
    """The recipe of an experiment's own network."""
    recipe = Recipe(with_song=experiment.data.song)
    if is_quick:
        recipe = quick(recipe)
        one_batch = replace(recipe.learn.batches, batch=64)
        recipe = replace(recipe, learn=replace(recipe.learn, batches=one_batch))
    return replace(recipe, learn=replace(recipe.learn, epochs=experiment.learn.epochs))


def train_own(training: Training) -> Outcome:
    """Train serd's network by its recipe on the daemon's windows."""
    part, settings = training.part, training.experiment.learn
    recipe = own_recipe(training.experiment, is_quick=training.is_quick)
    dataset = training.store.windows(
        recipe.windows, recipe.sound, seed=training.seed, progress=training.on_clips
    )
    clips = list(dataset.clips)
    for clip, label in part.learnt.items():
        clips[clip] = replace(clips[clip], emotion=EMOTIONS[label])
    learners = replace(dataset.of_clips(part.split.train), clips=tuple(clips))
    if not any(each.copy == 0 for each in learners.copies):
        raise CorpusError("nothing can be read or heard in any of the training clips")
    backup = EpochBackup(training.state)
    training.state.mkdir(parents=True, exist_ok=True)
    watch = TrainingMonitor(
        callbacks=[backup, Follow(backup, settings, training.on_epoch)],
        metrics=[keras.metrics.CategoricalAccuracy(name="accuracy"), Uar(len(EMOTIONS))],
        validation=dataset.of_clips(part.split.validation),
        n_done=backup.n_done,
        is_eager=training.is_quick,
    )
    learnt = train_network(learners, recipe.windows, recipe.learn, seed=training.seed, watch=watch)
    originals = [
        (each.clip, pad(frames.astype(np.float32), recipe.windows.n_frames, recipe.windows.padding))
        for each in dataset.of_clips(part.split.test).copies
        if each.copy == 0
        for frames in each.frames
    ]
    shape = (len(originals), recipe.windows.n_frames, recipe.windows.feature_set.n_features)
    tested = Examples(
        inputs=np.array([window for _, window in originals], np.float32).reshape(shape),
        clip=np.array([clip for clip, _ in originals], np.int64),
        left_out=dataset.left_out,
    )
    n_learnt = sum(len(each.frames) for each in learners.copies)
    outcome = outcome_of(training, learnt.model, backup, tested, n_learnt)
    return replace(outcome, card=_card(training, recipe, dataset, learners, learnt))


def _card(
    training: Training, recipe: Recipe, dataset: Dataset, learners: Dataset, learnt: TrainedNetwork
) -> ModelCard:
    """The card of the network; training actors are no test actors."""

    def actors(indices: Iterable[int]) -> Actors:
        return frozenset(dataset.clips[index].actor for index in indices)

    part = training.part.split
    train = actors(part.train)
    split = Split(
        train=train,
        validation=actors(part.validation) - train,
        test=actors(part.test) - train,
    )
    learned = [
        clip
        for index, clip in enumerate(dataset.clips)
        if (clip.actor in train or clip.is_noise) and index not in dataset.left_out
    ]
    facts = provenance(
        learned,
        split,
        recipe,
        command=f"python -m train experiments ROOT --run {training.experiment.name}",
        seed=training.seed,
        n_parameters=int(learnt.model.count_params()),
    )
    return trained_card(
        dataset,
        recipe,
        name=f"serd-{training.experiment.name}",
        mean=learnt.mean.tolist(),
        std=learnt.std.tolist(),
        min_log_energy=learners.min_log_energy(),
        facts=facts,
    )
