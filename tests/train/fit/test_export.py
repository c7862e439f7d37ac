"""``python -m train export`` as a user meets it: three precisions that decide as Keras, or none."""

import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras import layers, ops
from numpy.typing import NDArray
from trainings import train

from serd.model.file import card_path, read_model
from serd.model.runtime import TfliteModel
from testkit.models import made_card
from train.__main__ import main
from train.fit import export as export_module
from train.model.agreement import Precision
from train.model.checkpoint import find_checkpoint, save_checkpoint
from train.model.conversion import convert, to_keras
from train.model.graph import PRODUCTS, read_graph

REPOSITORY = Path(__file__).parents[3]
_NAMES = ["tiny-dynamic.tflite", "tiny-int8.tflite", "tiny.tflite"]

Done = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def run(corpus_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a smoke run leaves behind, one actor held out."""
    folder = tmp_path_factory.mktemp("fit")
    out = folder / "tiny.tflite"
    # Long enough that no two classes are as good as equal for any window.
    arguments = ("--quick", "--epochs", 80, "--test-actors", 2, "--seed", 7)
    done = train("fit", corpus_root, *arguments, "--out", out, "--work", folder / "work")
    assert (done.returncode, done.stderr) == (0, "")
    (path,) = (path.parent for path in (folder / "work").glob("*/final.keras"))
    return path


@pytest.fixture(scope="module")
def exported(run: Path) -> tuple[Path, Done]:
    """The folder that an export wrote to, and what it said."""
    return run / "final", train("export", run, "--json")


def _keep(folder: Path, root: Path, body: Callable[[Any], Any], **changes: Any) -> Path:  # noqa: ANN401
    """A run with a network of one's own in it."""
    inputs = keras.Input((298, 40))
    card = made_card(training={"actors": "1,3", "test_actors": "2"}, **changes)
    archive = to_keras(keras.Model(inputs, body(inputs)))
    save_checkpoint(folder / "final.keras", archive, card, clips=root)
    return folder


class TestFiles:
    """What an export leaves behind."""

    def test_there_is_one_of_each_precision(self, exported: tuple[Path, Done]) -> None:
        """Float32 keeps the name, the others add theirs; nothing else is left."""
        folder, done = exported
        assert done.returncode == 0, done.stderr
        found = sorted(path.name for path in folder.iterdir())
        assert found == sorted([*_NAMES, *(str(Path(name).with_suffix(".json")) for name in _NAMES)])

    def test_the_card_inside_is_the_one_beside(self, exported: tuple[Path, Done]) -> None:
        """Letter for letter, and the daemon's runtime takes each of them."""
        for name in _NAMES:
            _, card = read_model(exported[0] / name)
            assert card_path(exported[0] / name).read_text("utf-8") == card.to_json()
            assert TfliteModel(exported[0] / name).card == card

    def test_the_card_says_what_was_exported(
        self, exported: tuple[Path, Done], run: Path, corpus_root: Path
    ) -> None:
        """Precision and agreement are in it, and who was held out; no folder of the machine is."""
        kept = find_checkpoint(run).card
        for name, precision in zip(_NAMES, ("dynamic", "int8", "float32"), strict=True):
            _, card = read_model(exported[0] / name)
            facts = card.training["export"]
            assert facts["precision"] == precision
            assert facts["same_top_class_as_keras"] == 1.0
            assert (facts["compared_windows"], facts["compared_actors"]) == (8, "2")
            assert ("calibration_windows" in facts) == (precision == "int8")
            assert card.training["held_out"]["n_clips"] == 8
            assert (card.labels, card.mean, card.std) == (kept.labels, kept.mean, kept.std)
            assert card.training["recipe"] == kept.training["recipe"]
            text = card.to_json()
            assert str(run) not in text
            assert str(corpus_root) not in text

    def test_int8_computes_in_int8(self, exported: tuple[Path, Done]) -> None:
        """Every product over frames does; products of one vector and all between them do not."""
        network, card = read_model(exported[0] / "tiny-int8.tflite")
        graph = read_graph(network)
        products = [each for each in graph.operators if each.name in PRODUCTS]
        assert [each.is_float for each in products] == [each.n_rows == 1 for each in products]
        n_int8 = sum(each.macs for each in products if not each.is_float)
        assert n_int8 > 0.99 * graph.macs
        in_float = card.training["export"]["float_operators"]
        assert {"SUB", "MUL", "SUM", "SQRT", "SOFTMAX"} <= set(in_float)
        assert "CONV_2D" not in in_float

    def test_the_figures_are_those_of_the_files(self, exported: tuple[Path, Done]) -> None:
        """--json on standard output, the talk on standard error."""
        folder, done = exported
        figures = json.loads(done.stdout)
        assert figures["trained_on"] == "1,3"
        float32, dynamic, int8 = figures["exports"]
        for each in (float32, dynamic, int8):
            path = Path(each["file"])
            assert path.parent == folder
            assert each["bytes"] == path.stat().st_size
            assert each["latency_ms"] > 0.0
            assert each["disagreements"] == []
            assert each["held_out"]["n_clips"] == 8
        assert float32["macs"] == dynamic["macs"] == int8["macs"] > 100_000
        assert float32["largest_difference"] < 1e-5 < int8["largest_difference"] < 0.1


def test_a_file_that_is_there_is_not_overwritten(
    exported: tuple[Path, Done], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The option that does so is named, and no file has changed."""
    before = {path: path.read_bytes() for path in exported[0].iterdir()}
    assert main(["export", str(run)]) == 2
    assert "tiny.tflite: is there already; --force overwrites it" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in exported[0].iterdir()} == before


def test_the_table_is_for_people_and_force_writes_the_same(
    exported: tuple[Path, Done], run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same run and seed give the same networks."""
    before = {name: read_model(exported[0] / name)[0] for name in _NAMES}
    assert main(["export", str(run), "--force"]) == 0
    out = capsys.readouterr().out
    header, *rows = (line.split() for line in out.splitlines()[2:6])
    assert header[:3] == ["precision", "size", "parameters"]
    assert [row[0] for row in rows] == ["float32", "dynamic", "int8"]
    assert [row[-1] for row in rows] == ["tiny.tflite", "tiny-dynamic.tflite", "tiny-int8.tflite"]
    assert "100.0%" in out
    assert "actors 2 (held out)" in out
    assert {name: read_model(exported[0] / name)[0] for name in _NAMES} == before


def test_a_network_that_decides_otherwise_is_refused(
    run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The clip and both probabilities are named, and none of the three is written."""

    def converted_after_a_change(
        model: keras.Model, windows: NDArray[np.float32]
    ) -> dict[Precision, bytes]:
        good = convert(model, windows)
        *others, bias = model.get_weights()
        unlikely = int(model.predict(windows, verbose=0).mean(axis=0).argmin())
        model.set_weights([*others, bias + 30.0 * np.eye(len(bias))[unlikely]])
        changed = convert(model, windows)
        model.set_weights([*others, bias])
        return {**good, "int8": changed["int8"]}

    monkeypatch.setattr(export_module, "convert", converted_after_a_change)
    assert main(["export", str(run), "--out", str(tmp_path / "out")]) == 1
    *lines, last = capsys.readouterr().err.splitlines()
    assert "nothing is written; on speech of actors 2 int8 names the class that Keras names" in last
    share = re.search(r"for ([\d.]+)% of 8 windows, expected 98.0%", last)
    assert share is not None
    assert float(share[1]) <= 50.0, "hardly any window is of the class that all of them are called now"
    named = [line for line in lines if line.startswith("int8: 03-01-0")]
    assert len(named) == round(8 * (1.0 - float(share[1]) / 100.0))
    assert ".wav window 1: Keras " in named[0]
    assert "; converted " in named[0]
    assert not (tmp_path / "out").exists()


def test_operators_of_tensorflow_alone_are_refused_by_name(
    tmp_path: Path, corpus_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The operator is in the error, and nothing is written."""

    def body(inputs: Any) -> Any:  # noqa: ANN401
        determinant = layers.Reshape((1,))(ops.linalg.det(inputs[:, :40, :]))
        return layers.Dense(8, activation="softmax")(determinant)

    assert main(["export", str(_keep(tmp_path, corpus_root, body))]) == 2
    assert "FlexMatrixDeterminant" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["final.keras"]


def test_a_loop_is_refused(
    tmp_path: Path, corpus_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorFlow would end the whole process where it measures a loop."""

    def body(inputs: Any) -> Any:  # noqa: ANN401
        return layers.Dense(8, activation="softmax")(layers.GRU(2)(inputs))

    assert main(["export", str(_keep(tmp_path, corpus_root, body))]) == 2
    assert "the network runs in loops" in capsys.readouterr().err


def test_a_network_that_does_not_fit_its_card_is_refused(
    tmp_path: Path, corpus_root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error says what input the network takes."""

    def body(inputs: Any) -> Any:  # noqa: ANN401
        return layers.Dense(8, activation="softmax")(layers.GlobalAveragePooling1D()(inputs))

    run = _keep(tmp_path, corpus_root, body, window_s=2.0)
    assert main(["export", str(run)]) == 2
    assert "the Keras model takes (None, 298, 40)" in capsys.readouterr().err


class TestWhatCannotBeUsed:
    """One line and exit code 2, before TensorFlow is loaded."""

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["NOWHERE"], "no such run"),
            (["EMPTY"], "no Keras model in it, expected final.keras"),
            (["RUN", "--clips", "NOWHERE"], "no such folder"),
            (["RUN"], "its clips are not in .*gone; pass --clips ROOT"),
            (["RUN", "--clips", "CORPUS", "--out", "FILE"], "cannot be written to"),
            (["CUT"], "cannot be read as a Keras model"),
        ],
    )
    def test_is_said(
        self,
        arguments: list[str],
        message: str,
        corpus_root: Path,
        run: Path,
        tmp_path: Path,
    ) -> None:
        """A subprocess shows that nothing slow was imported."""
        kept = find_checkpoint(run)
        for name in ("empty", "cut", "moved"):
            (tmp_path / name).mkdir()
        (tmp_path / "file").write_text("")
        (tmp_path / "cut" / "final.keras").write_bytes(kept.path.read_bytes()[:1000])
        archive = io.BytesIO()
        zipfile.ZipFile(archive, "w").close()
        moved = tmp_path / "moved" / "final.keras"
        save_checkpoint(moved, archive.getvalue(), kept.card, clips=tmp_path / "gone")
        places = {"CORPUS": corpus_root, "EMPTY": tmp_path / "empty", "CUT": tmp_path / "cut"}
        places |= {"NOWHERE": tmp_path / "nowhere", "RUN": tmp_path / "moved"}
        places |= {"FILE": tmp_path / "file"}
        words = [str(places.get(each, each)) for each in arguments]
        code = (
            "import sys; from train.__main__ import main; code = main(sys.argv[1:]);"
            "sys.exit(99 if 'tensorflow' in sys.modules else code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, "export", *words],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=False,
        )
        (line,) = done.stderr.splitlines()
        assert (done.returncode, done.stdout) == (2, "")
        assert line.startswith("train: ")
        assert re.search(message, line)
