"""Two models are compared on the same clips, by speakers and clip by clip."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from evaluation_helpers import packed_model
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap
from sklearn.metrics import accuracy_score, recall_score

from serd.errors import InputError
from train.__main__ import main
from train.evaluation.compare import compare, mcnemar, read_decisions

_CLASSES = ("angry", "calm", "happy")
_N_ACTORS, _N_CLIPS = 12, 30


def _write(folder: Path, *, share: float, seed: int, missed: str = "none") -> list[list[str]]:
    """Decisions on the same clips, right for about a share that differs from speaker to speaker."""
    rng = np.random.default_rng(seed)
    rows = []
    for actor in range(_N_ACTORS):
        p_right = np.clip(share + rng.normal(0.0, 0.15), 0.05, 0.95)
        for clip in range(_N_CLIPS):
            truth = _CLASSES[clip % 3]
            decision = truth if rng.random() < p_right else str(rng.choice([*_CLASSES, missed]))
            rows.append([f"a/{actor}-{clip}.wav", f"x:{actor}", truth, decision])
    folder.mkdir(exist_ok=True)
    with (folder / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "actor", "truth", "prediction"], *rows])
    return rows


def _uar(truth: NDArray[np.str_], said: NDArray[np.str_]) -> float:
    return float(recall_score(truth, said, labels=_CLASSES, average="macro"))


@pytest.mark.parametrize(("name", "measure"), [("uar", _uar), ("accuracy", accuracy_score)])
def test_differences_and_intervals_agree_with_scipy(
    name: str, measure: Callable[..., float], tmp_path: Path
) -> None:
    """A bootstrap over speakers written with SciPy and scikit-learn gives the same bounds."""
    first, second = _write(tmp_path / "a", share=0.5, seed=1), _write(tmp_path / "b", share=0.6, seed=2)
    found = compare(read_decisions(tmp_path / "a"), read_decisions(tmp_path / "b"), seed=0)
    truth = np.array([row[2] for row in first])
    said = [np.array([row[3] for row in rows]) for rows in (first, second)]
    by_actor = np.arange(truth.size).reshape(_N_ACTORS, _N_CLIPS)

    def difference(drawn: NDArray[np.int64]) -> float:
        clips = by_actor[drawn.astype(int)].ravel()
        one, other = (measure(truth[clips], each[clips]) for each in said)
        return float(other - one)

    expected = bootstrap(
        (np.arange(_N_ACTORS),),
        difference,
        vectorized=False,
        n_resamples=600,
        method="percentile",
        random_state=np.random.default_rng(3),
    ).confidence_interval
    assert found.differences[name] == pytest.approx(difference(np.arange(_N_ACTORS)))
    bounds = found.intervals[name]
    assert (bounds.low, bounds.high) == pytest.approx((expected.low, expected.high), abs=0.02)
    assert (found.first.n_clips, found.n_actors) == (_N_ACTORS * _N_CLIPS, _N_ACTORS)


@pytest.mark.parametrize(("one", "other"), [(0, 0), (3, 3), (1, 9), (12, 4), (0, 20), (900, 1000)])
def test_mcnemar_is_the_exact_test(one: int, other: int) -> None:
    """As SciPy's binomial test on the clips that one model alone decides rightly."""
    expected = binomtest(one, one + other).pvalue if one + other else 1.0
    assert mcnemar(one, other) == pytest.approx(expected)


def test_a_model_compared_with_itself_does_not_differ(tmp_path: Path) -> None:
    """No difference, bounds of zero, and nothing that one of them alone decides rightly."""
    _write(tmp_path / "a", share=0.5, seed=1)
    own = read_decisions(tmp_path / "a")
    found = compare(own, own, seed=0)
    assert set(found.differences.values()) == {0.0}
    assert {bound for each in found.intervals.values() for bound in (each.low, each.high)} == {0.0}
    assert (found.n_first_alone, found.n_second_alone, found.p_value) == (0, 0, 1.0)


def test_only_clips_of_both_count(tmp_path: Path) -> None:
    """The others are counted; a missed clip is an error however it is written."""
    rows = _write(tmp_path / "a", share=0.5, seed=1)
    _write(tmp_path / "b", share=0.6, seed=2, missed="")
    path = tmp_path / "b" / "predictions.csv"
    path.write_text("".join(path.read_text("utf-8").splitlines(keepends=True)[:-5]), "utf-8")
    found = compare(read_decisions(tmp_path / "a"), read_decisions(tmp_path / "b"), seed=0)
    assert (found.first.n_clips, found.n_unpaired) == (len(rows) - 5, 5)
    assert found.first.n_missed > 0
    assert found.second.n_missed > 0


