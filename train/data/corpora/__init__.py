"""Corpora of emotional speech, each read by its own naming or its own table."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

from serd.audio.opening import SOUND_SUFFIXES
from train.data.clips import Clip, Corpus, CorpusError, OtherNameError
from train.data.corpora import nemo, ravdess, savee
from train.data.corpora.table import Listing, read_table

TITLES: Final[Mapping[str, str]] = {module.NAME: module.TITLE for module in (ravdess, savee, nemo)}
"""Titles of the corpora that are recognized in a folder without a table."""
CLASSES: Final[Mapping[str, tuple[str, ...]]] = {
    module.NAME: module.CLASSES for module in (ravdess, savee, nemo)
}
"""Emotions of each corpus, in the order of ``EMOTIONS``."""
CREDITS: Final[Mapping[str, str]] = {module.NAME: module.CREDIT for module in (savee, nemo)}
"""Credits in a model's card for training corpora other than RAVDESS."""
_BY_NAME: Final = {ravdess.NAME: ravdess.clip_from_path, savee.NAME: savee.clip_from_path}
_EXAMPLES: Final = {
    ravdess.NAME: "03-01-06-01-02-01-12",
    savee.NAME: "DC_a01",
    nemo.NAME: f"its {nemo.TABLE}",
}


def find_clips(
    root: Path,
    *,
    with_song: bool = True,
    corpora: Collection[str] = (ravdess.NAME,),
    table: Path | None = None,
) -> Corpus:
    """Every clip of some corpora below a folder, however the folders are nested.

    RAVDESS comes first, by the names of its clips, then the other corpora. A clip that occurs twice (a
    release is often unpacked into itself) is used once. A file that does not parse is reported and left
    out.

    Args:
        root: the folder.
        with_song: whether sung clips are used.
        corpora: which, of ``TITLES``.
        table: a CSV that lists the clips of one more corpus (``train.data.corpora.table``).

    Raises:
        CorpusError: no such folder or corpus, no clip in it, or a table that cannot be used.
    """
    unknown = ", ".join(sorted(set(corpora) - set(TITLES)))
    if unknown:
        raise CorpusError(f"Bad corpus {unknown}, expected some of: {', '.join(TITLES)}")
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder, expected one that holds {_wanted(corpora)} clips")
    files = sound_files(root)
    listed = read_table(table, root, TITLES) if table is not None else Listing()
    if nemo.NAME in corpora:
        _add_nemo(listed, root, files)
    clips: dict[str, Clip] = {}
    left_out = list(listed.left_out)
    inside = {path.resolve() for path in files}
    outside = [clip.path for path, clip in listed.clips.items() if path not in inside]
    for path in (*files, *outside):
        row = listed.clips.get(path.resolve())
        try:
            clip = _clip(path, corpora, row)
        except CorpusError as exc:
            left_out.append(str(exc))
            continue
        if row is not None and clip is not row:
            left_out.append(f"{path}: listed in {row.corpus}, but named as in {TITLES[clip.corpus]}")
        first = clips.setdefault(clip_key(clip), clip)
        if first is not clip:
            left_out.append(f"{path}: the same clip as {first.path}")
    used = [clip for clip in clips.values() if with_song or clip.channel == "speech"]
    if not used:
        raise CorpusError(_nothing_found(root, corpora, left_out))
    return Corpus(clips=tuple(sorted(used, key=_place)), left_out=tuple(left_out))


def find_training_clips(root: Path, also: Sequence[Path] = (), *, with_song: bool = True) -> Corpus:
    """The clips of RAVDESS below a folder, and those of other corpora below others.

    Args:
        root: folder that holds RAVDESS.
        also: folders that hold other corpora. A clip of RAVDESS there is reported and left out.
        with_song: whether sung clips are used.

    Raises:
        CorpusError: no such folder, or no clip of those corpora in one.
    """
    own = find_clips(root, with_song=with_song)
    clips = {clip_key(clip): clip for clip in own.clips}
    left_out = list(own.left_out)
    for folder in also:
        other = find_clips(folder, with_song=with_song, corpora=tuple(CREDITS))
        left_out += other.left_out
        for clip in other.clips:
            first = clips.setdefault(clip_key(clip), clip)
            if first is not clip:
                left_out.append(f"{clip.path}: the same clip as {first.path}")
    return Corpus(clips=tuple(sorted(clips.values(), key=_place)), left_out=tuple(left_out))


def sound_files(root: Path) -> list[Path]:
    """Every file below a folder with a suffix of a sound file, by stem and then by folder."""
    files = (path for path in root.rglob("*") if path.suffix.lower() in SOUND_SUFFIXES)
    return sorted((path for path in files if path.is_file()), key=lambda path: (path.stem, str(path)))


def clip_key(clip: Clip) -> str:
    """The key that two copies of one clip share, in whatever folders.

    RAVDESS and nEMO name each clip differently, SAVEE those of a speaker; a table's clip is its file.
    """
    if clip.corpus in {ravdess.NAME, nemo.NAME}:
        return f"{clip.corpus} {clip.path.stem}"
    if clip.corpus == savee.NAME:
        return f"{clip.actor} {clip.statement}"
    return str(clip.path.resolve())


def _add_nemo(listing: Listing, root: Path, files: Sequence[Path]) -> None:
    """Add the clips of each data.tsv of nEMO below a folder; others are reported."""
    for table in sorted(root.rglob(nemo.TABLE)):
        try:
            found = nemo.read_nemo(table, files)
        except CorpusError as exc:
            listing.left_out.append(str(exc))
            continue
        listing.left_out.extend(found.left_out)
        for path, clip in found.clips.items():
            listing.clips.setdefault(path, clip)


def _clip(path: Path, corpora: Collection[str], row: Clip | None) -> Clip:
    """The clip of a file, from its name or else from the row that lists it.

    Raises:
        CorpusError: neither describes it.
    """
    readers = [reader for name, reader in _BY_NAME.items() if name in corpora]
    reason = f"{path}: no clip of {_wanted(corpora)}, neither by its name nor in a table"
    for clip_from_path in readers:
        try:
            return clip_from_path(path)
        except OtherNameError as exc:
            if len(corpora) == 1:
                reason = str(exc)
        except CorpusError:
            if row is None:
                raise
    if row is not None:
        return row
    raise CorpusError(reason)


def _place(clip: Clip) -> tuple[bool, str, str, str]:
    """Sort key: RAVDESS by clip name, then the other corpora by speaker."""
    is_other = clip.corpus != ravdess.NAME
    return is_other, clip.corpus, clip.actor if is_other else "", clip.path.stem


def _wanted(corpora: Collection[str]) -> str:
    """The corpora's names in a sentence: "RAVDESS, SAVEE or nEMO"."""
    names = [TITLES[name] for name in TITLES if name in corpora] or ["listed"]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _nothing_found(root: Path, corpora: Collection[str], left_out: Sequence[str]) -> str:
    examples = [_EXAMPLES[name] for name in TITLES if name in corpora]
    kinds = f" ({', '.join(examples)} and the like, as sound files)" if examples else ""
    others = f"; {len(left_out)} other files or lines, such as {left_out[0]}" if left_out else ""
    return f"{root}: no {_wanted(corpora)} clip in it{kinds}{others}"
