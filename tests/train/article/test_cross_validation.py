"""Every fold with every seed is scored once, whoever trains it, and summed up."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from distributed import LocalCluster
from trainings import train

from train.article.data import parts
from train.article.experiment import RunOptions
from train.article.loading import load_experiment
from train.article.run_folder import RunFolder
from train.article.runs import (
    CrossValidation,
    Run,
    RunResult,
    cross_validation_runs,
    run_data,
    store_result,
)
from train.cli import main
from train.data.clips import parse_actors
from train.data.corpora import ReadSettings

FIGURES = ("uar", "accuracy", "macro_f1")


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An experiment of one's own, built on the article's."""
    path = tmp_path_factory.mktemp("settings") / "small.toml"
    path.write_text('base = "baseline-men"\n[learn]\nbatch = 64\n')
    return path


@pytest.fixture(scope="module")
def two_seeds(settings: Path, article_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of five folds with two seeds each, trained by two processes."""
    out = tmp_path_factory.mktemp("crossval")
    arguments = [article_root, "--run", settings, "--protocol", "dev5", "--quick", "--seeds", "2"]
    done = train("experiments", *arguments, "--out", out, "--jobs", "2")
    assert (done.returncode, done.stderr) == (0, "")
    assert "smoke run" in done.stdout
    return out / "small-dev5-quick"


def _summary(folder: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((folder / "crossval.json").read_text("utf-8"))
    return summary


def test_folds_and_seeds_are_summed_up(two_seeds: Path) -> None:
    """Mean and spread over the runs, and one confusion over the clips of all of them."""
    summary = _summary(two_seeds)
    assert [run["test_actors"] for run in summary["runs"]] == [
        "1,3",
        "5,7",
        "9,11",
        "13,15",
        "17,19",
    ] * 2
    for name in FIGURES:
        values = [run[name] for run in summary["runs"]]
        assert summary[name]["mean"] == pytest.approx(np.mean(values), abs=1e-4)
        assert summary[name]["std"] == pytest.approx(np.std(values, ddof=1), abs=1e-4)
    assert summary["pooled"]["n_clips"] == 2 * 50
    assert (two_seeds / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_what_is_left_is_taken_up_again(settings: Path, article_root: Path, two_seeds: Path) -> None:
    """By a single process, which gives what two gave."""
    before = _summary(two_seeds)
    (two_seeds / "fold3-seed1" / "metrics.json").unlink()
    (two_seeds / "crossval.json").unlink()
    arguments = [article_root, "--run", settings, "--protocol", "dev5", "--quick", "--seeds", "2"]
    again = train("experiments", *arguments, "--out", two_seeds.parent)
    assert (again.returncode, again.stderr) == (0, "")
    assert again.stdout.count("finished by an earlier run") == 9
    _same_runs(before["runs"], _summary(two_seeds)["runs"])


def _same_runs(some: Sequence[dict[str, Any]], others: Sequence[dict[str, Any]]) -> None:
    for one, other in zip(some, others, strict=True):
        assert one["test_actors"] == other["test_actors"]
        assert one["uar"] == pytest.approx(other["uar"], abs=0.25), "threads may round otherwise"


@pytest.fixture
def dask_address() -> Iterator[str]:
    """A scheduler with two workers on this machine."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", processes=True
    ) as cluster:
        yield cluster.scheduler_address


