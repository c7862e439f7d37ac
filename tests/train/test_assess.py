"""``python -m train assess``: figures over folds, seeds and conditions, and the page that shows them."""

import json
from pathlib import Path

import numpy as np
import pytest
from test_fit import have_two_folds
from trainings import train

from serd.labels import EMOTIONS
from train.__main__ import main
from train.assess.joined import joined_clips
from train.assess.variants import variants
from train.clips import CorpusError
from train.corpora import find_clips
from train.evaluation.conditions import CONDITIONS


@pytest.fixture(scope="module")
def run(corpus_root: Path, noise_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folds of a smoke run."""
    work = tmp_path_factory.mktemp("assess")
    words = ["fit", corpus_root, "--noise", noise_root, "--protocol", "two", "--folds-only"]
    words += ["--quick", "--epochs", 1, "--work", work, "--out", work / "none.tflite"]
    result = train(*words, before=have_two_folds)
    assert (result.returncode, result.stderr) == (0, "")
    assert "the folds' models are in" in result.stdout
    assert not (work / "none.tflite").exists()
    (path,) = work.rglob("model-1.tflite")
    return path.parent


def test_what_is_measured_is_counted_over_folds_and_runs(
    run: Path, corpus_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """The same run twice, as if they were two seeds: means are those of one, deviations are zero."""
    figures, page = tmp_path / "figures.json", tmp_path / "model.md"
    words = ["assess", corpus_root, run, run, "--noise", noise_root]
    words += ["--ablation", "nothing", run, "--ablation", "nothing", run, "--ablation", "mixup", run]
    words += ["--curve", "1", run]
    result = train(*words, "--out", figures, "--page", page)
    assert (result.returncode, result.stderr) == (0, "")
    summary = json.loads(figures.read_text("utf-8"))
    assert summary["n_runs"] == 2
    passes = {
        "clean",
        "float32",
        "joined clips",
        "used to the voice",
        "20 dB noise",
        "10 dB noise",
        "0 dB noise",
    }
    assert set(summary["uar"]) == passes | set(CONDITIONS)
    assert all(each["std"] == 0.0 for each in summary["uar"].values())
    assert summary["uar"]["clean"] == summary["uar"]["float32"], "a quick network is float32"
    counts = np.array(summary["confusion"]["counts"])
    assert counts.sum() == 2 * 16
    folds = [each["mean"] for each in summary["folds"].values()]
    assert list(summary["folds"]) == ["1", "2"]
    assert np.mean(folds) == pytest.approx(summary["uar"]["clean"]["mean"], abs=1e-4)
    recalls = np.diag(counts) / counts.sum(axis=1)
    assert list(summary["recalls"].values()) == pytest.approx(recalls.tolist(), abs=1e-4)
    coverage = [each["coverage"] for each in summary["risk_coverage"]]
    assert coverage[0] == 1.0
    assert coverage == sorted(coverage, reverse=True)
    assert 0 < summary["noise"]["n"] <= 4
    text = page.read_text("utf-8")
    assert f"| {summary['uar']['clean']['mean']:.3f} ± 0.000 |" in text
    assert all(f"| {emotion} |" in text for emotion in EMOTIONS)
    uar = summary["uar"]["clean"]["mean"]
    rows = [(each["name"], each["std"], each["n_runs"]) for each in summary["ablations"]]
    assert rows == [("nothing", 0.0, 2), ("mixup", None, 1)]
    assert f"Networks of {summary['parameters']:,} parameters:" in text
    assert summary["curve"][0]["mean"] == pytest.approx(uar, abs=1e-3)
    assert f"| mixup | {uar:.3f} | 1 |" in text
    for name in ("model-reliability.png", "model-risk.png", "model-learning.png"):
        assert f"({name})" in text
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"


def test_a_folder_without_folds_is_refused(
    corpus_root: Path, noise_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["assess", corpus_root, tmp_path, "--noise", noise_root, "--out", tmp_path / "f.json"]
    assert main([str(each) for each in words]) == 2
    assert "no fold's network (model-*.tflite) in it" in capsys.readouterr().err


def test_clips_are_joined_with_their_like(corpus_root: Path) -> None:
    speech = [clip for clip in find_clips(corpus_root).clips if clip.channel == "speech"] * 8
    by_path = {clip.path: clip for clip in speech}
    joined = joined_clips(speech, seed=0)
    assert len(joined) == 3 * 8 * 2
    for label, paths in joined:
        assert len(paths) == 4
        assert {by_path[path].label for path in paths} == {label}
        assert len({by_path[path].actor for path in paths}) == 1


def test_variants_of_other_folds_are_refused(tmp_path: Path) -> None:
    """Another fold or another size is another figure, not another trick."""
    for name, folds in (("a", ("1-4", "5-8")), ("b", ("1-4",)), ("empty", ())):
        (tmp_path / name).mkdir()
        for fold in folds:
            (tmp_path / name / f"test-{fold}.json").write_text('{"uar": 0.5}', "utf-8")
    with pytest.raises(CorpusError, match="cannot be compared"):
        variants([("nothing", tmp_path / "a"), ("mixup", tmp_path / "b")])
    for name, parameters in (("a", 100_000), ("c", 20_000)):
        (tmp_path / name).mkdir(exist_ok=True)
        (tmp_path / name / "model-1-4.json").write_text(
            f'{{"training": {{"parameters": {parameters}}}}}'
        )
        for fold in ("1-4", "5-8"):
            (tmp_path / name / f"test-{fold}.json").write_text('{"uar": 0.5}', "utf-8")
    with pytest.raises(CorpusError, match=r"another size than those before it \(20,000, 100,000"):
        variants([("nothing", tmp_path / "a"), ("mixup", tmp_path / "c")])
    with pytest.raises(CorpusError, match="no fold's score"):
        variants([("nothing", tmp_path / "empty")])
