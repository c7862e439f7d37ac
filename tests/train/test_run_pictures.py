"""A run's pictures are drawn without a complaint, whatever there is to draw."""

from train.experiments.measures import measures
from train.experiments.pictures import confusion, curves
from train.scores import UNHEARD, score

PNG = b"\x89PNG"


def test_curves_are_drawn_with_and_without_validation() -> None:
    row = {"epoch": 1.0, "loss": 2.0, "accuracy": 0.1, "uar": 0.1}
    whole = [{**row, "epoch": e, "val_loss": 2.1, "val_accuracy": 0.2, "val_uar": 0.2} for e in (1, 2)]
    assert curves([row], "without").startswith(PNG)
    assert curves(whole, "with").startswith(PNG)


def test_the_confusion_has_a_column_for_what_was_not_heard_only_if_something_was_not() -> None:
    test = measures(score([0, 1], [0, UNHEARD], ("angry", "calm")))
    narrow = {**test, "confusion": [[1, 0, 0], [0, 0, 0]]}
    assert confusion(test, "run").startswith(PNG)
    assert confusion(test, "run") != confusion(narrow, "run")
