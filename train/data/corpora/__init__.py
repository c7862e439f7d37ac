"""Corpora of emotional speech, each read by its own naming or its own table."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from serd.audio import paths
from train.data.clips import Clip, Corpus, CorpusError, OtherNameError
from train.data.corpora import nemo, ravdess, savee
from train.data.corpora.reader import CorpusReader
from train.data.corpora.table import Listing, read_table

CORPORA: Final[dict[str, CorpusReader]] = {
    each.name: each for each in (ravdess.CORPUS, savee.CORPUS, nemo.CORPUS)
}
"""The corpora that are recognized in a folder without a table. Another one is a module and a line."""


def title_of(corpus: str) -> str:
    """The title of a corpus; its name where only a table knows it."""
    return CORPORA[corpus].title if corpus in CORPORA else corpus


def classes_of(corpus: str) -> tuple[str, ...]:
    """The emotions that clips of a corpus can have; none where only a table knows it."""
    return CORPORA[corpus].classes if corpus in CORPORA else ()


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
        corpora: names of corpora, of ``TITLES``.
        table: a CSV that lists the clips of one more corpus (``train.data.corpora.table``).

    Raises:
        CorpusError: no such folder or corpus, no clip in it, or a table that cannot be used.
    """
    unknown = ", ".join(sorted(set(corpora) - set(CORPORA)))
    if unknown:
        raise CorpusError(f"Bad corpus {unknown}, expected some of: {', '.join(CORPORA)}")
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder, expected one that holds {_wanted(corpora)} clips")
    readers = [CORPORA[name] for name in CORPORA if name in corpora]
    files = sound_files(root)
    listed = read_table(table, root, CORPORA) if table is not None else Listing()
    _add_tables(listed, readers, root, files)
    clips: dict[str, Clip] = {}
    left_out = list(listed.left_out)
    inside = {path.resolve() for path in files}
    outside = [clip.path for path, clip in listed.clips.items() if path not in inside]
    for path in (*files, *outside):
        row = listed.clips.get(path.resolve())
        try:
            clip = _clip(path, readers, row)
        except CorpusError as exc:
            left_out.append(str(exc))
            continue
        if row is not None and clip is not row:
            left_out.append(f"{path}: listed in {row.corpus}, but named as in {title_of(clip.corpus)}")
        first = clips.setdefault(clip_key(clip), clip)
        if first is not clip:
            left_out.append(f"{path}: the same clip as {first.path}")
    used = [clip for clip in clips.values() if with_song or clip.channel == "speech"]
    if not used:
        raise CorpusError(_nothing_found(root, corpora, left_out))
    return Corpus(clips=tuple(sorted(used, key=_place)), left_out=tuple(left_out))


def _add_tables(
    listed: Listing, readers: Sequence[CorpusReader], root: Path, files: Sequence[Path]
) -> None:
    """Add the clips of the corpora's own tables; a clip that is listed already stays as it is."""
    for reader in readers:
        if reader.list_clips is not None:
            found = reader.list_clips(root, files)
            listed.left_out.extend(found.left_out)
            for path, clip in found.clips.items():
                listed.clips.setdefault(path, clip)


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
        other = find_clips(
            folder, with_song=with_song, corpora=[each.name for each in CORPORA.values() if each.credit]
        )
        left_out += other.left_out
        for clip in other.clips:
            first = clips.setdefault(clip_key(clip), clip)
            if first is not clip:
                left_out.append(f"{clip.path}: the same clip as {first.path}")
    return Corpus(clips=tuple(sorted(clips.values(), key=_place)), left_out=tuple(left_out))


def sound_files(root: Path) -> list[Path]:
    """Every file below a folder with a suffix of a sound file, by stem and then by folder."""
    return sorted(paths.sound_files(root), key=lambda path: (path.stem, str(path)))


def clip_key(clip: Clip) -> str:
    """The key that two copies of one clip share, in whatever folders.

    A clip that only a table knows is its file.
    """
    if clip.corpus in CORPORA:
        return f"{clip.corpus} {CORPORA[clip.corpus].clip_key(clip)}"
    return str(clip.path.resolve())


def _clip(path: Path, readers: Sequence[CorpusReader], row: Clip | None) -> Clip:
    """The clip of a file, from its name or else from the row that lists it.

    Raises:
        CorpusError: neither describes it.
    """
    wanted = _wanted([reader.name for reader in readers])
    reason = f"{path}: no clip of {wanted}, neither by its name nor in a table"
    for reader in readers:
        if reader.clip_from_path is None:
            continue
        try:
            return reader.clip_from_path(path)
        except OtherNameError as exc:
            if len(readers) == 1:
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
    names = [title_of(name) for name in CORPORA if name in corpora] or ["listed"]
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _nothing_found(root: Path, corpora: Collection[str], left_out: Sequence[str]) -> str:
    examples = [each.example for each in CORPORA.values() if each.name in corpora]
    kinds = f" ({', '.join(examples)} and the like, as sound files)" if examples else ""
    others = f"; {len(left_out)} other files or lines, such as {left_out[0]}" if left_out else ""
    return f"{root}: no {_wanted(corpora)} clip in it{kinds}{others}"
