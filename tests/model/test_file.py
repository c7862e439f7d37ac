"""Model files: reading, packing, and files that are refused."""

import hashlib
import random
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from serd.errors import ModelError
from serd.model.file import card_path, default_model_path, pack_model, read_model
from serd.model.runtime import TfliteModel
from testkit.models import Model, write_model


def test_a_packed_model_is_read_back(served: Model, tmp_path: Path) -> None:
    """One file holds the network and the card, byte for byte."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(pack_model(network, card))
    assert read_model(path) == (network, card)


def test_the_card_is_listed_by_any_unzip_tool(served: Model, tmp_path: Path) -> None:
    """The file starts with the flatbuffer; the card is stored as TFLite's metadata is."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(pack_model(network, card))
    assert path.read_bytes().startswith(network)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["card.json"]
        assert archive.read("card.json").decode() == card.to_json()


def test_packing_is_reproducible(served: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same network and card give the same file at any time."""
    now = pack_model(*served)
    monkeypatch.setattr(time, "time", lambda: 1_000_000_000.0)
    assert pack_model(*served) == now


def test_a_card_beside_is_enough(served: Model, tmp_path: Path) -> None:
    """A network with its card beside it is a model as well."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(network)
    card_path(path).write_text(card.to_json(), "utf-8")
    assert read_model(path) == (network, card)
    assert TfliteModel(path).card == card


def test_the_bundled_model_has_its_card_in_both_places() -> None:
    """The card beside it can be read without a tool, and equals the one inside."""
    beside = card_path(default_model_path())
    _, card = read_model(default_model_path())
    assert beside.read_text("utf-8") == card.to_json()


def test_a_card_beside_that_differs_is_refused(served: Model, tmp_path: Path) -> None:
    """Two different cards are an error."""
    network, card = served
    path = write_model(tmp_path / "m.tflite", network, card)
    card_path(path).write_text(replace(card, version="other").to_json(), "utf-8")
    with pytest.raises(ModelError, match=r"m\.json: differs from the card inside m\.tflite"):
        read_model(path)


def test_a_broken_card_beside_is_refused(served: Model, tmp_path: Path) -> None:
    """It is an error even with a good card inside."""
    network, card = served
    path = write_model(tmp_path / "m.tflite", network, card)
    card_path(path).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ModelError, match="cannot be read"):
        read_model(path)


def test_a_network_without_a_card_is_refused(served: Model, tmp_path: Path) -> None:
    """The message names the card that could be beside it."""
    path = tmp_path / "m.tflite"
    path.write_bytes(served[0])
    with pytest.raises(ModelError, match=r"no model card inside, and none beside it \(m\.json\)"):
        read_model(path)


def test_the_card_of_another_network_is_refused(served: Model, tmp_path: Path) -> None:
    """The message has the checksums of the network and of its card."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(pack_model(network, replace(card, network_sha256="ab" * 32)))
    got = hashlib.sha256(network).hexdigest()[:12]
    with pytest.raises(ModelError, match=f"is {got}…, its card expects abababababab…"):
        read_model(path)


def test_one_flipped_bit_is_detected(served: Model, tmp_path: Path) -> None:
    """A damaged network is refused before it runs."""
    network, card = served
    damaged = bytearray(network)
    damaged[len(damaged) // 2] ^= 1
    path = tmp_path / "m.tflite"
    path.write_bytes(pack_model(bytes(damaged), card))
    with pytest.raises(ModelError, match="damaged or the card is another model's"):
        read_model(path)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "No such file"),
        (lambda path: path.mkdir(), "Is a directory"),
        (lambda path: path.write_bytes(b""), "no model card inside"),
        (lambda path: path.write_text("not a model\n" * 40), "no model card inside"),
    ],
    ids=["missing", "a folder", "empty", "text"],
)
def test_a_file_that_is_not_a_model_is_refused(
    make: Callable[[Path], object], message: str, tmp_path: Path
) -> None:
    """A missing file, a folder, an empty file and text give an error of one line."""
    path = tmp_path / "m.tflite"
    make(path)
    with pytest.raises(ModelError, match=message) as caught:
        read_model(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_archive_is_refused(tmp_path: Path) -> None:
    """A ZIP archive without a card is not a model."""
    path = tmp_path / "m.tflite"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(ModelError, match="no model card inside"):
        read_model(path)


@pytest.mark.parametrize(
    ("card", "message"),
    [
        (b'{"schema": 1, "x": "' + b"x" * 30_000_000 + b'"}', "larger than 1000000 bytes"),
        (b"[" * 500_000, "recursion"),
        (b'{"schema": 1, "training": ' + b"[" * 30 + b"]" * 30 + b"}", "more than 20 levels"),
        (b'{"schema": ' + b"1" * 5000 + b"}", "not JSON"),
    ],
    ids=["bomb", "nested", "levels", "digits"],
)
@pytest.mark.parametrize("is_inside", [True, False], ids=["inside", "beside"])
def test_the_card_of_an_attacker_is_refused(
    served: Model, tmp_path: Path, card: bytes, message: str, *, is_inside: bool
) -> None:
    """A card that expands to 30 MB or is nested deeply is one line of error, and little memory."""
    path = tmp_path / "m.tflite"
    path.write_bytes(served[0])
    if is_inside:
        with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("card.json", card)
    else:
        card_path(path).write_bytes(card)
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=message) as caught:
            read_model(path)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)


def test_a_file_too_large_for_a_model_is_refused(tmp_path: Path) -> None:
    """Not more than 100 MB of it are read."""
    path = tmp_path / "m.tflite"
    with path.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(ModelError, match="larger than 100000000 bytes"):
        read_model(path)


def test_a_large_member_before_the_card_is_no_obstacle(served: Model, tmp_path: Path) -> None:
    """TFLite's metadata may hold other files."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(network)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("words.txt", b"x" * 3_000_000)
        archive.writestr("card.json", card.to_json())
    assert read_model(path) == (network, card)


def test_an_archive_of_an_unusual_compression_has_no_card(served: Model, tmp_path: Path) -> None:
    """Its decoder could need any amount of memory."""
    network, card = served
    path = tmp_path / "m.tflite"
    path.write_bytes(network)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_LZMA) as archive:
        archive.writestr("card.json", card.to_json())
    with pytest.raises(ModelError, match="no model card inside"):
        read_model(path)


def test_any_damage_is_a_model_error(served: Model, tmp_path: Path) -> None:
    """Truncation and changed bytes in the card's archive raise no other exception."""
    network, card = served
    packed = pack_model(network[:64], card)
    path = tmp_path / "m.tflite"
    rng = random.Random(0)  # noqa: S311
    for _ in range(400):
        damaged = bytearray(packed)
        if rng.random() < 0.3:
            damaged = damaged[: rng.randrange(len(damaged))]
        else:
            for _ in range(rng.choice((1, 2, 5))):
                damaged[-rng.randrange(1, 150)] = rng.randrange(256)
        path.write_bytes(damaged)
        with pytest.raises(ModelError):
            read_model(path)
