"""``python -m train fit`` as a user meets it."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from article_tree import write_emodb, write_voice
from trainings import have_two_folds, have_two_texts, train

from serd.model.file import card_path, read_model
from serd.model.labels import EMOTIONS
from serd.model.mfcc import mfcc
from serd.model.naming import NOT_NAMED, NamingRule
from serd.model.runtime import TfliteModel
from testkit.voices import synthetic_voice
from train.__main__ import main
from train.data.corpora import find_clips
from train.evaluation.fold_networks import fold_networks
from train.evaluation.held_out import HeardRecording
from train.fit.plan import Fold, plan_fit
from train.fit.run import FitRun
from train.fit.settings import FitSettings
from train.model.checkpoint import find_checkpoint, load_keras
from train.model.recipe import Recipe, quick

_ANGRY, _DISGUST = EMOTIONS.index("angry"), EMOTIONS.index("disgust")
REPOSITORY = Path(__file__).parents[3]


def _fit(*arguments: object) -> "subprocess.CompletedProcess[str]":
    return train("fit", *arguments)


@pytest.fixture(scope="module")
def run(
    corpus_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, "subprocess.CompletedProcess[str]"]:
    """A smoke run with one actor held out."""
    folder = tmp_path_factory.mktemp("fit")
    out = folder / "new" / "tiny.tflite"
    arguments = ("--quick", "--test-actors", 2, "--val-actors", 3, "--seed", 7)
    return out, _fit(corpus_root, *arguments, "--out", out, "--work", folder / "work")


def test_a_run_ends_well_and_says_little(
    run: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    """Loss, validation UAR and the held-out actors' UAR are told; standard error stays empty."""
    _, result = run
    assert (result.returncode, result.stderr) == (0, "")
    assert "epoch 2/2  loss" in result.stdout
    assert "validation UAR" in result.stdout
    assert "held-out actors 2: UAR" in result.stdout


def test_the_model_runs_in_the_daemons_runtime(
    run: tuple[Path, "subprocess.CompletedProcess[str]"],
) -> None:
    """It gives one probability an emotion, all of them finite, with a sum of 1."""
    model = TfliteModel(run[0])
    windows = [mfcc(synthetic_voice(3.0, seed=seed))[:298] for seed in range(3)]
    for probabilities in map(model.outputs, windows):
        assert probabilities.shape == (len(EMOTIONS),)
        assert probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert np.isfinite(probabilities).all()


def test_the_card_says_where_the_model_comes_from(
    run: tuple[Path, "subprocess.CompletedProcess[str]"], corpus_root: Path
) -> None:
    """Command, clips, actors and licence are in it, but not where the clips or the model lay."""
    out, _ = run
    _, card = read_model(out)
    training = card.training
    assert card.labels == EMOTIONS
    assert training["command"] == (
        "python -m train fit ROOT --seed 7 --test-actors 2 --val-actors 3 --quick"
    )
    assert training["data"] | {"sha256_of_names_and_sizes": ""} == {
        "name": "RAVDESS",
        "sha256_of_names_and_sizes": "",
        "n_clips": 9,
        "n_speech": 8,
        "n_song": 1,
    }
    assert (training["actors"], training["held_out"]["test_actors"]) == ("1", "2")
    assert training["held_out"]["n_clips"] == 8
    assert "Livingstone" in card.licence
    text = card_path(out).read_text("utf-8")
    assert str(corpus_root) not in text
    assert str(out.parent) not in text


