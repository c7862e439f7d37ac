"""``python -m train assess``: figures over folds, seeds and conditions, and the page that shows them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from trainings import have_two_folds, train

from serd.model.labels import EMOTIONS
from train.__main__ import main
from train.data.corpora import find_clips
from train.data.files import write_json
from train.evaluation.conditions import CONDITIONS
from train.evaluation.joined_clips import joined_clips
from train.evaluation.results import SCHEMA, read_figures
from train.evaluation.summary import gathered
from train.report.model_page import model_page


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


@pytest.fixture(scope="module")
def figures(
    run: Path, corpus_root: Path, noise_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What is measured of it; the run is named twice, and has one seed."""
    path = tmp_path_factory.mktemp("figures") / "figures.json"
    result = train("assess", corpus_root, run, run, "--noise", noise_root, "--out", path)
    assert (result.returncode, result.stderr) == (0, "")
    return path


def test_what_is_measured_is_counted_over_folds(figures: Path) -> None:
    """UAR in each pass and condition; confusion, bins and risk are over the 16 clips of both folds."""
    (run,) = read_figures(figures)["runs"]
    passes = {
        "clean",
        "float32",
        "joined clips",
        "used to the voice",
        "20 dB noise",
        "10 dB noise",
        "0 dB noise",
    }
    assert set(run["uar"]) == passes | set(CONDITIONS)
    assert run["uar"]["clean"] == run["uar"]["float32"], "a quick network is float32"
    assert np.sum(run["confusion"]) == 16
    assert list(run["folds"]) == ["1", "2"]
    assert np.mean(list(run["folds"].values())) == pytest.approx(run["uar"]["clean"], abs=1e-6)
    named = [each["n_named"] for each in run["risk_coverage"]]
    assert named[0] == 16
    assert named == sorted(named, reverse=True)
    assert sum(each["n"] for each in run["bins"]) + np.sum(run["confusion"], axis=0)[-1] == 16
    assert 0 < run["noise"]["n"] <= 4


def test_a_page_says_what_was_measured(figures: Path, tmp_path: Path) -> None:
    """Mean and spread of the seeds, the tiny model, ablations and curve; its JSON makes it again."""
    words: list[object] = ["describe", one_run(figures, tmp_path / "0.json", mean=0.5)]
    words += [one_run(figures, tmp_path / "1.json", seed=1, mean=0.7)]
    words += ["--tiny", figures, "--out", tmp_path / "model.md"]
    for name, mean in (("12", 0.5), ("4", 0.4)):
        words += ["--curve", name, one_run(figures, tmp_path / f"{name}.json", mean=mean)]
    variants = gathered(
        [
            (name, one_run(figures, tmp_path / f"{name}-{seed}.json", seed=seed, mean=mean))
            for name, seed, mean in (("nothing", 0, 0.25), ("nothing", 1, 0.35), ("rooms", 0, 0.125))
        ]
    )
    write_json(tmp_path / "ablations.json", {"schema": SCHEMA, "variants": variants})
    words += ["--ablations", tmp_path / "ablations.json"]
    assert main([str(each) for each in words]) == 0
    page = (tmp_path / "model.md").read_text("utf-8")
    (run,) = read_figures(figures)["runs"]
    assert "| UAR, 8 emotions | 0.600 ± 0.141 | 0.67 |" in page
    assert "|  | this, seeds 0, 1 | tiny, seed 0 |" in page
    assert f"| UAR | 0.600 ± 0.141 | {run['uar']['clean']:.3f} |" in page, "the tiny one beside it"
    assert all(f"| {emotion} |" in page for emotion in EMOTIONS)
    assert f"UAR of networks of {run['parameters']:,} parameters" in page
    n_noises = run["noise"]["n"]
    assert re.search(rf"\| nothing \| 0\.300 ± 0\.071 .* of {2 * n_noises} \| 0, 1 \|", page)
    assert re.search(rf"\| rooms \| -12\.5 \| .* of {n_noises} \| 0 \|", page)
    assert page.index("| 4 | 0.400 |") < page.index("| 12 | 0.500 |"), "by their number"
    for name in ("model-reliability.png", "model-risk.png", "model-learning.png"):
        assert f"({name})" in page
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    again = ["describe", tmp_path / "model.json", "--out", tmp_path / "again" / "model.md"]
    assert main([str(each) for each in again]) == 0
    assert (tmp_path / "again" / "model.md").read_text("utf-8") == page


def test_a_curve_of_another_recipe_is_refused(
    figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and its recipe are named, and no page is written."""
    other = one_run(figures, tmp_path / "other.json", recipe="0123456789abcdef")
    words = ["describe", str(figures), "--curve", "4", str(other)]
    assert main([*words, "--out", str(tmp_path / "model.md")]) == 2
    assert f"{other}: of recipe 0123456789abcdef; the figures that" in capsys.readouterr().err
    assert not (tmp_path / "model.md").exists()


def test_the_page_that_is_committed_is_that_of_its_figures() -> None:
    """docs/model.md is what is made from docs/model.json, to the letter."""
    docs = Path(__file__).parents[3] / "docs"
    page = (docs / "model.md").read_text("utf-8")
    assert page == model_page(read_figures(docs / "model.json"), "model")


def one_run(figures: Path, path: Path, *, seed: int = 0, mean: float = 0.5, **changes: object) -> Path:
    """The figures of a run, whose UAR as recorded is ``mean``."""
    body = json.loads(figures.read_text("utf-8"))
    (run,) = body["runs"]
    run |= {"seed": seed, **changes}
    run["uar"]["clean"] = mean
    path.write_text(json.dumps(body), "utf-8")
    return path


def test_a_folder_without_folds_is_refused(
    corpus_root: Path, noise_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says which files were looked for."""
    words = ["assess", corpus_root, tmp_path, "--noise", noise_root, "--out", tmp_path / "f.json"]
    assert main([str(each) for each in words]) == 2
    assert "no fold's network (model-*.tflite) in it" in capsys.readouterr().err


def test_clips_are_joined_with_their_like(corpus_root: Path) -> None:
    """Four clips of one actor and one emotion, each group as often as its clips suffice."""
    speech = [clip for clip in find_clips(corpus_root).clips if clip.channel == "speech"] * 8
    by_path = {clip.path: clip for clip in speech}
    joined = joined_clips(speech, seed=0)
    assert len(joined) == 3 * 8 * 2
    for label, paths in joined:
        assert len(paths) == 4
        assert {by_path[path].label for path in paths} == {label}
        assert len({by_path[path].actor for path in paths}) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file"),
        ("{", "no JSON"),
        ('{"schema": 2}', "no figures of schema 3"),
        ('{"schema": 3, "runs": []}', "no figures of schema 3"),
        ("[]", "no JSON object"),
    ],
)
def test_a_page_of_something_else_is_refused(
    content: str | None,
    message: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The error says what is wrong with the file, and no page is written."""
    path = tmp_path / "figures.json"
    if content is not None:
        path.write_text(content, "utf-8")
    assert main(["describe", str(path), "--out", str(tmp_path / "model.md")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "model.md").exists()


def test_a_point_of_the_curve_is_a_number_of_actors(
    figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word in its place is an error that says what is expected."""
    words = ["describe", str(figures), "--curve", "many", str(figures)]
    assert main([*words, "--out", str(tmp_path / "model.md")]) == 2
    assert "--curve many: expected the number of actors" in capsys.readouterr().err
