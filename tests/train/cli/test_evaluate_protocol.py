"""Runs of ``left-out-corpus`` and ``text``, evaluated and on the page of the model."""

import json
from pathlib import Path
from typing import Any

import pytest
from evaluation_helpers import packed_model

from testkit.imports import ROOT
from train.__main__ import main
from train.evaluation.results import SCHEMA, UNTAUGHT_RECIPE, read_results, recipe_facts
from train.report.strangers_section import left_out_section

_RECIPE = {"n_actors": 0, "learn": {"epochs": 3}}
_ALL_CORPORA = {"left-out-corpus-1": "1,2,3", "left-out-corpus-2": "nemo:EB0,nemo:MK1"}


def _write_run(folder: Path, tested: dict[str, str], **facts: Any) -> Path:  # noqa: ANN401
    """A run whose folds have the shipped network, with cards of their own."""
    folder.mkdir()
    for name, actors in tested.items():
        training = {"test_actors": actors, "seed": 0, "recipe": _RECIPE, "parameters": 7, **facts}
        packed_model(folder / f"model-{name}.tflite", training=training)
    return folder


def _run(*words: object) -> int:
    return main([str(word) for word in words])


def test_each_corpus_is_scored_by_the_network_that_never_heard_it(
    corpus_root: Path, nemo_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of RAVDESS six emotions count, without calm and disgust; a table and a file have the figures."""
    run = _write_run(tmp_path / "run", _ALL_CORPORA, protocol="left-out-corpus")
    out = tmp_path / "out"
    assert _run("evaluate", run, corpus_root, "--also", nemo_root, "--out", out) == 0
    (measured,) = read_results(out / "folds.json")["runs"]
    assert measured["protocol"] == "left-out-corpus"
    assert measured.items() >= recipe_facts(_RECIPE).items()
    corpora = measured["corpora"]
    counts = {name: (each["n_clips"], each["n_classes"]) for name, each in corpora.items()}
    assert counts == {"ravdess": (18, 6), "nemo": (12, 6)}
    printed = capsys.readouterr().out
    assert "run: 2 folds of left-out-corpus" in printed
    assert "nEMO" in printed


def test_a_sentence_is_scored_by_the_network_that_never_heard_it(
    corpus_root: Path, tmp_path: Path
) -> None:
    """All eight emotions, of the clips of that sentence alone."""
    run = _write_run(tmp_path / "run", {"a": "1,2"}, protocol="text", unheard_sentence="1")
    assert _run("evaluate", run, corpus_root, "--out", tmp_path) == 0
    (measured,) = read_results(tmp_path / "folds.json")["runs"]
    assert measured["corpora"]["ravdess"]["n_clips"] == 16
    assert measured["folds"] == {"a": 16}
    other = _write_run(tmp_path / "other", {"a": "1,2"}, protocol="text", unheard_sentence="2")
    assert _run("evaluate", other, corpus_root, "--out", tmp_path) == 2, "no clip has sentence 2"


@pytest.mark.parametrize(
    ("others", "words", "message"),
    [
        ("", ["--noise", "NOISE"], "--noise is not for runs of left-out-corpus"),
        ("", ["--ordinary", "NOISE"], "--ordinary is not for runs of left-out-corpus"),
        ("text", [], "runs of one protocol at a time"),
        ("all5", [], "runs of one protocol at a time"),
    ],
)
def test_what_such_runs_cannot_be_given_is_said(
    others: str,
    words: list[str],
    message: str,
    corpus_root: Path,
    noise_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Other conditions and runs of other protocols, in one line."""
    runs = [_write_run(tmp_path / "run", _ALL_CORPORA, protocol="left-out-corpus")]
    if others:
        runs.append(_write_run(tmp_path / "other", {"a": "1"}, protocol=others))
    given = [noise_root if word == "NOISE" else word for word in words]
    assert _run("evaluate", *runs, corpus_root, *given) == 2
    assert message in capsys.readouterr().err


def _figures(uar: float) -> dict[str, Any]:
    corpus = {
        "n_speakers": 6,
        "n_classes": 6,
        "uar": uar,
        "plain_uar": uar - 0.1,
        "interval": [uar - 0.1, uar + 0.1],
        "missed": 0.02,
        "ece": 0.05,
        "arousal_auc": 0.8,
    }
    return {
        "ravdess": corpus | {"title": "RAVDESS"},
        "nemo": corpus | {"title": "nEMO", "uar": uar + 0.1, "arousal_auc": 0.9},
    }


def test_the_mean_is_over_corpora_then_over_seeds() -> None:
    """Each corpus weighs the same; the deviation is that of the seeds."""
    runs = [{"corpora": _figures(uar)} for uar in (0.3, 0.4)]
    section = left_out_section({"left-out-corpus": runs})
    assert "| RAVDESS | 6 | 6 | 0.350 ± 0.071 [0.200, 0.400] | 0.250 ± 0.071 |  | 0.800" in section
    assert "| mean |  |  | 0.400 ± 0.071 | 0.250 ± 0.071 |  | 0.850 ± 0.000 |  | 2.0% |" in section
    runs[0]["corpora"]["nemo"]["arousal_auc"] = None
    assert "| mean |  |  | 0.400 ± 0.071 | 0.250 ± 0.071 |  |  |  | 2.0% |" in left_out_section(
        {"left-out-corpus": runs}
    )
    assert left_out_section({}) == ""


@pytest.mark.parametrize("protocol", ["left-out-corpus", "text"])
def test_networks_without_a_teacher_are_told_from_the_shipped_ones(protocol: str) -> None:
    """Runs of before teachers count as such."""
    taught = {"corpora": _figures(0.3), "has_teacher": True}
    warning = "These networks learned from labels alone, without a teacher."
    assert warning not in left_out_section({protocol: [taught]})
    assert warning in left_out_section({protocol: [taught | {"has_teacher": False}]})
    assert warning in left_out_section({protocol: [{"corpora": _figures(0.3)}]})


def test_the_page_keeps_what_it_was_given(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON beside the page makes it again; runs of another recipe or protocol are refused."""
    run = json.loads((ROOT / "docs/model.json").read_text("utf-8"))["runs"][0]
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"schema": SCHEMA, "runs": [run]}), "utf-8")
    names = ("seed", UNTAUGHT_RECIPE, "parameters", "epochs")
    like = {name: run[name] for name in names} | {"recipe": "without a teacher", "folds": {"a": 1}}

    def written(name: str, **changes: object) -> Path:
        facts = like | {"protocol": name, "corpora": _figures(0.4)} | changes
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"schema": SCHEMA, "runs": [facts]}), "utf-8")
        return path

    page = tmp_path / "page.md"
    words = ["--protocol", written("text"), "--protocol", written("left-out-corpus")]
    assert _run("report", own, *words, "--out", page) == 0
    text = page.read_text("utf-8")
    assert "### A corpus that it never heard" in text
    assert "### A sentence that it never heard" in text
    assert _run("report", page.with_suffix(".json"), "--out", page) == 0
    assert page.read_text("utf-8") == text
    assert _run("report", own, "--protocol", own, "--out", page) == 2
    assert "no runs of left-out-corpus or text" in capsys.readouterr().err
    other = written("text", **{UNTAUGHT_RECIPE: "0123456789abcdef"})
    assert _run("report", own, "--protocol", other, "--out", page) == 2
    assert f"{other}: of recipe 0123456789abcdef without its teacher" in capsys.readouterr().err
