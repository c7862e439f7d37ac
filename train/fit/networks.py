"""The networks of a run, those of its folds and the final one: training, files, and their teachers."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from train.data.clips import format_actors
from train.data.code_digest import code_digest
from train.features.window_store import WindowSource
from train.fit.members import MemberJob, TeacherFiles, load_ensemble, train_member
from train.fit.plan import Target, fold_targets, last_target
from train.fit.settings import FitSettings
from train.model.finishing import silence
from train.model.jobs import run_jobs
from train.model.learning import TrainedNetwork


def _code() -> str:
    """Digest of the code that trains a network; that of its windows is in their key."""
    return code_digest("train.fit.members", beside=("serd", "train.data", "train.features"))


class RunNetworks:
    """The networks of one dataset and recipe, each with its members in files of the run's folder.

    Where the recipe has a teacher, each network learns from the one that was trained on the same clips.

    Args:
        settings: clips, recipe and folders.
        source: what the windows of all networks, teachers included, come from.
    """

    def __init__(self, settings: FitSettings, source: WindowSource) -> None:
        self._settings = settings
        self._plan = settings.plan
        self._recipe = settings.recipe
        self._clips = source.clips
        # A network belongs to the windows, the labels and the code that it was trained with, and
        # evaluate takes all folds of a folder to be of one protocol.
        labels = [(clip.actor, clip.emotion, clip.votes) for clip in source.clips]
        held_out = [(format_actors(each.test), each.sentence) for each in self._plan.folds]
        held_out.append((format_actors(self._plan.split.test), ""))
        data = json.dumps([source.key, labels, self._plan.protocol, held_out, _code()])
        self.folder = settings.work / self._recipe.digest(seed=settings.seed, fingerprint=data)
        n_actors = self._recipe.n_actors
        recorded = settings.noise.paths if settings.noise else ()
        self.folds = fold_targets(self._plan, recorded, n_actors=n_actors)
        self.last = last_target(self._plan, n_actors=n_actors)
        self._teachers = (
            RunNetworks(replace(settings, recipe=self._recipe.teacher), source)
            if self._recipe.teacher
            else None
        )

    def train(self, data: Path, log: Callable[[str], None]) -> None:
        """Train the missing members of all networks, those of their teachers first.

        Args:
            data: file of the windows.
            log: takes lines on progress.

        Raises:
            CorpusError: no speech is detected in any clip of a network's actors.
        """
        jobs = self.jobs(data, log)
        if jobs and self._teachers:
            log("first the networks that teach")
            self._teachers.train(data, log)
        for job, _ in run_jobs(train_member, jobs, n_processes=self._settings.n_processes):
            log(f"{job.name}: trained")

    def jobs(self, data: Path, log: Callable[[str], None]) -> list[MemberJob]:
        """The missing members of all networks, without those of their teachers."""
        targets = self.folds if self._settings.is_protocol_alone else [*self.folds, self.last]
        jobs = [
            self._job(target, member, data)
            for target in targets
            for member in range(self._recipe.members)
        ]
        left = [job for job in jobs if not job.path.exists()]
        if n_done := len(jobs) - len(left):
            log(f"{n_done} of {len(jobs)} networks were trained by an earlier run")
        return left

    def _job(self, target: Target, member: int, data: Path) -> MemberJob:
        n_members = self._recipe.members
        return MemberJob(
            name=f"{target.name}, member {member + 1}" if n_members > 1 else target.name,
            path=self._paths(target)[member],
            data=data,
            clips=self._clips,
            train=target.split.train,
            validation=target.split.validation,
            without_noise=target.without_noise,
            without_sentence=target.sentence,
            windows=self._recipe.windows,
            learn=self._recipe.learn,
            seed=self._settings.seed * n_members + member,
            teacher=self._teachers.files(target) if self._teachers else None,
        )

    def files(self, target: Target) -> TeacherFiles:
        """The members of a network, for the one that they teach."""
        return TeacherFiles(paths=self._paths(target), network=self._recipe.learn.network)

    def load(self, target: Target) -> TrainedNetwork:
        """A trained network, the mean of its members; emotions without a clip are silent."""
        trained = load_ensemble(
            self._paths(target),
            self._recipe.learn.network,
            n_frames=self._recipe.windows.n_frames,
        )
        silence(trained.model, self.absent_emotions(target))
        return trained

    def absent_emotions(self, target: Target) -> tuple[str, ...]:
        """The emotions of which a network has no clip, and which it never names."""
        return self._plan.absent_emotions(target.split.train, target.sentence)

    def _paths(self, target: Target) -> tuple[Path, ...]:
        return tuple(
            self.folder / f"member-{target.stem}-{member}.npz" for member in range(self._recipe.members)
        )
