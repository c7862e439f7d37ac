"""Runs one fold of an experiment, from its clips to a finished folder."""

import os
import platform
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from serd.errors import OperationError
from train.clips import CorpusError
from train.experiments import folder as files
from train.experiments.data import Data, Part, parts
from train.experiments.features import FeatureStore
from train.experiments.folder import RunFolder, write_csv
from train.experiments.measures import clip_probabilities, clip_scores, measures
from train.experiments.options import RunOptions
from train.experiments.pictures import confusion, curves
from train.experiments.results import facts, figures, predictions
from train.experiments.settings import Experiment, digest
from train.files import write_whole
from train.kept import keep_network
from train.tensorflow_import import tensorflow_for
from train.versions import versions

if TYPE_CHECKING:
    from train.experiments.training import Outcome


class Reporter(Protocol):
    """Is told how a run goes on."""

    def clips(self, done: int, total: int) -> None:
        """Features of some clips are computed."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float]) -> None:
        """An epoch is done."""

    def line(self, text: str) -> None:
        """Something else is to be said."""


def run_settings(experiment: Experiment, data: Data, options: RunOptions) -> dict[str, Any]:
    """What a run's ``settings.json`` holds; equal digests mean equal figures on the same machine."""
    decisive = {
        "experiment": options.capped(experiment).decisive(),
        "seed": options.seed,
        "fold": options.fold,
        "quick": options.is_quick,
        "holdout": sorted(data.holdout),
        "data_sha256_of_names_and_sizes": data.fingerprint,
    }
    return {
        "name": experiment.name,
        "digest": digest(decisive),
        "what": experiment.what,
        "claim": experiment.to_json()["claim"],
        "epochs_of_the_experiment": experiment.learn.epochs,
        **decisive,
        "n_clips": len(data.clips),
        "versions": versions(),
        "machine": platform.machine(),
    }


def run(
    experiment: Experiment, data: Data, folder: RunFolder, options: RunOptions, reporter: Reporter
) -> dict[str, Any]:
    """Train, score and write one fold of an experiment, or go on with it where it was interrupted.

    Returns:
        What ``metrics.json`` holds; that of an earlier run if it was finished.

    Raises:
        InputError: the clips cannot be split as asked, or the folder holds another run.
        OperationError: the folder cannot be written.
        LibraryError: TensorFlow is not installed.
    """
    settings = run_settings(experiment, data, options)
    folder.begin(settings)
    if folder.is_finished:
        return folder.metrics()
    part = parts(experiment, data, seed=options.seed)[options.fold]
    try:
        return _run(options.capped(experiment), data, part, folder, options, reporter, settings)
    except (OSError, RuntimeError) as exc:  # h5py tells of a full disk by either
        if not _is_about_the_disk(exc):
            raise
        raise OperationError(f"{folder.path}: cannot be written: {_reason(exc)}") from exc


def _run(
    experiment: Experiment,
    data: Data,
    part: Part,
    folder: RunFolder,
    options: RunOptions,
    reporter: Reporter,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    with tensorflow_for("training"):
        from train.convert import to_keras  # noqa: PLC0415
        from train.experiments.training import Training, train  # noqa: PLC0415

    started_s = time.monotonic()
    training = Training(
        experiment=experiment,
        part=part,
        store=FeatureStore(data.clips, options.features),
        state=folder.state,
        seed=options.seed,
        is_quick=options.is_quick,
        on_epoch=lambda done, row: reporter.epoch(done, experiment.learn.epochs, row),
        on_clips=reporter.clips,
    )
    outcome = train(training)
    for line in outcome.left_out.values():
        reporter.line(f"left out: {line}")
    said = clip_probabilities(_readable(part, outcome), outcome.owners, outcome.probabilities)
    if not said:
        raise CorpusError(f"{experiment.name}: none of its test clips can be read")
    scores = clip_scores([part.truth[clip] for clip in said], list(said.values()), part.labels)
    model = to_keras(outcome.model)
    title = f"{folder.name}: actors {part.test_actors}"
    write_csv(folder.path / files.HISTORY, outcome.history)
    write_csv(folder.path / files.PREDICTIONS, predictions(data, part, said))
    write_whole(folder.path / files.CURVES, curves(outcome.history, folder.name))
    write_whole(folder.path / files.CONFUSION, confusion(measures(scores), title))
    if outcome.card is None:
        write_whole(folder.path / files.MODEL, model)
    else:
        clips = Path(os.path.commonpath([clip.path for clip in data.clips]))
        keep_network(folder.path / files.MODEL, model, outcome.card, clips=clips)
    metrics = {
        **facts(experiment, data, part, options, settings),
        **figures(outcome, scores, len(model)),
        "seconds_of_this_process": round(time.monotonic() - started_s, 1),
    }
    folder.finish(metrics)
    return metrics


def _readable(part: Part, outcome: "Outcome") -> list[int]:
    return [clip for clip in part.split.test if clip not in outcome.left_out]


def _is_about_the_disk(exc: Exception) -> bool:
    return isinstance(exc, OSError) or "errno = " in str(exc)


def _reason(exc: Exception) -> str:
    """What the operating system said, out of h5py's longer text."""
    found = re.search(r"errno = (\d+)", str(exc))
    if found:
        return os.strerror(int(found[1]))
    return getattr(exc, "strerror", None) or str(exc).partition("\n")[0]