def test_a_protocol_run_takes_up_what_is_finished(
    corpus_root: Path, nemo_root: Path, noise_root: Path, tmp_path: Path
) -> None:
    """Two folds and the model, with another corpus and noise to learn from, an actor left alone."""
    out = tmp_path / "tiny.tflite"
    arguments = ["fit", str(corpus_root), "--quick", "--epochs", "1", "--protocol", "two"]
    arguments += ["--also", str(nemo_root), "--noise", str(noise_root)]
    arguments += ["--without", "rooms", "--without", "join"]
    arguments += ["--out", str(out), "--work", str(tmp_path / "work")]
    outputs = []
    for _ in range(2):
        result = train(*arguments, before=have_two_folds)
        assert (result.returncode, result.stderr) == (0, "")
        outputs.append((result.stdout, json.loads(card_path(out).read_text("utf-8"))))
        for path in [
            *(tmp_path / "work").rglob("test-1-*.json"),
            *(tmp_path / "work").rglob("member-1-*"),
        ]:
            path.unlink()
    assert len([TfliteModel(path) for path in (tmp_path / "work").rglob("*.tflite")]) == 2
    kept = sorted(path.name for path in (tmp_path / "work").rglob("*.keras"))
    assert kept == ["final.keras", "model-1.keras", "model-2.keras"]
    (first, card), (second, card_again) = outputs
    assert "earlier run" not in first
    assert "2 of 3 networks were trained by an earlier run" in second
    assert "two 1/2: epoch" in second
    assert "two 2/2: finished by an earlier run" in second
    accuracy = card["training"]["accuracy"]
    assert accuracy["protocol"] == "two"
    assert list(accuracy["folds"]) == ["1", "2"]
    assert accuracy["all_folds"]["n_clips"] == 16, "RAVDESS alone is scored"
    assert card_again["training"]["accuracy"] == accuracy
    assert card_again["network_sha256"] == card["network_sha256"], "the seed decides everything"
    assert "actors 3 are left alone, as two has it" in first
    training = card["training"]
    assert (training["actors"], training["left_alone_actors"]) == ("1-2,nemo:EB0,nemo:MK1", "3")
    assert (training["data"]["name"], training["data"]["n_clips"]) == ("RAVDESS", 18)
    assert [(each["name"], each["n_clips"]) for each in training["also"]] == [("nEMO", 12)]
    assert "--also FOLDER --noise FOLDER" in training["command"]
    assert "--without rooms --without join" in training["command"]
    recipe = training["recipe"]
    assert (recipe["sound"]["p_room"], recipe["learn"]["augment"]["p_join"]) == (0.0, 0.0)
    assert f"left out: {noise_root / 'silence.wav'}: holds silence alone" in first
    assert (training["noise"]["name"], training["noise"]["n_clips"]) == ("noise", 2 + 8), (
        "two recorded, eight made"
    )
    assert card["no_speech_threshold"] == 0.1
    model = TfliteModel(out)
    assert model.outputs(np.zeros((298, 40), np.float32)).shape == (len(EMOTIONS) + 1,)
    assert "Trained on nEMO as well" in card["licence"]
    assert str(nemo_root) not in json.dumps(card)


def test_a_sentence_is_held_out_with_the_actors(corpus_root: Path, tmp_path: Path) -> None:
    """Each network is scored on the sentence that it never heard, by actors whom it never heard."""
    both = tmp_path / "corpus"
    shutil.copytree(corpus_root, both)
    for path in corpus_root.rglob("03-01-*.wav"):
        fields = path.stem.split("-")
        fields[4] = "02"
        write_voice(both / "second", "-".join(fields))
    words = ["fit", both, "--quick", "--epochs", 1, "--protocol", "text", "--folds-only"]
    words += ["--without", "teacher"]
    work = tmp_path / "work"
    result = train(*words, "--work", work, "--out", work / "m.tflite", before=have_two_texts)
    assert (result.returncode, result.stderr) == (0, "")
    (run,) = {path.parent for path in work.rglob("model-*.tflite")}
    networks = fold_networks(run)
    assert [(sorted(each.test), each.held_out_sentence) for each in networks] == [
        (["1"], "1"),
        (["1"], "2"),
        (["2"], "1"),
        (["2"], "2"),
    ]
    assert "text, RAVDESS: mean UAR" in result.stdout
    assert "4 folds" in result.stdout
    clips = find_clips(both).clips
    for network in networks:
        (path,) = run.glob(f"test-{network.path.stem[6:]}-????????.json")
        (counts,) = json.loads(path.read_text()).values()
        heard = network.held_out_speech(clips)
        assert np.sum(counts["confusion"]) == len(heard) == 8
        assert {clip.statement for clip in heard} == {network.held_out_sentence}
    members = sorted(run.glob("member-*.npz"))
    means = [np.load(path)["mean"] for path in members]
    assert len({mean.tobytes() for mean in means}) == 4, "each is of clips of its own"


def test_networks_of_other_labels_or_folds_are_never_met(corpus_root: Path, tmp_path: Path) -> None:
    """A clip that has another emotion now, as by --labels, or a protocol makes another folder."""
    plan = plan_fit(corpus_root)
    first, *others = plan.corpus.clips
    other = replace(first, emotion="happy" if first.emotion != "happy" else "sad")
    relabeled = replace(plan, corpus=replace(plan.corpus, clips=(other, *others)))
    folders = [
        FitRun(
            FitSettings(
                plan=each,
                out=tmp_path / "m.tflite",
                work=tmp_path,
                recipe=quick(Recipe()),
                seed=0,
                command="",
            ),
            lambda _line: None,
        ).folder
        for each in (plan, plan, relabeled, replace(plan, protocol="dev5"))
    ]
    assert folders[0] == folders[1]
    assert len(set(folders)) == 3


