"""The model file: a TFLite flatbuffer with its card inside it or beside it.

The card is appended to the flatbuffer as a ZIP archive, as TFLite's metadata stores associated files
(https://ai.google.dev/edge/litert/models/metadata): runtimes ignore data after the flatbuffer, and any
unzip tool lists the card.
"""

import contextlib
import hashlib
import io
import itertools
import os
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from serd.audio.folders import state_places
from serd.errors import ModelError
from serd.model.card import MAX_CARD_BYTES, ModelCard, card_from_json

CARD_NAME: Final = "card.json"
BUNDLED_MODELS: Final = {
    "default": "serd-ravdess8.tflite",
    "tiny": "serd-ravdess8-tiny.tflite",
}
"""Files of the bundled models, by their name in the settings."""
MODELS_FOLDER: Final = "models"
"""Folder of a machine's own models in the state folder."""
_SUFFIX: Final = ".tflite"
_MAX_NAMES: Final = 20
"""Most names of a folder in a message."""
_MAX_MODEL_BYTES: Final = 100_000_000
_MAX_ARCHIVE_BYTES: Final = 2_000_000
"""Bytes at the end of a model file in which the card and the directory of the archive must be."""


def bundled_model_path(name: str) -> Path:
    """Return the path of a bundled model: inside the wheel, or beside the package in a checkout.

    Args:
        name: one of ``BUNDLED_MODELS``.
    """
    package = Path(__file__).parents[1]
    inside = package / "models"
    folder = inside if inside.is_dir() else package.parent / "models"
    return folder / BUNDLED_MODELS[name]


def named_model_path(name: str, environment: Mapping[str, str]) -> Path | None:
    """Return the path of a model in the folder ``models`` of the state folder.

    Args:
        name: its name, without ``.tflite``.
        environment: variables, which name the state folder.

    Returns:
        The path; None if the text is that of a path, since it has a "/" or a suffix.

    Raises:
        ModelError: there is no model of that name.
    """
    if "/" in name or Path(name).suffix:
        return None
    folders = [folder / MODELS_FOLDER for folder in state_places(environment)]
    for folder in folders:
        path = folder / f"{name}{_SUFFIX}"
        if os.path.exists(path):  # noqa: PTH110 - also False without the right to enter the folder
            return path
    known = sorted({*BUNDLED_MODELS, *_names_in(folders)})
    raise ModelError(
        f"no model {name!r} in {' or '.join(map(str, folders))}, expected one of: {', '.join(known)};"
        f" a file is given with its suffix or as ./{name}"
    )


def _names_in(folders: Iterable[Path]) -> Iterator[str]:
    """The names of the first models in some folders."""
    for folder in folders:
        with contextlib.suppress(OSError):
            paths = itertools.islice(folder.glob(f"*{_SUFFIX}"), _MAX_NAMES)
            yield from (path.stem for path in paths)


def default_model_path() -> Path:
    """Return the path of the default model."""
    return bundled_model_path("default")


def card_path(model: Path) -> Path:
    """Return the path of the card beside a model."""
    return model.with_suffix(".json")


def pack_model(network: bytes, card: ModelCard) -> bytes:
    """Append a card, compressed, to a TFLite flatbuffer, and return the model file's content."""
    file = io.BytesIO(network)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(CARD_NAME), card.to_json(), zipfile.ZIP_DEFLATED)
    return file.getvalue()


def read_model(path: Path) -> tuple[bytes, ModelCard]:
    """Read a model file and the card inside it or, if there is none, beside it.

    Returns:
        The flatbuffer without the appended card, and the card.

    Raises:
        ModelError: missing or unreadable, too large, without a card, or with the card of another
            network.
    """
    try:
        packed = _read(path, _MAX_MODEL_BYTES)
        has_card = card_path(path).exists()
        beside = _read(card_path(path), MAX_CARD_BYTES).decode("utf-8") if has_card else None
    except OSError as exc:
        raise ModelError(f"{path}: the model cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise ModelError(f"{path}: the model cannot be read: {exc}") from exc
    network, inside = _unpack(packed, path)
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


def _read(path: Path, max_bytes: int) -> bytes:
    with path.open("rb") as file:
        n_bytes = os.fstat(file.fileno()).st_size
        if n_bytes > max_bytes:
            raise ModelError(f"{path}: larger than {max_bytes} bytes")
        return file.read(n_bytes)


_ARCHIVE_ERRORS: Final = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OSError,
    RuntimeError,
    ValueError,
)
"""Exceptions of zipfile for a file that is not an archive, is damaged, or has no card."""


def _unpack(packed: bytes, path: Path) -> tuple[bytes, str | None]:
    """The flatbuffer without the archive, and the text of the card; None if there is no card inside."""
    tail_start = max(0, len(packed) - _MAX_ARCHIVE_BYTES)
    try:
        with zipfile.ZipFile(io.BytesIO(packed[tail_start:])) as archive:
            info = archive.getinfo(CARD_NAME)
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                return packed, None
            with archive.open(info) as file:
                content = file.read(MAX_CARD_BYTES + 1)
            start = tail_start + min(info.header_offset for info in archive.infolist())
        text = content.decode("utf-8")
    except _ARCHIVE_ERRORS:
        return packed, None
    if len(content) > MAX_CARD_BYTES:
        raise ModelError(f"{path}!{CARD_NAME}: the model card is larger than {MAX_CARD_BYTES} bytes")
    return packed[:start], text
