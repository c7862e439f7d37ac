"""``python -m train fit``: from a folder of clips to a model with its card, accuracy included."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serd.card import ModelCard
from serd.labels import EMOTIONS
from serd.runtime import TfliteModel
from train.actors import Actors, Split, format_actors, split_actors
from train.batches import plain_windows
from train.cards import trained_card
from train.clips import CorpusError, fingerprint
from train.contents import content_digests
from train.convert import network_sha256, to_keras, to_tflite, write_model
from train.dataset import Dataset, build_dataset
from train.evaluate import score_clips
from train.files import write_json
from train.kept import FINAL, keep_network
from train.learn import Watch, learn
from train.noise import NoiseBank, noise_clips
from train.plan import Plan
from train.progress import Progress
from train.provenance import provenance
from train.recipe import Recipe
from train.scores import Scores, summary
from train.splits import check_no_leak, clip_split

Report = Callable[[str], None]
Facts = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class FitSettings:
    """What to train, from what, and where it goes."""

    plan: Plan
    """The clips, and who is held out."""
    out: Path
    """The .tflite file to write; its card goes beside it."""
    work: Path
    """Folder for finished folds, which a later run takes up again."""
    recipe: Recipe
    """How the model is made."""
    noise: NoiseBank | None = None
    """Recordings in which nobody speaks: put under speech, and learnt as no speech; None for neither."""
    seed: int
    """Seeds everything that is drawn."""
    command: str
    """The command, as the card records it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """A network that is ready to be written."""

    network: bytes
    """The TFLite flatbuffer."""
    keras: bytes
    """The Keras model, as its own archive."""
    mean: tuple[float, ...]
    """What the graph subtracts from each coefficient."""
    std: tuple[float, ...]
    """What the graph divides each coefficient by."""
    n_parameters: int
    """Parameters of the Keras model."""


def fit(settings: FitSettings, report: Report) -> ModelCard:
    """Train, convert, score and write a model; ``report`` is told how it goes on, line by line.

    Raises:
        LeakError: a model would be scored on what it has learnt from; nothing is trained then.
    """
    started_s = time.monotonic()
    plan = settings.plan
    for line in plan.corpus.left_out:
        report(f"left out: {line}")
    report(f"{len(plan.corpus.clips)} clips of actors {format_actors(plan.corpus.actors)}")
    if plan.left_alone:
        report(f"actors {format_actors(plan.left_alone)} are left alone, as {plan.protocol} has it")
    _refuse_leaks(plan)
    run = _Run(settings, _dataset(settings, report), report)
    accuracy = {"accuracy": run.protocol()} if plan.folds else {}
    trained = run.train(plan.split, f"actors {format_actors(plan.split.train)}")
    facts = run.provenance(plan.split, trained.n_parameters) | accuracy
    run.write(settings.out, trained, facts)
    if plan.split.test:
        scores = run.score(settings.out, plan.split.test)
        facts["held_out"] = {"test_actors": format_actors(plan.split.test), **scores.to_json()}
        report(f"held-out actors {format_actors(plan.split.test)}: {summary(scores)}")
    facts["seconds"] = round(time.monotonic() - started_s)
    card = run.write(settings.out, trained, facts)
    report(f"wrote {settings.out}, {settings.out.stat().st_size} bytes, and its card beside it")
    run.keep(run.folder / FINAL, trained, card)
    report(f"kept the Keras model in {run.folder}, which python -m train export takes")
    return card


def _refuse_leaks(plan: Plan) -> None:
    """Check every split of a run before any time is spent on it.

    Raises:
        LeakError: an actor, a clip or a sound is on both sides of one.
    """
    clips = plan.corpus.clips
    digests = dict(enumerate(content_digests(clip.path for clip in clips)))
    splits = [("model", plan.split)]
    splits += [
        (f"{plan.protocol} {format_actors(test)}", split_actors(plan.corpus.actors, test=test))
        for test in plan.folds
    ]
    for name, actors in splits:
        check_no_leak(clips, clip_split(name, clips, actors), digests=digests)


def _dataset(settings: FitSettings, report: Report) -> Dataset:
    """The clips' windows, with a line now and then while they are made."""
    started_s = time.monotonic()

    def progress(done: int, total: int) -> None:
        if done % 200 == 0 or done == total:
            left_s = (time.monotonic() - started_s) / done * (total - done)
            report(f"features: {done}/{total} clips  {left_s / 60:.1f} min left")

    noises = settings.noise.paths if settings.noise else ()
    dataset = build_dataset(
        (*settings.plan.corpus.clips, *noise_clips(noises)),
        settings.recipe.windows,
        settings.recipe.sound,
        seed=settings.seed,
        noises=noises,
        progress=progress,
    )
    for line in dataset.left_out.values():
        report(f"left out: {line}")
    return dataset


