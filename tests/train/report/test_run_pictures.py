"""A run's pictures are drawn without a complaint, whatever there is to draw."""

from train.evaluation.metrics import MISSED, measures, score
from train.report.run_pictures import confusion, curves

PNG = b"\x89PNG"


def test_curves_are_drawn_with_and_without_validation() -> None:
    """One epoch without validation and two with it both give a PNG."""
    row = {"epoch": 1.0, "loss": 2.0, "accuracy": 0.1, "uar": 0.1}
    whole = [{**row, "epoch": e, "val_loss": 2.1, "val_accuracy": 0.2, "val_uar": 0.2} for e in (1, 2)]
    assert curves([row], "without").startswith(PNG)
    assert curves(whole, "with").startswith(PNG)


def test_the_confusion_shows_what_was_not_heard() -> None:
    """The picture with a clip that was not heard is another than the one without."""
    test = measures(score([0, 1], [0, MISSED], ("angry", "calm")))
    narrow = {**test, "confusion": [[1, 0, 0], [0, 0, 0]]}
    with_it, without = confusion(test, "run"), confusion(narrow, "run")
    assert with_it.startswith(PNG)
    assert without.startswith(PNG)
    assert with_it != without
