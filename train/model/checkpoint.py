"""What a training keeps of a network: its Keras model, and with it what its card says.

Both are in one ``.keras`` archive, whose ``run.json`` Keras leaves alone: neither can be taken for
another's, and a file cut short is no archive at all. ``unzip -p final.keras run.json`` prints it.
"""

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import InputError
from serd.model.card import ModelCard, card_from_json
from train.data.files import write_whole

if TYPE_CHECKING:
    import keras

FINAL: Final = "final.keras"
"""The network that a training was run for; a protocol's folds are "model-<test actors>.keras"."""

_MEMBER: Final = "run.json"
_SCHEMA: Final = 1


class CheckpointError(InputError):
    """A folder or file is no run, or not one that can be used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A trained network as it lies in a run's folder."""

    path: Path
    """The archive."""
    card: ModelCard
    """The card of its float32 flatbuffer: labels, input, normalization and provenance."""
    clips: str
    """Folder of the clips on the machine that trained; of no use on another."""


def save_checkpoint(path: Path, archive: bytes, card: ModelCard, *, clips: Path) -> None:
    """Write a network so that ``find_checkpoint`` finds it.

    Args:
        path: where; ends in ".keras".
        archive: a Keras model as ``train.model.conversion.to_keras`` gives it.
        card: the card of its float32 flatbuffer.
        clips: folder of the clips.
    """
    body = {"schema": _SCHEMA, "clips": str(clips.absolute()), "card": json.loads(card.to_json())}
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as members:
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
        members.writestr(zipfile.ZipInfo(_MEMBER), text)
    write_whole(path, file.getvalue())


def find_checkpoint(run: Path) -> Checkpoint:
    """The network of a run.

    Args:
        run: a folder, of which ``FINAL`` is taken, or one of its ".keras" files.

    Raises:
        CheckpointError: no such run, none with a Keras model in it, or a damaged one.
    """
    path = run if run.suffix == ".keras" else run / FINAL
    if not path.is_file():
        raise CheckpointError(_missing(run))
    try:
        with zipfile.ZipFile(path) as members:
            damaged = members.testzip()
            body = json.loads(members.read(_MEMBER))
    except KeyError as exc:
        raise CheckpointError(
            f"{path}: a Keras model without {_MEMBER}, expected one of serd's own network"
        ) from exc
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as exc:
        raise CheckpointError(f"{path}: cannot be read as a Keras model: {exc}") from exc
    if damaged is not None:
        raise CheckpointError(f"{path}: damaged at {damaged}; train again")
    if not isinstance(body, dict) or body.get("schema") != _SCHEMA:
        raise CheckpointError(f"{path}!{_MEMBER}: expected schema {_SCHEMA}")
    card = card_from_json(json.dumps(body.get("card")), f"{path}!{_MEMBER}")
    return Checkpoint(path=path, card=card, clips=str(body.get("clips", "")))


def load_keras(network: Checkpoint) -> "keras.Model":
    """The Keras model, ready to predict.

    Raises:
        CheckpointError: Keras does not load it.
    """
    import keras  # noqa: PLC0415 - takes seconds to load

    try:
        return keras.saving.load_model(network.path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise CheckpointError(
            f"{network.path}: Keras does not load it: {str(exc).splitlines()[0]}"
        ) from exc


def _missing(run: Path) -> str:
    """Why there is no network, and where there is one."""
    if not run.exists():
        return f"{run}: no such run, expected a folder that a training left behind"
    if not run.is_dir():
        return f"{run}: no run, expected its folder or a .keras file in it"
    inside = sorted(map(str, run.glob("*.keras")))
    if inside:
        return f"{run}: no {FINAL} in it; name one of {', '.join(inside)}"
    below = sorted(run.glob("*/*.keras"))
    if below:
        return f"{run}: no {FINAL} in it; there is one in {below[-1].parent}"
    return f"{run}: no Keras model in it, expected {FINAL}; train again to get one"