class _Run:
    """Trains and scores on parts of one data set, with one recipe."""

    def __init__(self, settings: FitSettings, dataset: Dataset, report: Report) -> None:
        self._settings = settings
        self._plan = settings.plan
        self._recipe = settings.recipe
        self._dataset = dataset
        self._report = report
        data = fingerprint(dataset.clips)
        digest = self._recipe.digest(seed=settings.seed, fingerprint=data)
        self.folder = settings.work / digest

    def train(self, split: Split, name: str) -> Trained:
        """Train on the training actors and convert.

        Raises:
            CorpusError: no speech is heard in any clip of theirs.
        """
        dataset = self._dataset.of_actors(split.train)
        if not any(each.copy == 0 for each in dataset.copies):
            raise CorpusError(f"{name}: no speech is heard in any of their clips")
        windows, how = self._recipe.windows, self._recipe.learn
        held_out = plain_windows(
            self._dataset.of_actors(split.validation), windows.n_frames, windows.padding
        )
        progress = Progress(how.epochs, lambda line: self._report(f"{name}: {line}"), held_out)
        watch = Watch(callbacks=[progress])
        learnt = learn(dataset, windows, how, seed=self._settings.seed, watch=watch)
        return Trained(
            network=to_tflite(learnt.model),
            keras=to_keras(learnt.model),
            mean=tuple(learnt.mean.tolist()),
            std=tuple(learnt.std.tolist()),
            n_parameters=int(learnt.model.count_params()),
        )

    def protocol(self) -> Facts:
        """Train and score each fold that no earlier run has finished; its figures for the card."""
        name, folds = self._plan.protocol, self._plan.folds
        results = {
            format_actors(test): self._fold(f"{name} {number}/{len(folds)}", test)
            for number, test in enumerate(folds, start=1)
        }
        uar_mean = float(np.mean([result["uar"] for result in results.values()]))
        confusion = np.sum([result["confusion"] for result in results.values()], axis=0)
        self._report(f"{name}: mean UAR {uar_mean:.4f} over {len(folds)} folds")
        return {
            "protocol": name,
            "what": "UAR on speech clips of actors that the fold's own model was not trained on",
            "folds": {actors: result["uar"] for actors, result in results.items()},
            "uar_mean": round(uar_mean, 4),
            "all_folds": Scores(labels=EMOTIONS, confusion=confusion).to_json(),
        }

    def _fold(self, name: str, test: Actors) -> Facts:
        """Figures of one fold, from the work folder where they are there already."""
        path = self.folder / f"test-{format_actors(test)}.json"
        if path.exists():
            result: Facts = json.loads(path.read_text("utf-8"))
            self._report(f"{name}: UAR {result['uar']:.4f}, finished by an earlier run")
            return result
        started_s = time.monotonic()
        split = split_actors(self._plan.corpus.actors, test=test)
        trained = self.train(split, name)
        model_path = path.with_name(f"model-{format_actors(test)}.tflite")
        card = self.write(model_path, trained, self.provenance(split, trained.n_parameters))
        self.keep(model_path.with_suffix(".keras"), trained, card)
        scores = self.score(model_path, test)
        self._report(f"{name}, actors {format_actors(test)}: {summary(scores)}")
        result = scores.to_json() | {"seconds": round(time.monotonic() - started_s)}
        write_json(path, result)
        return result

    def score(self, path: Path, actors: Actors) -> Scores:
        """Score a written model on the speech of some actors."""
        clips = [
            clip for clip in self._dataset.clips if clip.actor in actors and clip.channel == "speech"
        ]
        scores, left_out = score_clips(TfliteModel(path), clips, self._recipe.windows.pipeline)
        for line in left_out:
            self._report(f"left out of the scores: {line}")
        return scores

    def provenance(self, split: Split, n_parameters: int) -> Facts:
        """Where a network of this run comes from."""
        facts = provenance(
            self._dataset,
            split,
            self._recipe,
            command=self._settings.command,
            seed=self._settings.seed,
            n_parameters=n_parameters,
        )
        alone = self._plan.left_alone
        return facts | ({"left_alone_actors": format_actors(alone)} if alone else {})

    def write(self, path: Path, trained: Trained, facts: Facts) -> ModelCard:
        """Write a network with its card."""
        card = trained_card(
            self._dataset,
            self._recipe,
            name=self._settings.out.stem,
            mean=trained.mean,
            std=trained.std,
            facts=facts,
            network_sha256=network_sha256(trained.network),
        )
        write_model(path, trained.network, card)
        return card

    def keep(self, path: Path, trained: Trained, card: ModelCard) -> None:
        """Keep the Keras model of a network that is written."""
        keep_network(path, trained.keras, card, clips=self._plan.root)