def test_a_network_learns_from_an_untaught_one_of_its_fold(corpus_root: Path, tmp_path: Path) -> None:
    """That is trained first, by the same split; a later run without a teacher takes it up."""
    work = tmp_path / "work"
    words = ["fit", corpus_root, "--quick", "--epochs", 1, "--protocol", "two", "--folds-only"]
    words += ["--work", work]
    result = train(*words, before=have_two_folds)
    assert (result.returncode, result.stderr) == (0, "")
    assert "first the networks that teach\ntwo 1/2: epoch 1/1" in result.stdout
    (path,) = work.glob("*/model-1.tflite")
    training = read_model(path)[1].training
    recipe = training["recipe"]
    assert recipe["teacher"] == recipe | {"teacher": None}
    again = train(*words, "--without", "teacher", before=have_two_folds)
    assert "2 of 2 networks were trained by an earlier run" in again.stdout


def test_no_teacher_knows_the_test_actors_of_its_learner(corpus_root: Path, tmp_path: Path) -> None:
    """The file of each network's teacher is named after the same test actors as its own."""
    folds = tuple(Fold(test=frozenset({actor})) for actor in "12")
    recipe = replace(quick(Recipe()), teacher=replace(quick(Recipe()), members=2))
    settings = FitSettings(
        plan=replace(plan_fit(corpus_root), folds=folds, protocol="two"),
        out=tmp_path / "m.tflite",
        work=tmp_path,
        recipe=recipe,
        seed=0,
        command="",
    )
    run = FitRun(settings, lambda _line: None)
    jobs = run.jobs()
    assert len(jobs) == 3
    for job in jobs:
        assert job.teacher is not None
        names = [path.name for path in job.teacher.paths]
        assert names == [job.path.name, job.path.name.replace("-0.npz", "-1.npz")]
        assert {path.parent for path in job.teacher.paths} != {job.path.parent}


