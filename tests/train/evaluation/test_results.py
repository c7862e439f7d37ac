"""Cross-corpus metrics: from a model's card onto the pages."""

import json
from pathlib import Path

import pytest

from testkit.models import made_card, write_model
from train.__main__ import main
from train.data.clips import CorpusError
from train.evaluation.results import SCHEMA, cross_corpus, recipe_digest

_DOCS = Path(__file__).parents[3] / "docs"
_RECIPE = {"precision": "int8", "n_actors": 0}
_RUN = {"recipe": recipe_digest(_RECIPE)}


def _model(path: Path, *, learnt: str, held_out: str, uar: float = 0.5) -> Path:
    figures = {
        "test_actors": held_out,
        "uar": uar,
        "n_clips": 719,
        "n_unheard": 7,
        "recalls": dict.fromkeys(("neutral", "happy", "sad", "angry", "fearful", "surprised"), uar),
    }
    held = {"held_out": figures} if held_out else {}
    card = made_card(training={"actors": learnt, "recipe": _RECIPE} | held)
    return write_model(path, b"network", card)


def test_the_card_says_who_was_held_out_and_whether_any_of_theirs_was_heard(tmp_path: Path) -> None:
    """Its metrics are taken over; having trained on others of the same corpus is marked."""
    among = cross_corpus(
        _model(tmp_path / "a.tflite", learnt="1-20,nemo:KD0", held_out="nemo:EB0,nemo:IC0"),
        recipe_of=_RUN,
    )
    assert among == {
        "test_actors": "nemo:EB0,nemo:IC0",
        "has_others_of_corpus": True,
        "uar": 0.5,
        "n_clips": 719,
        "n_missed": 7,
        "n_classes": 6,
        "recipe": _RUN["recipe"],
    }
    path = _model(tmp_path / "b.tflite", learnt="1-20", held_out="nemo:EB0")
    alone = cross_corpus(path, recipe_of=_RUN)
    assert not alone["has_others_of_corpus"]


@pytest.mark.parametrize("held_out", ["", "1-4"])
def test_a_model_without_cross_corpus_metrics_is_refused(held_out: str, tmp_path: Path) -> None:
    """A card with nobody held out, or actors of RAVDESS alone, has no cross-corpus metrics."""
    path = _model(tmp_path / "a.tflite", learnt="5-20", held_out=held_out)
    with pytest.raises(CorpusError, match="no speaker of another corpus was held out"):
        cross_corpus(path, recipe_of=_RUN)


def test_pages_show_cross_corpus_metrics(tmp_path: Path) -> None:
    """Those given take the place of those that the metrics hold; a page without any says nothing."""
    first = _model(tmp_path / "a.tflite", learnt="1-20,nemo:KD0", held_out="nemo:EB0", uar=0.4)
    second = _model(tmp_path / "b.tflite", learnt="1-20,nemo:EB0", held_out="nemo:KD0", uar=0.6)
    alone = _model(tmp_path / "c.tflite", learnt="1-20", held_out="nemo:EB0,nemo:KD0", uar=0.3)
    page, log = tmp_path / "model.md", tmp_path / "research-log.md"
    own = _figures(tmp_path / "own.json", _RUN["recipe"])
    assert main(["report", str(own), "--out", str(page)]) == 0
    assert "Cross-corpus:" not in page.read_text("utf-8")
    assert "## Cross-corpus" not in log.read_text("utf-8")
    words = ["report", page.with_suffix(".json"), "--out", page, "--cross-corpus", second]
    assert main([str(each) for each in words]) == 0
    words = ["report", page.with_suffix(".json"), "--out", page]
    for path in (first, second, alone):
        words += ["--cross-corpus", path]
    assert main([str(each) for each in words]) == 0
    text = log.read_text("utf-8")
    assert "| nemo:EB0 | four others of nEMO and RAVDESS | 0.400 |  | 7 of 719 |" in text
    assert "| nemo:EB0, nemo:KD0 | RAVDESS alone | 0.300 | 0.35 | 7 of 719 |" in text
    assert "in training, UAR is 0.500; with RAVDESS alone, 0.300." in page.read_text("utf-8")
    assert "| mean of those with others of nEMO |  | 0.500 | 0.60 |  |" in text
    body = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert [each["uar"] for each in body["cross_corpus"]] == [0.4, 0.6, 0.3]


def test_cross_corpus_metrics_of_another_recipe_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the model and its recipe; the status is 2."""
    model = _model(tmp_path / "a.tflite", learnt="1-20", held_out="nemo:EB0")
    figures = _figures(tmp_path / "own.json", "0123456789abcdef")
    words = ["report", figures, "--cross-corpus", model, "--out", tmp_path / "model.md"]
    assert main([str(each) for each in words]) == 2
    refusal = f"{model}: of recipe {_RUN['recipe']}; the metrics that it is added to"
    assert refusal in capsys.readouterr().err


def _figures(path: Path, recipe: str) -> Path:
    """Metrics of a recipe of that digest, with nothing beside them."""
    run = json.loads((_DOCS / "model.json").read_text("utf-8"))["runs"][0]
    path.write_text(json.dumps({"schema": SCHEMA, "runs": [run | {"recipe": recipe}]}), "utf-8")
    return path
