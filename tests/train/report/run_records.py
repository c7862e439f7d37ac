"""Records of made-up runs."""

from typing import Any

from train.evaluation.metrics import measures, score
from train.report.run_record import RunRecord, sampled

LABELS = ("angry", "calm")


def record(name: str, *, n_right: int, base: str = "", **changes: Any) -> RunRecord:  # noqa: ANN401
    """A run that names some of 20 clips rightly."""
    truth = [index % 2 for index in range(20)]
    decisions = [label if index < n_right else 1 - label for index, label in enumerate(truth)]
    highest = changes.pop("validation", 0.5)
    metrics = {
        "name": name,
        "what": f"about {name}",
        "claim": {"says": "", "accuracy": 0.0, "of": "test"} | changes.pop("claim", {}),
        "data_sha256_of_names_and_sizes": "a" * 64,
        "versions": {"serd": "1"},
        "seed": 0,
        "split": {"is_leaky": False, "test_actors": "17,19"} | changes.pop("split", {}),
        "notes": [],
        "shortened": [],
        "n_labels": 2,
        "network": "reworked",
        "test": measures(score(truth, decisions, LABELS)),
        "validation": {"accuracy_highest": highest, "accuracy_last": 0.4},
        "parameters": 1000,
        "size_bytes": 4000,
        "epochs": 300,
        "stopped": "no better validation loss for 100 epochs",
        "seconds": changes.pop("seconds", 60.0),
        "seconds_per_epoch": 0.2,
    }
    settings = {
        "experiment": {
            "name": name,
            "data": {"shuffle_labels": False},
            "augment": {"variations": [], "clips": "all"},
        }
        | changes,
        "seed": 0,
    }
    history = [
        {"epoch": float(e), "loss": 1.0, "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": 0.5}
        for e in range(1, 301)
    ]
    return RunRecord(metrics=metrics, settings=settings, base=base, curves=sampled(history))