def test_dask_workers_give_what_processes_here_give(
    settings: Path, article_root: Path, two_seeds: Path, tmp_path: Path, dask_address: str
) -> None:
    """All folds come back, each with the test actors that it has here and a UAR within 0.25."""
    arguments = [article_root, "--run", settings, "--protocol", "dev5", "--quick", "--out", tmp_path]
    done = train("experiments", *arguments, "--dask", dask_address)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(list(tmp_path.rglob("metrics.json"))) == 5
    summary = _summary(tmp_path / "small-dev5-quick")
    assert summary["pooled"]["n_clips"] == 50
    _same_runs(summary["runs"], [run for run in _summary(two_seeds)["runs"] if run["seed"] == 0])


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["nothing"], 2, "no such experiment"),
        (["own", "--seeds", "2"], 2, "--seeds needs --protocol, one of article, dev5"),
        (["own", "--protocol", "dev5", "--seed", "1"], 2, "--protocol takes --seeds"),
        (["baseline-men", "--protocol", "mmer5"], 2, "no clip of actor 21-24"),
        (["own", "--holdout", "17-20"], 2, "--holdout is for --protocol article; dev5 has its own"),
        (["own", "--protocol", "article", "--holdout", "21"], 2, "--holdout: no clip of actor 21"),
        (["baseline-men", "--also", "NEMO"], 2, "--also: baseline-men learns the article's men classes"),
        (["own", "--also", "EMPTY"], 2, "no clip of SAVEE, nEMO, CREMA-D or 8 other corpora in it"),
        (["baseline-men", "--dask", "tcp://127.0.0.1:9"], 1, "no Dask scheduler at tcp://127.0.0.1:9"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: list[str],
    code: int,
    message: str,
    article_root: Path,
    nemo_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Wrong use ends with 2, a scheduler that is not there with 1; nothing is trained."""
    (tmp_path / "empty").mkdir()
    places = {"NEMO": nemo_root, "EMPTY": tmp_path / "empty"}
    name, *flags = (str(places.get(each, each)) for each in arguments)
    protocol = () if {"--protocol", "--seeds"} & {*flags} else ("--protocol", "dev5")
    words = ["experiments", str(article_root), "--run", name, *protocol, *flags]
    assert main([*words, "--quick", "--out", str(tmp_path / "runs")]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not list(tmp_path.rglob("metrics.json"))


@pytest.mark.parametrize(("protocol", "holdout"), [("dev5", ""), ("article", "17-20")])
def test_each_fold_learns_from_another_corpus_and_is_judged_by_ravdess_alone(
    protocol: str, holdout: str, article_root: Path, nemo_root: Path, tmp_path: Path
) -> None:
    """What a process is given holds whose clips are tested and where the other corpus lies."""
    experiment = load_experiment("own")
    experiment = replace(experiment, data=replace(experiment.data, protocol=protocol))
    data = run_data(
        article_root, parse_actors(holdout), also=(nemo_root,), is_quick=True, protocol=protocol
    )
    theirs = {index for index, clip in enumerate(data.clips) if clip.corpus == "nemo"}
    assert len(theirs) == 12
    for part in parts(experiment, data, seed=0):
        assert theirs <= set(part.split.train)
        assert theirs.isdisjoint({*part.split.validation, *part.split.test})
        assert not holdout or part.test_actors == holdout
        assert "trained on nEMO as well" in part.notes
    settings = CrossValidation(
        experiment=experiment,
        root=article_root,
        also=(nemo_root,),
        n_seeds=1,
        options=RunOptions(is_quick=True),
        folder=tmp_path,
    )
    runs = cross_validation_runs(settings, data)
    assert {(run.also, run.holdout) for run in runs} == {((nemo_root,), parse_actors(holdout))}


def test_a_run_of_another_machine_is_brought_home(tmp_path: Path) -> None:
    """The metrics and files that a worker gives back lie in the run's folder."""
    run = Run(
        experiment=load_experiment("baseline-men"),
        root=tmp_path,
        also=(),
        holdout=frozenset(),
        settings=ReadSettings(),
        options=RunOptions(),
        folder=tmp_path / "fold1-seed0",
        digest="",
    )
    result = RunResult(metrics={"name": "x", "test": {}}, files={"history.csv": b"epoch\n1\n"})
    store_result(run, result)
    assert RunFolder(path=run.folder).metrics() == result.metrics
    assert (run.folder / "history.csv").read_bytes() == b"epoch\n1\n"
