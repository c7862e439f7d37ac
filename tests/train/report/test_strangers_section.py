"""The figures of strangers, as tables."""

from typing import Any

from train.report.strangers_section import stranger_rows, strangers_section


def _run(uar: float, named: float, *, groups: tuple[str, ...] = ("RAVDESS",)) -> dict[str, Any]:
    corpus = {
        "title": "CREMA-D",
        "n_speakers": 70,
        "n_classes": 6,
        "uar": uar,
        "plain_uar": uar - 0.1,
        "interval": [0.4, 0.6],
        "missed": 0.01,
        "ece": 0.02,
        "arousal_auc": None,
    }
    return {
        "strangers": {
            "corpora": {"crema-d": corpus},
            "naming": {
                "ordinary": {"n": 10, "named": named, "hours": 0.5, "angry_per_hour": 0.5},
                "groups": {group: {"n": 4, "named": 0.75, "right": 0.5} for group in groups},
                "strong_anger": None,
            },
        }
    }


def test_models_are_compared_figure_by_figure() -> None:
    """A cell for each model, the mean over its seeds; a figure that is not known is empty."""
    default, tiny = [_run(0.5, 0.04), _run(0.6, 0.06)], [_run(0.45, 0.1)]
    rows = {title: cells for title, *cells in stranger_rows((default, tiny))}
    assert rows["UAR, CREMA-D"] == ["0.550 ± 0.071", "0.450"]
    assert rows["ordinary orders that are given an emotion"] == ["5.0 %", "10.0 %"]
    assert rows["strong anger of RAVDESS that is named anger"] == ["", ""]
    assert rows["RAVDESS: clips with an emotion that are named rightly"] == ["50.0 %", "50.0 %"]


def test_a_model_without_figures_is_not_compared() -> None:
    """Nor has it a section."""
    assert stranger_rows(([_run(0.5, 0.04)], [{}])) == []
    assert strangers_section([{}], {}) == ""


def test_the_section_has_the_goals() -> None:
    """Beside what was measured, with the interval over speakers."""
    section = strangers_section([_run(0.5, 0.04)], {})
    assert "| CREMA-D | 70 | 6 | 0.500 [0.400, 0.600] | 0.400 |  |  | 0.020 | 1.0% |" in section
    assert "| ordinary orders that are given an emotion | 4.0 % | at most 5 % |" in section
