"""Checkpoints: the Keras model of a trained network with its card.

Both are in one ``.keras`` archive, the card in a ``run.json`` that Keras ignores, so they stay together;
a truncated file is no archive. ``unzip -p final.keras run.json`` prints the card.
"""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from serd.errors import InputError
from serd.model.card import ModelCard, card_from_json
from train.data.corpora import ReadSettings
from train.data.files import write_whole
from train.data.labels import LabelMap

if TYPE_CHECKING:
    import keras

FINAL: Final = "final.keras"
"""Checkpoint of the final network; those of folds are "model-<test actors>.keras"."""

_MEMBER: Final = "run.json"
_SCHEMA: Final = 1


class CheckpointError(InputError):
    """A checkpoint is missing, damaged or cannot be converted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """A trained network in a run's folder."""

    path: Path
    """The archive."""
    card: ModelCard
    """The card of its float32 flatbuffer: labels, input, normalization and provenance."""
    clips: str
    """Folder of the clips on the machine of the training."""
    also: tuple[str, ...] = ()
    """Folders of other corpora on that machine."""
    settings: ReadSettings = field(default_factory=ReadSettings)
    """Table and labels with which the clips were read."""


def save_checkpoint(
    path: Path,
    archive: bytes,
    card: ModelCard,
    *,
    clips: Path,
    also: Sequence[Path] = (),
    settings: ReadSettings | None = None,
) -> None:
    """Write a checkpoint, which ``find_checkpoint`` finds.

    Args:
        path: the file; ends in ".keras".
        archive: a Keras model, as ``to_keras`` gives it.
        card: the card of its float32 flatbuffer.
        clips: folder of the clips.
        also: folders of other corpora.
        settings: table and labels with which the clips were read; None for the defaults.
    """
    settings = settings or ReadSettings()
    body = {
        "schema": _SCHEMA,
        "clips": str(clips.absolute()),
        "also": [str(each.absolute()) for each in also],
        "table": str(settings.table.absolute()) if settings.table else "",
        "labels": dict(settings.labels.given),
        "card": json.loads(card.to_json()),
    }
    file = io.BytesIO(archive)
    with zipfile.ZipFile(file, "a") as members:
        text = json.dumps(body, indent=2, ensure_ascii=False) + "\n"
        members.writestr(zipfile.ZipInfo(_MEMBER), text)
    write_whole(path, file.getvalue())


def find_checkpoint(run: Path) -> Checkpoint:
    """The checkpoint of a run.

    Args:
        run: a folder with ``FINAL``, or one of its ".keras" files.

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
    table, labels = body.get("table", ""), body.get("labels", {})
    return Checkpoint(
        path=path,
        card=card,
        clips=str(body.get("clips", "")),
        also=tuple(map(str, body.get("also", ()))),
        settings=ReadSettings(
            table=Path(table) if table else None, labels=LabelMap(given=tuple(labels.items()))
        ),
    )


def load_keras(network: Checkpoint) -> "keras.Model":
    """The Keras model, ready to predict.

    Raises:
        CheckpointError: Keras cannot load it.
    """
    import keras  # noqa: PLC0415 - takes seconds to load

    try:
        return keras.saving.load_model(network.path, compile=False)
    except (OSError, ValueError, TypeError, KeyError) as exc:
        raise CheckpointError(
            f"{network.path}: Keras does not load it: {str(exc).splitlines()[0]}"
        ) from exc


def _missing(run: Path) -> str:
    """The reason that a run has no checkpoint, and the place of another one."""
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
