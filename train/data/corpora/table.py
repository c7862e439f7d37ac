"""Tables of clips: a corpus listed in a CSV, one row per file under a row of column names.

Required columns:
    file: path of the sound file, relative to the table's folder, else to ROOT.
    emotion: a word that serd knows ("angry", "anger"), or one that ``--labels`` translates.
    speaker: name of the speaker; all clips of one name are on one side of a split.

Optional columns:
    gender: female, male or unknown (default); also f and m.
    channel: speech (default) or song.
    intensity: normal, strong or unknown (default).
    statement: name of the sentence.

Commas, semicolons or tabs divide the columns, whose order does not matter; others are passed over. The
file is UTF-8 or UTF-16. Windows paths are read, and so is a first line ``sep=;``, as Excel writes it.
The corpus is named after the table.
"""

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from train.data.clips import Channel, Clip, CorpusError, Gender, Intensity
from train.data.corpora.reader import Listing

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


def read_rows(
    path: Path, required: Sequence[str], *, delimiters: str = ",;\t"
) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the rows of a table, each with its place ("calls.csv line 7").

    Column names are read in lower case and values without surrounding space; a missing value is empty.
    The delimiter is the first with which all required columns are found.

    Raises:
        CorpusError: no such file, no text, or a required column is missing.
    """
    lines = _lines(path)
    n_before = 1 if lines and re.fullmatch(r"sep=.", lines[0].strip(), re.IGNORECASE) else 0
    lines = lines[n_before:]
    for delimiter in delimiters:
        columns = [name.strip().lower() for name in next(csv.reader(lines[:1], delimiter=delimiter), [])]
        if set(required) <= set(columns):
            break
    else:
        got = repr(lines[0]) if lines else "an empty file"
        raise CorpusError(f"{path}: expected the columns {', '.join(required)}, got {got}")
    reader = csv.reader(lines[1:], delimiter=delimiter)
    for values in _rows_of(reader, path):
        if any(values):
            padded = [*values, *[""] * len(columns)]
            row = {name: value.strip() for name, value in zip(columns, padded, strict=False)}
            yield f"{path} line {reader.line_num + 1 + n_before}", row


def _rows_of(reader: Iterator[list[str]], path: Path) -> Iterator[list[str]]:
    """Yield the rows of a reader, whose errors become those of a corpus."""
    try:
        yield from reader
    except csv.Error as exc:
        raise CorpusError(f"{path}: no table that can be read: {exc}") from exc


def _lines(path: Path) -> list[str]:
    try:
        content = path.read_bytes()
    except OSError as exc:
        raise CorpusError(f"{path}: cannot be read: {exc.strerror}") from exc
    encoding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return content.decode(encoding).splitlines()
    except UnicodeDecodeError as exc:
        raise CorpusError(
            f"{path}: no table in UTF-8 ({exc.reason} at byte {exc.start}); save it as CSV in UTF-8"
        ) from exc


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
    if not row["file"] or not row["speaker"] or not row["emotion"]:
        raise CorpusError("expected a file, an emotion and a speaker")
    # A backslash is a slash on Windows, unless a file of this very name is there.
    names = dict.fromkeys((row["file"], row["file"].replace("\\", "/")))
    places = [folder / name for name in names for folder in folders]
    path = next((place for place in places if _is_file(place)), None)
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
        actor=f"{name}:{speaker_name(row['speaker'])}",
        gender=listed_gender(row.get("gender", "")),
        emotion=row["emotion"],
        channel=_CHANNELS[channel],
        intensity=_INTENSITIES[intensity],
        statement=row.get("statement", ""),
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False


def _plain(name: str) -> str:
    """A name that ``parse_actors`` reads."""
    return re.sub(r"[^\w.-]+", "_", name)


def speaker_name(name: str) -> str:
    """A speaker's name that ``parse_actors`` reads, and takes for no range such as 10-12."""
    return re.sub(r"[^\w.]+", "_", name)
