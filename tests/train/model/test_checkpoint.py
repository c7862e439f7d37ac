"""What a training keeps is found again whole, or refused by name."""

import json
import zipfile
from pathlib import Path

import pytest

from testkit.models import made_card
from train.data.corpora import ReadSettings
from train.data.labels import parse_labels
from train.model.checkpoint import FINAL, CheckpointError, find_checkpoint, save_checkpoint


@pytest.fixture
def archive(tmp_path: Path) -> bytes:
    """Something that is a ZIP archive, as a Keras model is."""
    path = tmp_path / "archive.zip"
    with zipfile.ZipFile(path, "w") as members:
        members.writestr("config.json", "{}" * 500)
    return path.read_bytes()


def test_what_is_kept_is_found(archive: bytes, tmp_path: Path) -> None:
    """Card, clips and the archive's own members come back; the folder stands for its final network."""
    card = made_card(training={"actors": "1-16"})
    save_checkpoint(tmp_path / "run" / FINAL, archive, card, clips=tmp_path / "clips")
    for run in (tmp_path / "run", tmp_path / "run" / FINAL):
        network = find_checkpoint(run)
        assert (network.card, network.clips) == (card, str(tmp_path / "clips"))
        assert network.path == tmp_path / "run" / FINAL
    with zipfile.ZipFile(tmp_path / "run" / FINAL) as members:
        assert sorted(members.namelist()) == ["config.json", "run.json"]
    assert [each.name for each in (tmp_path / "run").iterdir()] == [FINAL]


def test_the_clips_of_a_training_are_noted(archive: bytes, tmp_path: Path) -> None:
    """Other corpora, table and labels come back, so that an export reads the same clips."""
    settings = ReadSettings(table=tmp_path / "own.csv", labels=parse_labels("bored=neutral,odd="))
    also = (tmp_path / "nemo", tmp_path / "crema-d")
    path = tmp_path / FINAL
    save_checkpoint(path, archive, made_card(), clips=tmp_path, also=also, settings=settings)
    network = find_checkpoint(path)
    assert network.also == tuple(map(str, also))
    assert network.settings == settings


def test_keeping_is_reproducible(archive: bytes, tmp_path: Path) -> None:
    """The same network gives the same file, whenever it is kept."""
    for name in ("a.keras", "b.keras"):
        save_checkpoint(tmp_path / name, archive, made_card(), clips=tmp_path)
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_cut_short_is_no_run(archive: bytes, tmp_path: Path, share: float) -> None:
    """However much of it was written, it is refused."""
    save_checkpoint(tmp_path / FINAL, archive, made_card(), clips=tmp_path)
    content = (tmp_path / FINAL).read_bytes()
    (tmp_path / FINAL).write_bytes(content[: int(len(content) * share)])
    with pytest.raises(CheckpointError, match=r"final\.keras: cannot be read as a Keras model"):
        find_checkpoint(tmp_path)


def test_a_flipped_bit_is_found(archive: bytes, tmp_path: Path) -> None:
    """The archive's own checksums are looked at."""
    save_checkpoint(tmp_path / FINAL, archive, made_card(), clips=tmp_path)
    content = bytearray((tmp_path / FINAL).read_bytes())
    content[60] ^= 1
    (tmp_path / FINAL).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"damaged at config\.json"):
        find_checkpoint(tmp_path)


def test_what_is_no_run_is_said(archive: bytes, tmp_path: Path) -> None:
    """Each refusal says what was expected, and what there is instead."""
    with pytest.raises(CheckpointError, match="nowhere: no such run"):
        find_checkpoint(tmp_path / "nowhere")
    with pytest.raises(CheckpointError, match=r"no Keras model in it, expected final\.keras"):
        find_checkpoint(tmp_path)
    (tmp_path / "plain.keras").write_bytes(archive)
    with pytest.raises(CheckpointError, match=r"plain\.keras: a Keras model without run\.json"):
        find_checkpoint(tmp_path / "plain.keras")
    save_checkpoint(tmp_path / "work" / "abc" / "model-1.keras", archive, made_card(), clips=tmp_path)
    with pytest.raises(CheckpointError, match=r"no final\.keras in it; name one of .*model-1\.keras"):
        find_checkpoint(tmp_path / "work" / "abc")
    with pytest.raises(CheckpointError, match=r"work: no final\.keras in it; there is one in .*abc"):
        find_checkpoint(tmp_path / "work")
    (tmp_path / "m.tflite").write_text("")
    with pytest.raises(
        CheckpointError, match=r"m\.tflite: no run, expected its folder or a \.keras file"
    ):
        find_checkpoint(tmp_path / "m.tflite")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    """A run of another time is not guessed at."""
    with zipfile.ZipFile(tmp_path / FINAL, "w") as members:
        members.writestr("run.json", json.dumps({"schema": 99}))
    with pytest.raises(CheckpointError, match="expected schema 1"):
        find_checkpoint(tmp_path)
