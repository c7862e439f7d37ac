"""Tables of clips: a corpus listed in a CSV, one row per file under a row of column names.

A user's table has columns ``file``, ``emotion`` and ``speaker``; optionally ``gender``, ``channel``,
``intensity`` and ``statement``. Paths are relative to the table's folder, else to ROOT. The corpus is
named after the table.
"""

import csv
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from serd.model.labels import EMOTIONS
from train.data.clips import Channel, Clip, CorpusError, Gender, Intensity

_NOUNS: Final[Mapping[str, str]] = {
    "anger": "angry",
    "fear": "fearful",
    "happiness": "happy",
    "sadness": "sad",
    "surprise": "surprised",
}
_GENDERS: Final[Mapping[str, Gender]] = {
    "female": "female",
    "f": "female",
    "male": "male",
    "m": "male",
    "unknown": "unknown",
    "": "unknown",
}


_REQUIRED: Final = ("file", "emotion", "speaker")
_CHANNELS: Final[Mapping[str, Channel]] = {"": "speech", "speech": "speech", "song": "song"}
_INTENSITIES: Final[Mapping[str, Intensity]] = {
    "": "unknown",
    "unknown": "unknown",
    "normal": "normal",
    "strong": "strong",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The clips of a table."""

    clips: dict[Path, Clip] = field(default_factory=dict)
    """Clips by the resolved path of their file, in the order of the rows."""
    left_out: list[str] = field(default_factory=list)
    """One line for each row that is not used, with the reason."""


def read_rows(
    path: Path, required: Sequence[str], *, delimiters: str = ",;\t"
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table, each with its place ("calls.csv line 7").

    Column names are read in lower case and values without surrounding space; a missing value is empty.
    The delimiter is the first with which all required columns are found.

    Raises:
        CorpusError: no such file, no text, or a required column is missing.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except OSError as exc:
        raise CorpusError(f"{path}: cannot be read: {exc.strerror}") from exc
    except UnicodeDecodeError as exc:
        raise CorpusError(f"{path}: no table in UTF-8 ({exc.reason} at byte {exc.start})") from exc
    for delimiter in delimiters:
        columns = [name.strip().lower() for name in next(csv.reader(lines[:1], delimiter=delimiter), [])]
        if set(required) <= set(columns):
            break
    else:
        got = repr(lines[0]) if lines else "an empty file"
        raise CorpusError(f"{path}: expected the columns {', '.join(required)}, got {got}")
    reader = csv.reader(lines[1:], delimiter=delimiter)
    for values in reader:
        if any(values):
            padded = [*values, *[""] * len(columns)]
            row = {name: value.strip() for name, value in zip(columns, padded, strict=False)}
            yield f"{path} line {reader.line_num + 1}", row


def listed_emotion(word: str) -> str:
    """The emotion of a table's word: its name ("angry") or its noun ("anger").

    Raises:
        CorpusError: it is no emotion of serd.
    """
    lower = word.lower()
    emotion = _NOUNS.get(lower, lower)
    if emotion not in EMOTIONS:
        raise CorpusError(f"Bad emotion {word!r}, expected one of: {', '.join(EMOTIONS)}")
    return emotion


def listed_gender(word: str) -> Gender:
    """The gender of a table's word; unknown for an empty one.

    Raises:
        CorpusError: any other word.
    """
    if word.lower() not in _GENDERS:
        raise CorpusError(f"Bad gender {word!r}, expected female, male or unknown")
    return _GENDERS[word.lower()]


def read_table(table: Path, root: Path, taken: Collection[str] = ()) -> Listing:
    """The clips of a table.

    Args:
        table: the CSV, delimited by commas, semicolons or tabs.
        root: second folder for relative paths.
        taken: names of other corpora.

    Raises:
        CorpusError: the table cannot be read, lacks a column, or is named like another corpus.
    """
    listing = Listing()
    name = _plain(table.stem)
    if name.lower() in taken:
        raise CorpusError(f"{table}: gives its corpus the name {name}, which is taken; rename the table")
    for where, row in read_rows(table, _REQUIRED):
        try:
            clip = _table_clip(name, row, table.parent, root)
        except CorpusError as exc:
            listing.left_out.append(f"{where}: {exc}")
            continue
        if listing.clips.setdefault(clip.path.resolve(), clip) is not clip:
            listing.left_out.append(f"{where}: {row['file']!r} is listed twice")
    return listing


def _table_clip(name: str, row: dict[str, str], *folders: Path) -> Clip:
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
