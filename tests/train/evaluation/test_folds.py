"""The folds of runs, evaluated under all conditions, and the pages that show their metrics."""

import csv
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from trainings import have_two_folds, train

from serd.audio.format import to_int16
from serd.model.file import read_model
from serd.model.labels import EMOTIONS
from train.__main__ import main
from train.data.corpora import find_clips
from train.data.files import write_json
from train.evaluation.conditions import CONDITIONS, ROOM
from train.evaluation.joined_clips import joined_clips
from train.evaluation.results import SCHEMA, read_results
from train.evaluation.summary import merge_variant_files, read_variants
from train.features.sound_effects import synthetic_room
from train.model.conversion import write_model
from train.report.model_page import model_page
from train.report.research_log import research_log


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Impulse responses of four rooms."""
    folder = tmp_path_factory.mktemp("rooms")
    for seed in range(4):
        response = synthetic_room(decay_s=0.3, direct_db=0.0, rng=np.random.default_rng(seed))
        soundfile.write(folder / f"room{seed}.wav", to_int16(0.5 * response), 16_000)
    return folder


@pytest.fixture(scope="module")
def run(
    corpus_root: Path, noise_root: Path, rooms: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Two folds of a smoke run."""
    work = tmp_path_factory.mktemp("assess")
    words = ["fit", corpus_root, "--noise", noise_root, "--rooms", rooms, "--protocol", "two"]
    words += ["--folds-only"]
    words += ["--quick", "--epochs", 1, "--work", work, "--out", work / "none.tflite"]
    result = train(*words, before=have_two_folds)
    assert (result.returncode, result.stderr) == (0, "")
    assert "the folds' models are in" in result.stdout
    assert not (work / "none.tflite").exists()
    (path,) = work.rglob("model-1.tflite")
    return path.parent