def test_emotions_are_named_by_what_the_folds_have_never_heard(
    corpus_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fold's model hears its own actors, and ordinary speech: anger beside neutral."""
    ordinary = tuple(tmp_path / f"order-{number}.wav" for number in range(9))
    folds = tuple(Fold(test=frozenset({actor})) for actor in "12")
    plan = replace(plan_fit(corpus_root), folds=folds, protocol="two")
    labels = {clip.path: clip.label for clip in plan.corpus.clips}
    heard: dict[str, list[Path]] = {}

    def hear(model: Path, paths: list[Path], _pipeline: object) -> list[HeardRecording]:
        heard.setdefault(model.stem, []).extend(paths)
        return [_heard(labels.get(path)) for path in paths]

    monkeypatch.setattr("train.fit.scoring.hear", hear)
    settings = FitSettings(
        plan=plan,
        out=tmp_path / "m.tflite",
        work=tmp_path,
        recipe=quick(Recipe()),
        ordinary=ordinary,
        seed=0,
        command="",
    )
    lines: list[str] = []
    rule = NamingRule(EMOTIONS, {}, FitRun(settings, lines.append).naming())
    assert rule.named(_heard(None).utterances).tolist() == [NOT_NAMED]
    assert rule.named(_heard(_ANGRY).utterances).tolist() == [_ANGRY]
    assert set(heard) == {"model-1", "model-2"}
    for name, paths in heard.items():
        assert set(paths) & set(ordinary) == set(ordinary)
        actors = {clip.actor for clip in plan.corpus.clips if clip.path in set(paths)}
        assert actors == {name.removeprefix("model-")}
    assert lines[-1].startswith("emotions are named at scores of happy ")
    assert FitRun(replace(settings, ordinary=()), lines.append).naming() == {}


def _heard(label: int | None) -> HeardRecording:
    """Acted speech of a label beside disgust or happiness, or ordinary speech: anger beside neutral."""
    beside = 0 if label is None else EMOTIONS.index("happy" if label == _DISGUST else "disgust")
    row = np.full(8, 0.01)
    row[beside], row[_ANGRY if label is None else label] = 0.34, 0.6
    one = row[np.newaxis] / row.sum()
    return HeardRecording(windows=one, utterances=one, whole=one[0], length_s=4.0)


def test_a_model_of_another_corpus_never_gives_what_that_lacks(tmp_path: Path) -> None:
    """EmoDB has no calm and no surprise; nor has a model that learned from it alone."""
    root, out = write_emodb(tmp_path / "emodb"), tmp_path / "german.tflite"
    done = _fit(root, "--quick", "--test-actors", "emodb:08", "--out", out, "--work", tmp_path / "work")
    assert (done.returncode, done.stderr) == (0, "")
    assert "no clip of calm, surprised" in done.stdout
    model = TfliteModel(out)
    probabilities = model.outputs(mfcc(synthetic_voice(3.0))[:298])
    absent = [EMOTIONS.index(emotion) for emotion in ("calm", "surprised")]
    assert probabilities[absent].max() < 1e-6
    training = model.card.training
    assert training["absent_emotions"] == ["calm", "surprised"]
    assert (training["data"]["name"], training["actors"]) == ("EmoDB", "emodb:03")
    assert "RAVDESS" not in model.card.licence


def test_the_keras_model_is_kept_with_the_card(
    run: tuple[Path, "subprocess.CompletedProcess[str]"], corpus_root: Path
) -> None:
    """It is found by the run's folder, has the model's card and gives the same probabilities."""
    out, result = run
    (path,) = (out.parents[1] / "work").rglob("*.keras")
    assert f"kept the Keras model in {path.parent}" in result.stdout
    network = find_checkpoint(path.parent)
    assert network.card == read_model(out)[1]
    assert network.clips == str(corpus_root)
    windows = np.array([mfcc(synthetic_voice(3.0, seed=seed))[:298] for seed in range(3)])
    expected = [TfliteModel(out).outputs(window) for window in windows]
    got = load_keras(network).predict(windows, verbose=0)
    assert got == pytest.approx(np.array(expected), abs=1e-5)


def test_a_clip_that_two_actors_have_is_not_used(corpus_root: Path, tmp_path: Path) -> None:
    """One line names both copies; neither trains a model nor tests it."""
    root = tmp_path / "planted"
    shutil.copytree(corpus_root, root)
    tested = next(root.rglob("03-01-05-01-01-01-02.wav"))
    shutil.copy(tested, tested.with_name("03-01-05-01-01-02-01.wav"))
    result = _fit(root, "--quick", "--test-actors", 2, "--out", tmp_path / "m.tflite")
    assert (result.returncode, result.stderr) == (0, "")
    (line,) = [line for line in result.stdout.splitlines() if "03-01-05-01-01-02-01.wav" in line]
    assert line.startswith("left out: ")
    assert "03-01-05-01-01-01-02.wav" in line
    training = json.loads(card_path(tmp_path / "m.tflite").read_text("utf-8"))["training"]
    assert (training["data"]["n_clips"], training["held_out"]["n_clips"]) == (18, 8)


def test_a_class_without_a_clip_is_refused(
    corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the emotion that is missing and the actors who are trained on."""
    root = tmp_path / "lacking"
    shutil.copytree(corpus_root, root)
    for path in root.rglob("03-01-07-*.wav"):
        path.unlink()
    assert main(["fit", str(root), "--out", str(tmp_path / "m.tflite")]) == 2
    assert "no clip of disgust by actors 1-3 to learn from" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: no such folder"),
        (["EMPTY"], "no clip of RAVDESS, SAVEE, nEMO or"),
        (["CORPUS", "--test-actors", "9"], "no clip of actor 9"),
        (["CORPUS", "--test-actors", "1-3"], "no actor is left"),
        (["CORPUS", "--test-actors", "1", "--val-actors", "1"], "both"),
        (["CORPUS", "--test-actors", "x"], "Bad actors 'x'"),
        (["CORPUS", "--protocol", "dev5"], "no clip of actor 4"),
        (["CORPUS", "--out", "model.bin"], "ends in .tflite"),
        (["CORPUS", "--work", "FILE/work"], "cannot be written to"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: list[str],
    message: str,
    corpus_root: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A folder, actors, a protocol or a place to write that is of no use ends with status 2."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    places = {"CORPUS": corpus_root, "EMPTY": tmp_path / "empty", "FILE/work": tmp_path / "file/w"}
    words = ["--out", tmp_path / "m.tflite", *(places.get(each, each) for each in arguments)]
    assert main(["fit", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_help_needs_no_tensorflow(capsys: pytest.CaptureFixture[str]) -> None:
    """The options are shown, and the module that shows them does not import it."""
    with pytest.raises(SystemExit) as end:
        main(["fit", "--help"])
    assert end.value.code == 0
    assert "--test-actors" in capsys.readouterr().out
    code = "import sys, train.__main__; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