def test_the_command_prints_differences(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With bounds and the test; evaluations need no figures of a run."""
    for name, seed in (("a", 1), ("b", 2)):
        _write(tmp_path / name, share=0.5, seed=seed)
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr().out
    for text in ("360 clips of 12 speakers", "95 % interval over speakers", "McNemar's exact test p ="):
        assert text in printed


def test_clips_of_one_name_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    """As in a folder an emotion; where names are unique, folders and endings may differ."""
    rows = "Angry/001.wav,x,angry,angry\nHappy/001.wav,x,happy,angry\n"
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        text = f"file,actor,truth,prediction\n{rows}"
        (tmp_path / name / "predictions.csv").write_text(text, "utf-8")
    found = compare(read_decisions(tmp_path / "a"), read_decisions(tmp_path / "b"), seed=0)
    assert (found.first.n_clips, found.n_unpaired) == (2, 0)
    text = "file,actor,truth,prediction\nelsewhere/2.flac,x,sad,sad\n"
    (tmp_path / "a" / "predictions.csv").write_text(text, "utf-8")
    (tmp_path / "b" / "predictions.csv").write_text(text.replace("elsewhere/2.flac", "2.wav"), "utf-8")
    found = compare(read_decisions(tmp_path / "a"), read_decisions(tmp_path / "b"), seed=0)
    assert (found.first.n_clips, found.n_unpaired) == (1, 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "cannot be read: No such file"),
        ("a,b\n1,2\n", "expected the columns file, actor"),
        ("file,actor,truth,prediction\n", "no decision in it"),
        ("file,actor,truth,prediction\nq.wav,1,sad,sad\n", "no clip in common"),
        ("file,actor,truth,prediction\nq.wav,1,sad,sad\nq.wav,1,sad,calm\n", "a clip is in it twice"),
        ("file,actor,truth,prediction\n0-0.wav,x:0,sad,sad\n", "with the same --scheme"),
    ],
)
def test_what_cannot_be_compared_is_said(text: str | None, message: str, tmp_path: Path) -> None:
    """No table, another one, an empty one, other clips, or other classes for the same clip."""
    _write(tmp_path / "a", share=0.5, seed=1)
    (tmp_path / "b").mkdir()
    if text is not None:
        (tmp_path / "b" / "predictions.csv").write_text(text, "utf-8")
    with pytest.raises(InputError, match=message):
        compare(read_decisions(tmp_path / "a"), read_decisions(tmp_path / "b"), seed=0)


def test_two_models_are_evaluated_and_compared(
    corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the clips of the speaker that neither was trained on, with a page for each model."""
    first = packed_model(tmp_path / "first.tflite", training={"actors": "1"})
    (tmp_path / "other").mkdir()
    second = packed_model(tmp_path / "other" / "first.tflite", training={"actors": "3"})
    out = tmp_path / "out"
    words = ["compare", str(first), str(second), "--clips", str(corpus_root), "--out", str(out)]
    assert main(words) == 0
    printed = capsys.readouterr().out
    assert "note: first.tflite was trained on actors 1, who are left out" in printed
    assert "8 clips of 1 speaker\n" in printed
    assert "McNemar's exact test p = 1.0000" in printed, "both are one network"
    for name in ("first", "first-2"):
        assert {path.name for path in (out / name).iterdir()} >= {"predictions.csv", "report.html"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["MODEL", "default"], "a model, which needs --clips ROOT"),
        (["default", "tiny"], "default: a model, which needs --clips ROOT"),
        (["MODEL", "--clips", "CLIPS"], "1 models with --clips, expected two"),
        (
            ["MODEL", "nothing", "--clips", "CLIPS"],
            "nothing: no model, expected a .tflite",
        ),
        (["MODEL", "MODEL", "--clips", "CLIPS"], "each of the actors 1-3 has been trained on"),
        (["RUN", "RUN", "--actors", "1"], "--actors needs --clips ROOT"),
    ],
)
def test_models_that_cannot_be_compared_are_named(
    words: list[str],
    message: str,
    corpus_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In one line with what was expected, before anything is evaluated."""
    model = packed_model(tmp_path / "m.tflite", training={"actors": "1-3"})
    places = {"MODEL": model, "CLIPS": corpus_root, "RUN": tmp_path}
    assert main(["compare", *(str(places.get(word, word)) for word in words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(message, line)