@pytest.fixture(scope="module")
def figures(
    run: Path,
    corpus_root: Path,
    noise_root: Path,
    nemo_root: Path,
    rooms: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """What is measured of it; the run is named twice, and has one seed."""
    folder = tmp_path_factory.mktemp("folds")
    words = ["--noise", noise_root, "--ordinary", corpus_root, "--also", nemo_root, "--out", folder]
    words += ["--rooms", rooms]
    result = train("evaluate", run, run, corpus_root, *words)
    assert result.returncode == 0
    assert re.fullmatch(r"train: .*silence.wav: holds silence alone\n", result.stderr)
    return folder / "folds.json"


def test_the_confusion_of_a_run_is_a_table_as_well(figures: Path, run: Path) -> None:
    """As evaluate writes it for one model, with the counts of the metrics."""
    (measured,) = read_results(figures)["runs"]
    with (figures.parent / run.name / "confusion.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["truth", *EMOTIONS, "missed"]
    assert [[int(count) for count in counts] for _, *counts in rows] == measured["confusion"]


def test_what_is_measured_is_counted_over_folds(figures: Path) -> None:
    """UAR in each pass and condition; confusion, bins and risk are over the 16 clips of both folds."""
    (run,) = read_results(figures)["runs"]
    passes = {
        "clean",
        "float32",
        "joined clips",
        "speaker adaptation",
        "20 dB noise",
        "10 dB noise",
        "0 dB noise",
    }
    assert set(run["uar"]) == passes | {*CONDITIONS, ROOM}
    assert run["uar"]["clean"] == run["uar"]["float32"], "a quick network is float32"
    assert np.sum(run["confusion"]) == 16
    assert list(run["folds"]) == ["1", "2"]
    assert np.mean(list(run["folds"].values())) == pytest.approx(run["uar"]["clean"], abs=1e-6)
    named = [each["n_named"] for each in run["risk_coverage"]]
    assert named[0] == 16
    assert named == sorted(named, reverse=True)
    assert sum(each["n"] for each in run["bins"]) + np.sum(run["confusion"], axis=0)[-1] == 16
    assert run["noise"]["n"] == 2, "each fold has the one recording that its network was not trained on"


def test_a_run_with_folds_to_come_is_refused(
    run: Path, corpus_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """Its means would be of fewer folds than the protocol has."""
    for path in run.glob("model-1.*"):
        shutil.copy(path, tmp_path)
    result = train("evaluate", tmp_path, corpus_root, "--noise", noise_root)
    assert result.returncode == 2
    assert "networks of 1 folds of two, expected 2; the same fit command trains" in result.stderr


def test_noise_that_is_all_in_training_scores_nothing(
    run: Path, corpus_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """A network whose card names no held-out fold was trained on every recording."""
    for path in sorted(run.glob("model-*.*")):
        shutil.copy(path, tmp_path)
    for path in tmp_path.glob("model-*.tflite"):
        network, card = read_model(path)
        training = {name: each for name, each in card.training.items() if name != "unheard_noise"}
        write_model(path, network, replace(card, training=training))
    result = train("evaluate", tmp_path, corpus_root, "--noise", noise_root)
    assert result.returncode == 2
    assert "it was trained on all of its noise, so none is left to score it with" in result.stderr


def test_no_network_is_scored_in_a_room_that_it_knows(
    run: Path, corpus_root: Path, noise_root: Path, rooms: Path, tmp_path: Path
) -> None:
    """Three rooms of four are in the cards, and the fourth is the one of the score."""
    (card,) = run.glob("model-1.json")
    assert json.loads(card.read_text("utf-8"))["training"]["rooms"] == ["room1", "room2", "room3"]
    for number in range(1, 5):  # without room0, another is kept
        (tmp_path / f"room{number}.wav").write_bytes((rooms / f"room{number % 4}.wav").read_bytes())
    result = train("evaluate", run, corpus_root, "--noise", noise_root, "--rooms", tmp_path)
    assert result.returncode == 2
    assert "may have been, trained on the rooms room1;" in result.stderr


def test_people_whom_it_never_heard_have_a_section_of_their_own(figures: Path) -> None:
    """Of the corpora whose speakers were held out, RAVDESS alone here; and of ordinary speech."""
    results = read_results(figures)
    (run,) = results["runs"]
    assert list(run["strangers"]["corpora"]) == ["ravdess"]
    assert run["strangers"]["naming"]["ordinary"]["n"] == 2 * 24, "of 27 recordings three are copies"
    page = model_page(results, "model")
    assert "## People it never heard" in page
    assert "| ordinary orders that are given an emotion |" in page


def test_a_page_says_what_was_measured(figures: Path, tmp_path: Path) -> None:
    """Mean and spread of the seeds, the tiny model, ablations and curve; its JSON makes it again."""
    words: list[object] = ["report", one_run(figures, tmp_path / "0.json", mean=0.5)]
    words += [one_run(figures, tmp_path / "1.json", seed=1, mean=0.7)]
    words += ["--tiny", figures, "--out", tmp_path / "model.md"]
    for name, mean in (("12", 0.5), ("4", 0.4)):
        words += ["--curve", name, one_run(figures, tmp_path / f"{name}.json", mean=mean)]
    variants = merge_variant_files(
        [
            (name, one_run(figures, tmp_path / f"{name}-{seed}.json", seed=seed, mean=mean))
            for name, seed, mean in (("nothing", 0, 0.25), ("nothing", 1, 0.35), ("rooms", 0, 0.125))
        ]
    )
    write_json(tmp_path / "ablations.json", {"schema": SCHEMA, "variants": variants})
    words += ["--ablations", tmp_path / "ablations.json"]
    assert main([str(each) for each in words]) == 0
    page = (tmp_path / "model.md").read_text("utf-8")
    log = (tmp_path / "research-log.md").read_text("utf-8")
    (run,) = read_results(figures)["runs"]
    assert "| UAR, 8 emotions | 0.600 ± 0.141 | 0.70 |" in page
    assert f"**The tiny model** has {run['parameters']:,} parameters" in page
    assert "|  | default, seeds 0, 1 | tiny, seed 0 |" in log
    assert f"| UAR, as recorded | 0.600 ± 0.141 | {run['uar']['clean']:.3f} |" in log
    assert all(f"| {emotion} |" in log for emotion in EMOTIONS)
    assert f"UAR of networks of {run['parameters']:,} parameters" in log
    n_noises = run["noise"]["n"]
    assert re.search(rf"\| nothing \| 0\.300 ± 0\.071 .* of {2 * n_noises} \| 0, 1 \|", log)
    assert re.search(rf"\| rooms \| -12\.5 \| .* of {n_noises} \| 0 \|", log)
    assert log.index("| 4 | 0.400 |") < log.index("| 12 | 0.500 |"), "by their number"
    for name in ("model-reliability.png", "model-risk.png", "model-learning.png"):
        assert f"({name})" in page + log
        assert (tmp_path / name).read_bytes()[:4] == b"\x89PNG"
    again = ["report", tmp_path / "model.json", "--out", tmp_path / "again" / "model.md"]
    assert main([str(each) for each in again]) == 0
    assert (tmp_path / "again" / "model.md").read_text("utf-8") == page
    assert (tmp_path / "again" / "research-log.md").read_text("utf-8") == log


def test_what_was_measured_of_one_model_alone_is_not_compared(figures: Path) -> None:
    """Rooms have a row of the tiny model's table if both were heard in them."""
    (default,) = read_results(figures)["runs"]
    uar = {name: value for name, value in default["uar"].items() if name != ROOM}
    row = "| UAR, measured rooms, other places of the house of the training rooms |"
    assert row in research_log({"runs": [default], "tiny": [default]}, "model")
    assert row not in research_log({"runs": [default], "tiny": [default | {"uar": uar}]}, "model")


def test_a_curve_of_another_recipe_is_refused(
    figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file and its recipe are named, and no page is written."""
    other = one_run(figures, tmp_path / "other.json", recipe="0123456789abcdef")
    words = ["report", str(figures), "--curve", "4", str(other)]
    assert main([*words, "--out", str(tmp_path / "model.md")]) == 2
    assert f"{other}: of recipe 0123456789abcdef; the metrics that" in capsys.readouterr().err
    assert not (tmp_path / "model.md").exists()


def test_the_pages_that_are_committed_are_those_of_their_metrics() -> None:
    """docs/model.md and docs/research-log.md are made from docs/model.json, to the letter."""
    docs = Path(__file__).parents[3] / "docs"
    results = read_results(docs / "model.json")
    assert (docs / "model.md").read_text("utf-8") == model_page(results, "model")
    assert (docs / "research-log.md").read_text("utf-8") == research_log(results, "model")
    assert read_variants(docs / "ablations.json") == results["ablations"]


def one_run(figures: Path, path: Path, *, seed: int = 0, mean: float = 0.5, **changes: object) -> Path:
    """The metrics of a run, whose UAR as recorded is ``mean``."""
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
    words = ["evaluate", tmp_path, corpus_root, "--noise", noise_root, "--out", tmp_path / "out"]
    assert main([str(each) for each in words]) == 2
    assert "no fold's network (model-*.tflite) in it" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--scheme", "5"], "--scheme is for a single model, not for runs"),
        ([], "--noise FOLDER is needed for the folds of runs"),
        (["--noise", ".", "--also", "."], "--also needs --ordinary FOLDER with ordinary speech"),
    ],
)
def test_options_of_a_single_model_are_refused_for_runs(
    words: list[str], message: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The line names the option that does not go with folders."""
    assert main(["evaluate", str(run), str(run), *words]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["report", "runs", "--curve", "4", "x.json"],
            "--curve needs the JSON file of a model's metrics",
        ),
        (["report", "some", "others"], "several folders of runs at once, expected one"),
        (["evaluate", "a.tflite", "b.tflite", "ROOT"], "several models at once"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says which, and nothing is read."""
    assert main(words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize(
    ("name", "now"), [("assess", "evaluate"), ("crossval", "experiments"), ("describe", "report")]
)
def test_a_command_of_before_names_the_one_of_now(
    name: str, now: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, whatever else was typed, and exit code 2."""
    assert main([name, "x", "--y"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"train: {name} is now: python -m train {now} ")


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
        ('{"schema": 2}', "no metrics of schema 4"),
        ('{"schema": 4, "runs": []}', "no metrics of schema 4"),
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
    assert main(["report", str(path), "--out", str(tmp_path / "model.md")]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "model.md").exists()


def test_a_point_of_the_curve_is_a_number_of_actors(
    figures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A word in its place is an error that says what is expected."""
    words = ["report", str(figures), "--curve", "many", str(figures)]
    assert main([*words, "--out", str(tmp_path / "model.md")]) == 2
    assert "--curve many: expected the number of training actors" in capsys.readouterr().err
