"""Files of an evaluation: decisions, page and metrics.

Each file is written beside its place and moved there whole. ``metrics.json`` of an earlier evaluation
goes first and that of this one comes last, so that where it lies the other files belong to it.
"""

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from serd.errors import OperationError
from serd.model.labels import NONE
from train.data.clips import Clip
from train.data.files import write_whole
from train.evaluation.compare import PREDICTIONS
from train.evaluation.metrics import Scores
from train.evaluation.model_evaluation import Evaluation
from train.evaluation.predictions import Prediction
from train.report.evaluation_page import page

METRICS = "metrics.json"
PAGE = "report.html"
CONFUSION = "confusion.csv"


def write_evaluation(evaluation: Evaluation, folder: Path) -> None:
    """Write all files.

    Args:
        evaluation: the evaluation.
        folder: output folder, created if it is missing.

    Raises:
        OperationError: the folder cannot be written to, or is full.
    """
    classes = evaluation.plan.scheme.classes
    texts = {PREDICTIONS: predictions_csv(evaluation.predictions.clean, classes, evaluation.file)}
    for snr_db, predictions in evaluation.predictions.noisy.items():
        texts[noisy_name(snr_db)] = predictions_csv(predictions, classes, evaluation.file)
    texts[CONFUSION] = confusion_csv(evaluation.clean.scores)
    texts[PAGE] = page(evaluation)
    texts[METRICS] = json.dumps(evaluation.to_json(), indent=2, ensure_ascii=False) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS).unlink(missing_ok=True)
        for stale in folder.glob(noisy_name("*")):
            stale.unlink()
        for name, text in texts.items():
            write_whole(folder / name, text.encode())
    except OSError as exc:
        raise OperationError(f"{folder}: the report cannot be written: {exc.strerror}") from exc


def noisy_name(snr_db: float | str) -> str:
    """Name of the file of decisions at a signal-to-noise ratio in dB."""
    ratio = snr_db if isinstance(snr_db, str) else f"{snr_db:g}"
    return f"predictions-{ratio}db.csv"


def confusion_csv(scores: Scores) -> str:
    """A row per true class: clips by decision, the last column for missed clips."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["truth", *scores.labels, "missed"])
    for label, counts in zip(scores.labels, scores.confusion.tolist(), strict=True):
        rows.writerow([label, *counts])
    return text.getvalue()


def predictions_csv(
    predictions: Sequence[Prediction], classes: Sequence[str], file: Callable[[Clip], str]
) -> str:
    """A row per clip: file, actor, truth, prediction, confidence, detected speech, probabilities.

    The prediction of a missed clip is "none", its confidence and probabilities are empty. In noise, a
    last column names the recording.

    Args:
        predictions: the decisions.
        classes: name of each class.
        file: the name of a clip's file.
    """
    with_noise = any(each.noise for each in predictions)
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    columns = ["file", "actor", "truth", "prediction", "confidence", "speech_s", *classes]
    rows.writerow([*columns, "noise"] if with_noise else columns)
    for each in predictions:
        row: list[object] = [file(each.clip), each.clip.actor, classes[each.truth]]
        if each.probabilities is None:
            row += [NONE, "", f"{each.speech_s:.2f}", *("" for _ in classes)]
        else:
            row += [classes[each.decision], f"{each.confidence:.6f}", f"{each.speech_s:.2f}"]
            row += [f"{share:.6f}" for share in each.probabilities]
        rows.writerow([*row, each.noise] if with_noise else row)
    return text.getvalue()
