"""emotiontts_open_db: clips from its labels.csv.

Emotional speech in Korean by 15 speakers in four states, made for speech synthesis. CC BY-NC-SA 4.0, for
research and not for commerce. A clip is ema00201.opus; ``labels.csv`` beside or above the clips has the
columns file, speaker and emotion.
"""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from train.data.clips import Clip, CorpusError
from train.data.corpora.reader import CorpusReader, Listing, stem_of
from train.data.corpora.table import read_rows, speaker_name

NAME: Final = "emotiontts-ko"
TABLE: Final = "labels.csv"
_STEM: Final = re.compile(r"(?P<speaker>(?:em|ne)[a-z])(?P<sentence>\d{5})")


def list_clips(root: Path, files: Sequence[Path]) -> Listing:
    """The clips that each labels.csv of the corpus names; a table of other files is passed over."""
    listing = Listing()
    for table in sorted(root.rglob(TABLE)):
        below: dict[str, list[Path]] = {}
        for path in files:
            if path.is_relative_to(table.parent) and _STEM.fullmatch(stem_of(path)):
                below.setdefault(stem_of(path), []).append(path)
        if below:
            _read(table, below, listing)
    return listing


def _read(table: Path, below: dict[str, list[Path]], listing: Listing) -> None:
    try:
        for where, row in read_rows(table, ("file", "speaker", "emotion")):
            stem = stem_of(Path(row["file"]))
            if stem not in below:
                listing.left_out.append(f"{where}: no file {row['file']!r} below {table.parent}")
            for path in below.get(stem, ()):
                listing.clips[path.resolve()] = _clip(path, row)
    except CorpusError as exc:
        listing.left_out.append(str(exc))


def _clip(path: Path, row: dict[str, str]) -> Clip:
    stem = stem_of(path)
    return Clip(
        path=path,
        corpus=NAME,
        actor=f"{NAME}:{speaker_name(row['speaker']) or stem[:3]}",
        gender="unknown",
        emotion=row["emotion"],
        channel="speech",
        intensity="unknown",
        statement=stem[3:],
    )


CORPUS: Final = CorpusReader(
    name=NAME,
    title="emotiontts_open_db",
    classes=("neutral", "happy", "sad", "angry"),
    example=f"its {TABLE}",
    credit="Trained on emotiontts_open_db as well, licensed CC BY-NC-SA 4.0, for research and not for"
    " commerce.",
    list_clips=list_clips,
)
