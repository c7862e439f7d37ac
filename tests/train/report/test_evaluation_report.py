"""``python -m train evaluate`` as a user meets it: the terminal, the files, the page, the refusals."""

import csv
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from evaluation_helpers import packed_model
from sklearn.metrics import f1_score, recall_score

from serd.model.file import default_model_path
from serd.model.labels import EMOTIONS
from testkit.voices import quiet_room
from train.__main__ import main
from train.data.corpora import find_clips
from train.evaluation.model_evaluation import plan_evaluation
from train.evaluation.selection import Request

REPOSITORY = Path(__file__).parents[3]
_VOID = {"meta", "br", "hr", "img", "link", "input"}


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one file of hiss."""
    folder = tmp_path_factory.mktemp("noise")
    hiss = np.random.default_rng(0).normal(0.0, 2000.0, 32_000).astype(np.int16)
    soundfile.write(folder / "hiss.wav", hiss, 16_000)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped network under a name that HTML has to escape."""
    return packed_model(tmp_path_factory.mktemp("model") / "tiny.tflite", name='a <b>&"model"')


@pytest.fixture(scope="module")
def run(
    model: Path, corpus_root: Path, noise: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    """The folder that a run leaves, and what it prints into a pipe."""
    out = tmp_path_factory.mktemp("evaluation") / "new" / "report"
    words = ["evaluate", model, corpus_root, "--actors", "2,3", "--noise", noise, "--snr", "0,20"]
    result = _python("-m", "train", *words, "--out", out, "--seed", 3)
    assert (result.returncode, result.stderr) == (0, "")
    return out, result.stdout


def _python(*words: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_terminal_shows_every_figure_within_80_columns(run: tuple[Path, str]) -> None:
    """In a pipe there are no colors and no bar, and nothing is cut."""
    out, printed = run
    assert "on actors 2-3" in printed
    for words in ("UAR", "95 % interval", "macro F1", "ECE", "precision", "gender", "statement"):
        assert words in printed
    assert "20 dB" in printed
    assert "\x1b" not in printed, "no colors and no bar in a pipe"
    assert "…" not in printed, "nothing is cut"
    lines = [line for line in printed.splitlines() if str(out) not in line]
    assert max(map(len, lines)) <= 80


def test_the_files_agree_with_each_other(run: tuple[Path, str]) -> None:
    """The metrics follow from the rows by scikit-learn; each row's decision is its likeliest class."""
    out, printed = run
    metrics = json.loads((out / "metrics.json").read_text())
    rows = _rows(out / "predictions.csv")
    assert len(rows) == metrics["n_clips"] == 16
    truth = [row["truth"] for row in rows]
    decisions = [row["prediction"] for row in rows]
    options = {"labels": list(EMOTIONS), "average": "macro", "zero_division": 0}
    assert metrics["uar"] == pytest.approx(recall_score(truth, decisions, **options), abs=1e-4)
    assert metrics["macro_f1"] == pytest.approx(f1_score(truth, decisions, **options), abs=1e-4)
    assert f"{metrics['uar']:.3f}" in printed
    for row in rows:
        shares = [float(row[label]) for label in EMOTIONS]
        assert sum(shares) == pytest.approx(1.0, abs=1e-5)
        assert row["prediction"] == EMOTIONS[int(np.argmax(shares))]
        assert float(row["confidence"]) == max(shares)
        assert float(row["speech_s"]) > 0.6
        assert not Path(row["file"]).is_absolute()
    assert {row["actor"] for row in rows} == {"2", "3"}


def test_serd_analyze_gives_the_probabilities_of_the_evaluation(
    run: tuple[Path, str], model: Path, corpus_root: Path
) -> None:
    """Clip by clip, as a user who analyzes the same files sees them."""
    done = _python("-m", "serd", "analyze", corpus_root, "--model", model, "--csv")
    assert done.returncode == 0, done.stderr
    analyzed = {Path(row["file"]).name: row for row in csv.DictReader(done.stdout.splitlines())}
    rows = _rows(run[0] / "predictions.csv")
    assert len(rows) == 16
    for row in rows:
        same = analyzed[Path(row["file"]).name]
        expected = [float(row[label]) for label in EMOTIONS]
        assert [float(same[label]) for label in EMOTIONS] == pytest.approx(expected, abs=1e-4)
        assert float(same["speech_s"]) == pytest.approx(float(row["speech_s"]), abs=0.011)


def test_noise_has_figures_and_decisions_of_its_own(run: tuple[Path, str]) -> None:
    """A file of rows for each ratio, the faintest noise first, with the recording's name."""
    out, _ = run
    metrics = json.loads((out / "metrics.json").read_text())
    assert [each["snr_db"] for each in metrics["noise"]] == [20.0, 0.0]
    for each in metrics["noise"]:
        rows = _rows(out / f"predictions-{each['snr_db']:g}db.csv")
        right = [row["truth"] == row["prediction"] for row in rows]
        assert each["accuracy"] == pytest.approx(np.mean(right), abs=1e-4)
        assert {row["noise"] for row in rows} == {"hiss.wav"}
        assert each.keys() - {"snr_db"} <= metrics.keys(), "the same figures as without noise"


def test_metrics_say_what_was_measured_and_nothing_of_the_machine(
    run: tuple[Path, str], corpus_root: Path, noise: Path
) -> None:
    """The command with placeholders, actors and seed; no folder is in the metrics or on the page."""
    text = (run[0] / "metrics.json").read_text()
    metrics = json.loads(text)
    assert (metrics["actors"], metrics["seen_actors"], metrics["seed"]) == ("2-3", "", 3)
    assert metrics["command"] == (
        "python -m train evaluate MODEL ROOT --actors 2-3 --noise FOLDER --snr 20,0 --seed 3"
    )
    page = (run[0] / "report.html").read_text()
    for folder in (corpus_root, noise, run[0], REPOSITORY):
        assert str(folder) not in text + page


def test_the_same_run_leaves_the_same_files(
    run: tuple[Path, str], model: Path, corpus_root: Path, noise: Path, tmp_path: Path
) -> None:
    """Byte for byte, the page included."""
    words = ["evaluate", model, corpus_root, "--actors", "2-3", "--noise", noise, "--snr", "20,0"]
    assert main([*map(str, words), "--out", str(tmp_path), "--seed", "3"]) == 0
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == sorted(path.name for path in run[0].iterdir())
    assert "metrics.json" in names
    for name in names:
        assert (tmp_path / name).read_bytes() == (run[0] / name).read_bytes(), name


class _Page(HTMLParser):
    """What a page holds, with its tags checked to close each other."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone(run: tuple[Path, str]) -> None:
    """It loads nothing from elsewhere, has a dark scheme, and escapes the model's name."""
    text = (run[0] / "report.html").read_text()
    page = _Page(text)
    assert {"script", "link", "img", "iframe", "object"}.isdisjoint(tag for tag, _ in page.tags)
    assert not any({"src", "href", "data", "srcset"} & attributes.keys() for _, attributes in page.tags)
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert 'a <b>&"model"' in page.text, "what comes from outside is escaped"
    assert not any(tag == "b" for tag, _ in page.tags)


def test_the_page_can_be_read_without_seeing_it(run: tuple[Path, str]) -> None:
    """Pictures are labelled, tables have captions and their headers a scope, the language is given."""
    page = _Page((run[0] / "report.html").read_text())
    names = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(names) == len(set(names))
    pictures = [attributes for tag, attributes in page.tags if tag == "svg"]
    assert len(pictures) == 6
    for attributes in pictures:
        assert attributes["role"] == "img"
        assert set((attributes["aria-labelledby"] or "").split()) <= set(names)
    n_tables = sum(tag == "table" for tag, _ in page.tags)
    assert n_tables == sum(tag == "caption" for tag, _ in page.tags) >= 7
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert ("html", {"lang": "en"}) in page.tags


@pytest.mark.parametrize(("scheme", "classes"), [("5", 5), ("3", 3), ("2", 2)])
def test_classes_can_be_grouped(
    scheme: str, classes: int, model: Path, corpus_root: Path, tmp_path: Path
) -> None:
    """The remarks say that other clips are not scored, and that the metrics are of one actor."""
    words = ["evaluate", model, corpus_root, "--actors", "2", "--scheme", scheme, "--out", tmp_path]
    assert main([*map(str, words)]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert len(metrics["classes"]) == classes
    assert metrics["n_clips"] == {"5": 5, "3": 6, "2": 5}[scheme]
    assert any("are not scored" in line for line in metrics["remarks"])
    assert any("a single actor" in line for line in metrics["remarks"])
    columns = list(_rows(tmp_path / "predictions.csv")[0])
    assert columns[6:] == list(metrics["classes"])


def test_seen_actors_are_marked_wherever_the_figures_stand(
    model: Path, corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They are refused unless allowed; then the terminal, the page and the metrics name them."""
    words = ["evaluate", str(model), str(corpus_root), "--out", str(tmp_path)]
    assert main(words) == 2
    assert "trained on actors 1," in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    assert main([*words, "--allow-seen", "--channel", "all"]) == 0
    warning = "The model was trained on actors 1. These metrics are too optimistic"
    assert warning in " ".join(capsys.readouterr().out.split())
    assert warning in (tmp_path / "report.html").read_text()
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["seen_actors"] == "1"
    assert set(metrics["slices"]["channel"]) == {"speech", "song"}


def test_clips_that_are_not_heard_or_not_read_are_listed(
    model: Path, corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In terminal, metrics and page; silence counts as a clip, a broken file does not."""
    root = tmp_path / "root"
    root.mkdir()
    for path in corpus_root.rglob("03-01-*-02.wav"):
        (root / path.name).write_bytes(path.read_bytes())
    silent, broken = "03-01-03-02-01-01-02.wav", "03-01-04-02-01-01-02.wav"
    soundfile.write(root / silent, quiet_room(2.0), 16_000)
    (root / broken).write_bytes(b"no sound")
    assert main(["evaluate", str(model), str(root), "--out", str(tmp_path / "out")]) == 0
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["n_clips"], metrics["n_unheard"], metrics["unheard"]) == (9, 1, [silent])
    assert broken in metrics["left_out"][0]
    (row,) = [row for row in _rows(tmp_path / "out" / "predictions.csv") if row["file"] == silent]
    assert (row["prediction"], row["confidence"], row["calm"]) == ("none", "", "")
    printed = capsys.readouterr().out
    page = (tmp_path / "out" / "report.html").read_text()
    for name in (silent, broken):
        assert name in printed
        assert name in page


def test_nemo_is_judged_by_its_six_classes(model: Path, nemo_root: Path, tmp_path: Path) -> None:
    """What the model gives to calm and disgust is dropped, and the report says so."""
    words = ["evaluate", model, nemo_root, "--scheme", "6", "--actors", "nemo:EB0", "--out", tmp_path]
    assert main([*map(str, words)]) == 0
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert (metrics["scheme"], metrics["actors"]) == ("6", "nemo:EB0")
    assert metrics["remarks"][0] == ("the probability of calm, disgust is distributed among the classes")
    rows = _rows(tmp_path / "predictions.csv")
    classes = ("neutral", "happy", "sad", "angry", "fearful", "surprised")
    assert {row["truth"] for row in rows} == set(classes)
    for row in rows:
        assert sum(float(row[each]) for each in classes) == pytest.approx(1.0, abs=1e-5)


def test_a_report_that_cannot_be_finished_leaves_no_figures(
    model: Path, corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not even those of the run before; the next whole run leaves its own files and no others."""
    words = ["evaluate", str(model), str(corpus_root), "--actors", "2", "--out", str(tmp_path)]
    assert main(words) == 0
    (tmp_path / "predictions-10db.csv").write_text("of an earlier run with noise")
    (tmp_path / "report.html").unlink()
    (tmp_path / "report.html").mkdir()
    capsys.readouterr()
    assert main(words) == 1
    assert "cannot be written" in capsys.readouterr().err
    assert not (tmp_path / "metrics.json").exists()
    assert not list(tmp_path.glob("*.part"))
    (tmp_path / "report.html").rmdir()
    assert main(words) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"confusion.csv", "metrics.json", "predictions.csv", "report.html"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nowhere.tflite", "CORPUS"],
            "nowhere.tflite: the model cannot be read: No such file or directory",
        ),
        (["TEXT", "CORPUS"], "no model card"),
        (["MODEL", "nowhere"], "nowhere: no such folder"),
        (["MODEL", "EMPTY"], "no clip of RAVDESS, SAVEE, nEMO or 10 other corpora in it"),
        (["MODEL", "CORPUS"], "trained on actors 1,"),
        (["MODEL", "CORPUS", "--actors", "1"], "trained on actors 1,"),
        (["MODEL", "CORPUS", "--actors", "3,9"], "no clip of actor 9; there are actors 1-3"),
        (["MODEL", "CORPUS", "--actors", "x"], "Bad actors 'x'"),
        (["MODEL", "CORPUS", "--protocol", "article"], "none of the test actors of article (21-24)"),
        (["MODEL", "CORPUS", "--actors", "2", "--scheme", "10"], "carries the gender"),
        (["MODEL", "CORPUS", "--actors", "2", "--snr", "10"], "--snr needs --noise"),
        (["MODEL", "CORPUS", "--actors", "2", "--noise", "NOISE", "--snr", "x"], "Bad --snr 'x'"),
        (["MODEL", "CORPUS", "--actors", "2", "--noise", "EMPTY"], "no sound file in it"),
        (["MODEL", "CORPUS", "--actors", "2", "--noise", "nowhere"], "nowhere: no such folder"),
        (["MODEL", "CORPUS", "--actors", "2", "--out", "TEXT"], "cannot be written to"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(
    arguments: list[str],
    message: str,
    model: Path,
    corpus_root: Path,
    noise: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, and no folder for the report is made."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.tflite").write_text("no model")
    places = {
        "MODEL": model,
        "CORPUS": corpus_root,
        "NOISE": noise,
        "EMPTY": tmp_path / "empty",
        "TEXT": tmp_path / "notes.tflite",
    }
    words = ["--out", tmp_path / "out", *(places.get(each, each) for each in arguments)]
    assert main(["evaluate", *map(str, words)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
    assert not (tmp_path / "out").exists()


def test_judging_needs_nothing_that_training_needs(
    model: Path, corpus_root: Path, tmp_path: Path
) -> None:
    """TensorFlow, scikit-learn, matplotlib and the like are not loaded."""
    script = (
        "import sys; from train.cli import main; code = main(sys.argv[1:]);"
        "heavy = {'tensorflow', 'keras', 'sklearn', 'scipy', 'matplotlib', 'pandas'};"
        "print('loaded:', sorted(heavy & {name.partition('.')[0] for name in sys.modules}));"
        "sys.exit(code)"
    )
    words = ["evaluate", model, corpus_root, "--actors", "3", "--out", tmp_path]
    result = _python("-c", script, *words)
    assert (result.returncode, result.stderr) == (0, "")
    assert re.search(r"^loaded: \[\]$", result.stdout, re.MULTILINE)


@pytest.mark.parametrize("has_noise", [False, True])
def test_noise_that_a_model_may_know_is_told(corpus_root: Path, *, has_noise: bool) -> None:
    """The shipped model was trained on recordings of noise, so that others may cost it more."""
    request = Request(allow_seen=True, has_noise=has_noise)
    plan = plan_evaluation(default_model_path(), corpus_root, find_clips(corpus_root), request)
    assert any("other noise may cost more" in line for line in plan.remarks) == has_noise
