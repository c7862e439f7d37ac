"""What the files of a finished run hold."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from train.experiments.data import Data, Part
from train.experiments.measures import measures
from train.experiments.options import RunOptions
from train.experiments.settings import Experiment
from train.scores import Scores

if TYPE_CHECKING:
    from train.experiments.training import Outcome


def facts(
    experiment: Experiment,
    data: Data,
    part: Part,
    options: RunOptions,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """What a run was: its clips, what stood in for what, and what was shortened."""
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


def figures(outcome: "Outcome", scores: Scores, size_bytes: int) -> dict[str, Any]:
    """What came out: test and validation figures, size, epochs and time."""
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
    """A row for each test clip; where nothing was heard, no class and no probability."""
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
