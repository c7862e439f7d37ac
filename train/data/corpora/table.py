"""Any corpus, from a CSV of its files.

Columns ``file``, ``emotion`` and ``speaker``; if known also ``gender``, ``channel``, ``intensity`` and
``statement``. Paths are relative to the table's folder, else to ROOT. The corpus is named
after the table.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from train.data.clips import Channel, Clip, CorpusError, Intensity
from train.data.corpora import nemo, ravdess, savee
from train.data.corpora.listing import Listing, listed_emotion, listed_gender, read_rows

_TAKEN: Final = frozenset({ravdess.NAME, savee.NAME, nemo.NAME})
_COLUMNS: Final = ("file", "emotion", "speaker")
_CHANNELS: Final[Mapping[str, Channel]] = {"": "speech", "speech": "speech", "song": "song"}
_INTENSITIES: Final[Mapping[str, Intensity]] = {
    "": "unknown",
    "unknown": "unknown",
    "normal": "normal",
    "strong": "strong",
}


def read_table(table: Path, root: Path) -> Listing:
    """The clips of a table.

    Args:
        table: the CSV, delimited by commas, semicolons or tabs.
        root: second folder for relative paths.

    Raises:
        CorpusError: the table cannot be read, lacks a column, or is named like another corpus.
    """
    listing = Listing()
    name = _plain(table.stem)
    if name.lower() in _TAKEN:
        raise CorpusError(f"{table}: gives its corpus the name {name}, which is taken; rename the table")
    for where, row in read_rows(table, _COLUMNS):
        try:
            clip = _clip(name, row, table.parent, root)
        except CorpusError as exc:
            listing.left_out.append(f"{where}: {exc}")
            continue
        if listing.clips.setdefault(clip.path.resolve(), clip) is not clip:
            listing.left_out.append(f"{where}: {row['file']!r} is listed twice")
    return listing


def _clip(name: str, row: dict[str, str], *folders: Path) -> Clip:
    if not row["file"] or not row["speaker"]:
        raise CorpusError("expected a file and a speaker")
    places = [folder / row["file"] for folder in folders]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise CorpusError(f"no file {row['file']!r} in {' or '.join(map(str, dict.fromkeys(folders)))}")
    channel, intensity = row.get("channel", "").lower(), row.get("intensity", "").lower()
    if channel not in _CHANNELS:
        raise CorpusError(f"Bad channel {channel!r}, expected speech or song")
    if intensity not in _INTENSITIES:
        raise CorpusError(f"Bad intensity {intensity!r}, expected normal, strong or unknown")
    return Clip(
        path=path,
        corpus=name,
        actor=f"{name}:{_plain(row['speaker'])}",
        gender=listed_gender(row.get("gender", "")),
        emotion=listed_emotion(row["emotion"]),
        channel=_CHANNELS[channel],
        intensity=_INTENSITIES[intensity],
        statement=row.get("statement", ""),
    )


def _plain(name: str) -> str:
    """A name that ``parse_actors`` reads."""
    return re.sub(r"[^\w.-]+", "_", name)
