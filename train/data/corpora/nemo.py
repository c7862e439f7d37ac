"""nEMO: clips from its data.tsv.

I. Christop, "nEMO: Dataset of Emotional Speech in Polish", LREC-COLING 2024: nine speakers, six states,
90 sentences. CC BY-NC-SA 4.0. The sound files are in the table's folder or below it.
"""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from train.data.clips import Clip, CorpusError
from train.data.corpora.reader import CorpusReader, Listing, stem_of
from train.data.corpora.table import listed_gender, read_rows

NAME: Final = "nemo"
TITLE: Final = "nEMO"
TABLE: Final = "data.tsv"
CLASSES: Final = ("neutral", "happy", "sad", "angry", "fearful", "surprised")
"""Emotions of the corpus; it has neither calm nor disgust."""
CREDIT: Final = (
    "Trained on nEMO as well: I. Christop, 2024, nEMO: Dataset of Emotional Speech in Polish,"
    " LREC-COLING, licensed CC BY-NC-SA 4.0."
)

_COLUMNS: Final = ("file_id", "emotion", "speaker_id", "gender")


def list_clips(root: Path, files: Sequence[Path]) -> Listing:
    """The clips of each data.tsv of nEMO below a folder; a table of another corpus is reported."""
    listing = Listing()
    for table in sorted(root.rglob(TABLE)):
        try:
            found = read_nemo(table, files)
        except CorpusError as exc:
            listing.left_out.append(str(exc))
            continue
        listing.left_out.extend(found.left_out)
        for path, clip in found.clips.items():
            listing.clips.setdefault(path, clip)
    return listing


def read_nemo(table: Path, files: Iterable[Path]) -> Listing:
    """The clips of a data.tsv.

    Args:
        table: the data.tsv.
        files: sound files; those below the table's folder are looked up in it by their stem.

    Raises:
        CorpusError: the table cannot be read, or is not nEMO's.
    """
    below: dict[str, list[Path]] = {}
    for path in files:
        if path.is_relative_to(table.parent):
            below.setdefault(stem_of(path), []).append(path)
    listing = Listing()
    for where, row in read_rows(table, _COLUMNS, delimiters="\t"):
        stem = stem_of(Path(row["file_id"]))
        if stem not in below:
            listing.left_out.append(f"{where}: no file {row['file_id']!r} below {table.parent}")
            continue
        for path in below[stem]:
            try:
                listing.clips[path.resolve()] = _clip(path, row)
            except CorpusError as exc:
                listing.left_out.append(f"{where}: {exc}")
    return listing


def _clip(path: Path, row: dict[str, str]) -> Clip:
    if not re.fullmatch(r"\w+", row["speaker_id"]):
        raise CorpusError(f"Bad speaker {row['speaker_id']!r}, expected letters and digits")
    sentence = re.search(r"_(\d+)$", stem_of(path))
    return Clip(
        path=path,
        corpus=NAME,
        actor=f"{NAME}:{row['speaker_id']}",
        gender=listed_gender(row["gender"]),
        emotion=row["emotion"],
        channel="speech",
        intensity="unknown",
        statement=sentence[1] if sentence else "",
    )


CORPUS: Final = CorpusReader(
    name=NAME,
    title=TITLE,
    classes=CLASSES,
    example=f"its {TABLE}",
    credit=CREDIT,
    list_clips=list_clips,
)
