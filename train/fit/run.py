"""A run of ``python -m train fit``: the networks of a protocol's folds, and the final one."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from serd.model.card import ModelCard
from serd.model.naming import NamingScore
from train.data.clips import Actors, format_actors
from train.data.code_digest import code_digest
from train.data.files import write_json
from train.evaluation.naming_score import fit_naming, joined
from train.features.dataset import Dataset
from train.features.noise import noise_clips
from train.features.synthetic_noise import synthetic_noises
from train.features.window_store import WindowSource, load_windows, stored_windows
from train.fit.members import MemberJob, training_part
from train.fit.networks import RunNetworks
from train.fit.plan import Target
from train.fit.scoring import Facts, FoldScorer, Log
from train.fit.settings import FitSettings
from train.model.batches import plain_windows
from train.model.card import provenance, trained_card
from train.model.checkpoint import save_checkpoint
from train.model.conversion import network_sha256, write_model
from train.model.finishing import FinishedNetwork, calibration_logits, finish, fit_temperature

Logits = tuple[NDArray[np.float32], NDArray[np.int64]]


class FitRun:
    """Trains, converts and scores the networks of one dataset and recipe."""

    def __init__(self, settings: FitSettings, log: Log) -> None:
        self._settings = settings
        self._plan = settings.plan
        self._recipe = settings.recipe
        self._log = log
        recorded = settings.noise.paths if settings.noise else ()
        n_made = self._recipe.made_noises if recorded else 0
        made = synthetic_noises(settings.work / "made-noise", n_made)
        self._clips = (*settings.plan.corpus.clips, *noise_clips((*recorded, *made)))
        self._source = WindowSource(
            clips=self._clips,
            settings=self._recipe.windows,
            augment=self._recipe.sound,
            seed=settings.seed,
            noises=tuple(recorded),
            rooms=settings.rooms,
        )
        self._networks = RunNetworks(settings, self._source)
        self.folder = self._networks.folder
        self.folds = self._networks.folds
        self.last = self._networks.last
        self.scorer = FoldScorer(self._plan, self._clips, self._recipe.windows.pipeline, log)

    @cached_property
    def _data(self) -> Path:
        """File of the clips' windows; logs progress while they are computed."""
        started_s = time.monotonic()

        def progress(done: int, total: int) -> None:
            if done % 200 == 0 or done == total:
                left_s = (time.monotonic() - started_s) / done * (total - done)
                self._log(f"features: {done}/{total} clips  {left_s / 60:.1f} min left")

        return stored_windows(self._source, self._settings.work / "windows", progress)

    @cached_property
    def _dataset(self) -> Dataset:
        dataset = load_windows(self._data, self._clips)
        for line in dataset.left_out.values():
            self._log(f"left out: {line}")
        return dataset

    def train_members(self) -> None:
        """Train the missing members of all networks.

        Raises:
            CorpusError: no speech is detected in any clip of a network's actors.
        """
        self._networks.train(self._data, self._log)

    def jobs(self) -> list[MemberJob]:
        """The missing members of all networks, without those of their teachers."""
        return self._networks.jobs(self._data, self._log)

    def protocol(self) -> Facts:
        """Convert and score the missing folds; returns the metrics for the card."""
        results = [self._fold(target) for target in self.folds]
        about = {
            "protocol": self._plan.protocol,
            "what": "UAR on speech clips of actors that the fold's own model was not trained on",
            "precision": self._recipe.precision,
        }
        return about | self.scorer.protocol_metrics(self.folds, results)

    def _fold(self, target: Target) -> Facts:
        """Metrics of one fold by corpus, RAVDESS first, from the work folder if they exist."""
        path = self.folder / f"test-{target.stem}-{_scoring_code()}.json"
        if path.exists():
            result: Facts = json.loads(path.read_text("utf-8"))
            self._log(f"{target.name}: finished by an earlier run")
            return result
        made = self._made(target, self._temperature(self._folds_apart_from(target.split.test)))
        model_path = self._fold_model(target)
        card = self.write(model_path, made, self.provenance(target, made))
        self.save(model_path.with_suffix(".keras"), made, card)
        result = self.scorer.by_corpus(model_path, target)
        write_json(path, result)
        return result

    def _fold_model(self, target: Target) -> Path:
        return self.folder / f"model-{target.stem}.tflite"

    def naming(self) -> dict[str, NamingScore]:
        """The score that each emotion is named by, fitted on speech that the folds' models never heard.

        Empty, for the default threshold, without folds or ordinary speech.
        """
        if not self._calibrating or not self._settings.ordinary:
            return {}
        heard = [
            self.scorer.held_out(self._fold_model(target), target, self._settings.ordinary)
            for target in self._calibrating
        ]
        fitted = fit_naming(joined(heard), self._recipe.naming)
        if fitted:
            thresholds = (f"{name} {score.threshold:.2f}" for name, score in fitted.items())
            self._log(f"emotions are named at scores of {', '.join(thresholds)}")
        return fitted

    def final(self) -> FinishedNetwork:
        """The final network, calibrated on the folds or on its validation actors."""
        return self._made(self.last, self._temperature(self._calibrating or [self.last]))

    def _folds_apart_from(self, actors: Actors) -> list[Target]:
        """The folds that test none of some actors, which a network that tests these may be fitted on."""
        return [fold for fold in self.folds if not fold.split.test & actors]

    @property
    def _calibrating(self) -> list[Target]:
        """The folds that the final network is fitted on."""
        return self._folds_apart_from(self._plan.split.test)

    def _made(self, target: Target, temperature: float) -> FinishedNetwork:
        part = training_part(self._dataset, target.split.train, target.without_noise, target.sentence)
        return finish(
            self._networks.load(target),
            part,
            self._recipe,
            temperature=temperature,
            seed=self._settings.seed,
        )

    def _temperature(self, targets: Sequence[Target]) -> float:
        """Temperature fitted on the calibration actors of some networks; 1 without any."""
        if not targets:
            return 1.0
        logits, labels = zip(*(self._logits(target) for target in targets), strict=True)
        return fit_temperature(np.concatenate(logits), np.concatenate(labels))

    def _logits(self, target: Target) -> Logits:
        """Logits and labels of a network on speech of its calibration actors."""
        if target.stem not in self._known_logits:
            held_out = self._dataset.of_actors(target.calibration_actors)
            windows = self._recipe.windows
            speech = plain_windows(held_out, windows.n_frames, windows.padding)
            self._known_logits[target.stem] = calibration_logits(
                self._networks.load(target),
                *speech,
                absent=self._networks.absent_emotions(target),
            )
        return self._known_logits[target.stem]

    @cached_property
    def _known_logits(self) -> dict[str, Logits]:
        return {}

    def provenance(self, target: Target, made: FinishedNetwork) -> Facts:
        """Provenance of a network of this run."""
        learned = [
            clip
            for index, clip in enumerate(self._dataset.clips)
            if target.learns_from(clip) and index not in self._dataset.left_out
        ]
        facts = provenance(
            learned,
            target.split,
            self._recipe,
            command=self._settings.command,
            seed=self._settings.seed,
            n_parameters=made.n_parameters,
        )
        alone = self._plan.left_alone
        absent = self._networks.absent_emotions(target)
        return (
            facts
            | {"temperature": round(made.temperature, 3)}
            | ({"protocol": self._plan.protocol, "n_folds": len(self.folds)} if self.folds else {})
            | ({"rooms": [path.stem for path in self._settings.rooms]} if self._settings.rooms else {})
            | ({"absent_emotions": list(absent)} if absent else {})
            | ({"unheard_noise": target.without_noise} if target.without_noise else {})
            | ({"unheard_sentence": target.sentence} if target.sentence else {})
            | ({"left_alone_actors": format_actors(alone)} if alone else {})
        )

    def write(
        self,
        path: Path,
        made: FinishedNetwork,
        facts: Facts,
        naming: Mapping[str, NamingScore] | None = None,
    ) -> ModelCard:
        """Write a network with its card; without a score emotions are named at the default threshold."""
        card = trained_card(
            self._dataset,
            self._recipe,
            name=self._settings.out.stem,
            mean=made.mean,
            std=made.std,
            min_log_energy=made.min_log_energy,
            facts=facts,
            network_sha256=network_sha256(made.network),
        )
        card = replace(card, naming=naming or {})
        write_model(path, made.network, card)
        return card

    def save(self, path: Path, made: FinishedNetwork, card: ModelCard) -> None:
        """Save the checkpoint of a network."""
        plan = self._plan
        save_checkpoint(path, made.keras, card, clips=plan.root, also=plan.also, settings=plan.settings)


def _scoring_code() -> str:
    """Digest of the code that makes a model and its scores from a trained network."""
    return code_digest("train.fit.scoring", "train.model.finishing")[:8]
