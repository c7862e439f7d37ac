"""The model file: a TFLite flatbuffer with its card inside it or beside it.

The card is appended to the flatbuffer as a ZIP archive, as TFLite's metadata stores associated files
(https://ai.google.dev/edge/litert/models/metadata): runtimes ignore data after the flatbuffer, and any
unzip tool lists the card.
"""

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Final

from serd.errors import ModelError
from serd.model.card import ModelCard, card_from_json

CARD_NAME: Final = "card.json"
BUNDLED_MODELS: Final = {
    "default": "serd-ravdess8.tflite",
    "tiny": "serd-ravdess8-tiny.tflite",
}
"""Files of the bundled models, by their name in the settings."""


def bundled_model_path(name: str) -> Path:
    """Return the path of a bundled model: inside the wheel, or beside the package in a checkout.

    Args:
        name: one of ``BUNDLED_MODELS``.
    """
    package = Path(__file__).parents[1]
    inside = package / "models"
    folder = inside if inside.is_dir() else package.parent / "models"
    return folder / BUNDLED_MODELS[name]


def default_model_path() -> Path:
    """Return the path of the default model."""
    return bundled_model_path("default")


def card_path(model: Path) -> Path:
    """Return the path of the card beside a model."""
    return model.with_suffix(".json")


def pack_model(network: bytes, card: ModelCard) -> bytes:
    """Append a card to a TFLite flatbuffer, and return the model file's content."""
    file = io.BytesIO(network)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(CARD_NAME), card.to_json())
    return file.getvalue()


def read_model(path: Path) -> tuple[bytes, ModelCard]:
    """Read a model file and the card inside it or, if there is none, beside it.

    Returns:
        The flatbuffer without the appended card, and the card.

    Raises:
        ModelError: missing or unreadable, without a card, or with the card of another network.
    """
    try:
        packed = path.read_bytes()
        beside = card_path(path).read_text("utf-8") if card_path(path).exists() else None
    except (OSError, UnicodeDecodeError) as exc:
        raise ModelError(f"{path}: the model cannot be read: {exc}") from exc
    network, inside = _unpack(packed)
    text = inside or beside
    if text is None:
        raise ModelError(f"{path}: no model card inside, and none beside it ({card_path(path).name})")
    where = f"{path}!{CARD_NAME}" if inside else str(card_path(path))
    card = card_from_json(text, where)
    if inside and beside and card_from_json(beside, str(card_path(path))) != card:
        raise ModelError(f"{card_path(path)}: differs from the card inside {path.name}; remove one")
    got = hashlib.sha256(network).hexdigest()
    if got != card.network_sha256:
        raise ModelError(
            f"{path}: the checksum of the network is {got[:12]}…, its card expects"
            f" {card.network_sha256[:12]}…: the file is damaged or the card is another model's"
        )
    return network, card


_ARCHIVE_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Exceptions of zipfile for a file that is not an archive, is damaged, or has no card."""


def _unpack(packed: bytes) -> tuple[bytes, str | None]:
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            text = archive.read(CARD_NAME).decode("utf-8")
            start = min(info.header_offset for info in archive.infolist())
    except _ARCHIVE_ERRORS:
        return packed, None
    return packed[:start], text
