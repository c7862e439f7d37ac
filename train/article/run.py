"""A run: one fold of an experiment with one seed, from its clips to a finished folder."""

import os
import platform
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from serd.errors import OperationError
from serd.model.labels import EMOTIONS
from train.article import run_folder as files
from train.article.data import Data, Part, parts
from train.article.experiment import Experiment, RunOptions, digest
from train.article.features import FeatureStore
from train.article.run_folder import RunFolder, write_csv
from train.data.clips import CorpusError
from train.data.files import write_whole
from train.evaluation.compare import PREDICTIONS
from train.evaluation.metrics import Scores, clip_scores, mean_window_probabilities, measures
from train.model.checkpoint import save_checkpoint
from train.model.tensorflow_import import tensorflow_for, versions
from train.report.run_pictures import confusion, curves

if TYPE_CHECKING:
    from train.article.training import Outcome


def facts(
    experiment: Experiment,
    data: Data,
    part: Part,
    options: RunOptions,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Facts on a run: clips, split, remarks and limits."""
    split = part.split
    shortened = []
    if options.is_quick:
        shortened.append("smoke run")
    elif experiment.learn.epochs < settings["epochs_of_the_experiment"]:
        most = settings["epochs_of_the_experiment"]
        shortened.append(f"{experiment.learn.epochs} epochs at most in place of {most}")
    return {
        "name": experiment.name,
        "what": experiment.what,
        "claim": settings["claim"],
        "digest": settings["digest"],
        "data_sha256_of_names_and_sizes": data.fingerprint,
        "versions": settings["versions"],
        "seed": options.seed,
        "split": {
            "protocol": split.name,
            "is_leaky": split.is_leaky,
            "test_actors": part.test_actors,
            "n_train": len(split.train),
            "n_validation": len(split.validation),
            "n_test": len(split.test),
        },
        "notes": list(part.notes),
        "shortened": shortened,
        "set": experiment.data.set,
        "n_labels": len(part.labels),
        "network": experiment.network.kind,
        "input": experiment.input.kind,
    }


def results(outcome: "Outcome", scores: Scores, size_bytes: int) -> dict[str, Any]:
    """Results of a run: test and validation metrics, size, epochs and time."""
    history = outcome.history
    validation = {}
    if history and "val_accuracy" in history[0]:
        best = min(history, key=lambda row: row["val_loss"])
        validation = {
            "accuracy_highest": round(max(row["val_accuracy"] for row in history), 4),
            "accuracy_last": round(history[-1]["val_accuracy"], 4),
            "accuracy_at_least_loss": round(best["val_accuracy"], 4),
            "uar_last": round(history[-1]["val_uar"], 4),
            "loss_least": round(best["val_loss"], 4),
            "epoch_of_least_loss": int(best["epoch"]),
        }
    return {
        "test": measures(scores),
        "validation": validation,
        "n_inputs_learnt": outcome.n_learnt,
        "n_clips_left_out": len(outcome.left_out),
        "parameters": int(outcome.model.count_params()),
        "size_bytes": size_bytes,
        "epochs": len(history),
        "stopped": outcome.stopped,
        "seconds": round(sum(row["seconds"] for row in history), 1),
        "seconds_per_epoch": round(sum(row["seconds"] for row in history) / len(history), 2),
    }


def predictions(data: Data, part: Part, said: Mapping[int, Any]) -> list[dict[str, object]]:
    """A row for each test clip, without class and probabilities for a missed one."""
    rows = []
    for clip, probabilities in said.items():
        decision = "" if probabilities is None else part.labels[int(probabilities.argmax())]
        cells = [""] * len(part.labels) if probabilities is None else probabilities.tolist()
        rows.append(
            {
                "file": data.clips[clip].path.name,
                "actor": data.clips[clip].actor,
                "truth": part.labels[part.truth[clip]],
                "prediction": decision,
                **dict(zip(part.labels, cells, strict=True)),
            }
        )
    return rows


class Reporter(Protocol):
    """Reports the progress of a run."""

    def clips(self, done: int, total: int) -> None:
        """Report the progress of features."""

    def epoch(self, done: int, total: int, figures: Mapping[str, float]) -> None:
        """Report an epoch."""

    def line(self, text: str) -> None:
        """Report a line."""


def run_settings(experiment: Experiment, data: Data, options: RunOptions) -> dict[str, Any]:
    """Content of ``settings.json``; equal digests mean equal metrics on the same machine."""
    decisive = {
        "experiment": options.capped(experiment).decisive(),
        "seed": options.seed,
        "fold": options.fold,
        "quick": options.is_quick,
        "holdout": sorted(data.holdout),
        "data_sha256_of_names_and_sizes": data.fingerprint,
        "labels_sha256": digest([[clip.actor, clip.emotion] for clip in data.clips]),
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


def run_fold(
    experiment: Experiment, data: Data, folder: RunFolder, options: RunOptions, reporter: Reporter
) -> dict[str, Any]:
    """Train, score and write one fold of an experiment, or resume it.

    Returns:
        Content of ``metrics.json``; that of an earlier run if it was finished.

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
        from train.article.training import Training, train  # noqa: PLC0415
        from train.model.conversion import to_keras  # noqa: PLC0415

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
    said = mean_window_probabilities(_readable(part, outcome), outcome.owners, outcome.probabilities)
    if not said:
        raise CorpusError(f"{experiment.name}: none of its test clips can be read")
    truth = [part.truth[clip] for clip in said]
    plain = clip_scores(truth, list(said.values()), part.labels)
    scores = clip_scores(truth, _restricted(part, list(said.values())), part.labels)
    model = to_keras(outcome.model)
    write_csv(folder.path / PREDICTIONS, predictions(data, part, said))
    title = f"{folder.name}: actors {part.test_actors}"
    write_whole(folder.path / files.CONFUSION, confusion(measures(scores), title))
    _write_outcome(outcome, model, data, folder)
    metrics = {
        **facts(experiment, data, part, options, settings),
        **results(outcome, scores, len(model)),
        **({} if scores.confusion.tolist() == plain.confusion.tolist() else {"plain": measures(plain)}),
        "seconds_of_this_process": round(time.monotonic() - started_s, 1),
    }
    folder.finish(metrics)
    return metrics


def _write_outcome(outcome: "Outcome", model: bytes, data: Data, folder: RunFolder) -> None:
    """Write what came of the training: its history, as a picture too, and the model."""
    write_csv(folder.path / files.HISTORY, outcome.history)
    write_whole(folder.path / files.CURVES, curves(outcome.history, folder.name))
    if outcome.card is None:
        write_whole(folder.path / files.MODEL, model)
    else:
        clips = Path(os.path.commonpath([clip.path for clip in data.clips]))
        save_checkpoint(folder.path / files.MODEL, model, outcome.card, clips=clips)


def _restricted(
    part: Part, probabilities: Sequence[NDArray[np.float64] | None]
) -> list[NDArray[np.float64] | None]:
    """Probabilities of the emotions that the test clips can show; the article's classes as they are."""
    if part.labels != EMOTIONS or part.split.emotions == EMOTIONS:
        return list(probabilities)
    mask = np.isin(part.labels, part.split.emotions)
    return [None if each is None else each * mask for each in probabilities]


def _readable(part: Part, outcome: "Outcome") -> list[int]:
    return [clip for clip in part.split.test if clip not in outcome.left_out]


def _is_about_the_disk(exc: Exception) -> bool:
    return isinstance(exc, OSError) or "errno = " in str(exc)


def _reason(exc: Exception) -> str:
    """The message of the operating system in h5py's longer text."""
    found = re.search(r"errno = (\d+)", str(exc))
    if found:
        return os.strerror(int(found[1]))
    return getattr(exc, "strerror", None) or str(exc).partition("\n")[0]
