"""Corpora of emotional speech, each read by its own naming or its own table."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from train.data.clips import UNLABELED, Clip, Corpus, CorpusError, OtherNameError
from train.data.corpora import (
    aesdd,
    ased,
    cremad,
    emodb,
    emotiontts,
    emovo,
    eyase,
    nemo,
    orders,
    ravdess,
    savee,
    tess,
    urdu,
)
from train.data.corpora.reader import CorpusReader, Listing
from train.data.corpora.table import read_table
from train.data.corpora.tree import folder_clips, packed_files, sound_files
from train.data.duplicates import DuplicateRule, without_duplicates
from train.data.labels import LabelMap

CORPORA: Final[dict[str, CorpusReader]] = {
    module.CORPUS.name: module.CORPUS
    for module in (
        ravdess,
        savee,
        nemo,
        cremad,
        emotiontts,
        tess,
        emodb,
        emovo,
        aesdd,
        eyase,
        ased,
        urdu,
        orders,
    )
}
"""The corpora that are recognized in a folder without a table. Another one is a module and a line."""
_MOST_NAMED: Final = 3
"""Corpora that a message names."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadSettings:
    """What is read besides the corpora that are recognized, and how their clips are used."""

    table: Path | None = None
    """A CSV that lists the clips of one more corpus (``train.data.corpora.table``)."""
    labels: LabelMap = field(default_factory=LabelMap)
    """The emotions of words that serd does not know."""
    duplicates: DuplicateRule = "keep-together"
    """What becomes of clips with the same sound (``train.data.duplicates``)."""
    sound_store: Path | None = None
    """File that keeps what the search for such clips computes (``train.data.sound_store``); None keeps
    nothing."""


def title_of(corpus: str) -> str:
    """The title of a corpus; its name where only a table or a folder knows it."""
    return CORPORA[corpus].title if corpus in CORPORA else corpus


def classes_of(corpus: str) -> tuple[str, ...]:
    """The emotions that clips of a corpus can have; none where only a table or a folder knows it."""
    return CORPORA[corpus].classes if corpus in CORPORA else ()


def labeled_corpora() -> tuple[str, ...]:
    """Names of the corpora whose clips have emotions."""
    return tuple(each.name for each in CORPORA.values() if each.classes)


def corpora_to_fit(root: Path) -> tuple[str, ...]:
    """Names of the corpora that a folder is read for: RAVDESS if it has a clip of it, else all."""
    has_ravdess = any(ravdess.is_named_so(path) for path in sound_files(root))
    return (ravdess.NAME,) if has_ravdess else labeled_corpora()


def find_clips(
    root: Path,
    *,
    with_song: bool = True,
    corpora: Collection[str] = (ravdess.NAME,),
    table: Path | None = None,
    labels: LabelMap | None = None,
    with_folders: bool = False,
    with_unlabeled: bool = False,
) -> Corpus:
    """Every clip of some corpora below a folder, however the folders are nested.

    RAVDESS comes first, by the names of its clips, then the other corpora. A clip that occurs twice (a
    release is often unpacked into itself) is used once. A file that does not parse is reported and left
    out.

    Args:
        root: the folder.
        with_song: whether sung clips are used.
        corpora: names of corpora, of ``CORPORA``.
        table: a CSV that lists the clips of one more corpus (``train.data.corpora.table``).
        labels: the emotions of words that serd does not know; None for none.
        with_folders: whether other files in a folder named after an emotion are clips of it.
        with_unlabeled: whether ``UNLABELED`` clips are used.

    Raises:
        CorpusError: no such folder or corpus, no clip in it, or a table that cannot be used.
    """
    unknown = ", ".join(sorted(set(corpora) - set(CORPORA)))
    if unknown:
        raise CorpusError(f"Bad corpus {unknown}, expected some of: {', '.join(CORPORA)}")
    if root.is_file():
        raise CorpusError(f"{root}: a file, expected a folder; if it is an archive, unpack it first")
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder, expected one with clips of {_wanted(corpora)}")
    labels = labels or LabelMap()
    readers = [CORPORA[name] for name in CORPORA if name in corpora]
    files = sound_files(root)
    listed = read_table(table, root, CORPORA) if table is not None else Listing()
    _add_tables(listed, readers, root, files)
    by_folder = folder_clips(root, files, labels, CORPORA) if with_folders else {}
    found, left_out = _described(files, readers, listed, by_folder)
    translated, without = labels.translated(found)
    left_out += [*without, *packed_files(root)]
    used = [clip for clip in translated if with_song or clip.channel == "speech"]
    if not with_unlabeled:
        labeled = [clip for clip in used if clip.emotion != UNLABELED]
        if len(labeled) < len(used):
            n_others = len(used) - len(labeled)
            left_out.append(f"{n_others} clips without an emotion, for --protocol orders alone")
        used = labeled
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


def _described(
    files: Sequence[Path],
    readers: Sequence[CorpusReader],
    listed: Listing,
    by_folder: Mapping[Path, Clip],
) -> tuple[list[Clip], list[str]]:
    """Each clip once, in the words of its corpus, and a line for each file that is none."""
    clips: dict[str, Clip] = {}
    left_out = list(listed.left_out)
    inside = {path.resolve() for path in files}
    outside = [clip.path for path, clip in listed.clips.items() if path not in inside]
    for path in (*files, *outside):
        row = listed.clips.get(path.resolve())
        try:
            clip = _clip(path, readers, row or by_folder.get(path))
        except CorpusError as exc:
            left_out.append(str(exc))
            continue
        if row is not None and clip is not row:
            left_out.append(f"{path}: listed in {row.corpus}, but named as in {title_of(clip.corpus)}")
        first = clips.setdefault(clip_key(clip), clip)
        if first is not clip:
            left_out.append(f"{path}: the same clip as {first.path}")
    return list(clips.values()), left_out


def find_training_clips(
    root: Path,
    also: Sequence[Path] = (),
    *,
    corpora: Collection[str] = (ravdess.NAME,),
    settings: ReadSettings | None = None,
    with_song: bool = True,
    with_folders: bool = False,
) -> Corpus:
    """The clips of some corpora below a folder, and those of other corpora below others.

    Clips with the same sound are treated as the settings say.

    Args:
        root: folder that holds RAVDESS, or the corpora that a protocol tests.
        also: folders that hold other corpora. A clip there of a corpus that is in ``root`` is reported
            and left out.
        corpora: names of the corpora that ``root`` is read for.
        settings: table, labels and duplicates; None for the defaults.
        with_song: whether sung clips are used.
        with_folders: whether other files of ``root`` in a folder named after an emotion are clips of it.

    Raises:
        CorpusError: no such folder, or no clip of those corpora in one.
        OperationError: the store of sounds cannot be read or written.
    """
    settings = settings or ReadSettings()
    own = find_clips(
        root,
        with_song=with_song,
        corpora=corpora,
        table=settings.table,
        labels=settings.labels,
        with_folders=with_folders,
    )
    clips = {clip_key(clip): clip for clip in own.clips}
    left_out = list(own.left_out)
    present = {clip.corpus for clip in own.clips}
    others = [name for name in labeled_corpora() if name not in present]
    for folder in also:
        other = find_clips(
            folder, with_song=with_song, corpora=others, labels=settings.labels, with_folders=True
        )
        left_out += other.left_out
        for clip in other.clips:
            first = clips.setdefault(clip_key(clip), clip)
            if first is not clip:
                left_out.append(f"{clip.path}: the same clip as {first.path}")
    ordered = Corpus(clips=tuple(sorted(clips.values(), key=_place)), left_out=tuple(left_out))
    return without_duplicates(ordered, settings.duplicates, settings.sound_store)


def find_all_clips(roots: Sequence[Path], settings: ReadSettings, *, with_song: bool = True) -> Corpus:
    """The labeled clips of every corpus below some folders, those that sound the same included.

    Args:
        roots: folders; the first is the second place of the table's files.
        settings: table and labels.
        with_song: whether sung clips are used.

    Raises:
        CorpusError: no such folder, or no clip in one.
    """
    clips: dict[str, Clip] = {}
    left_out: list[str] = []
    for number, root in enumerate(roots):
        found = find_clips(
            root,
            with_song=with_song,
            corpora=labeled_corpora(),
            table=settings.table if number == 0 else None,
            labels=settings.labels,
            with_folders=True,
        )
        left_out += found.left_out
        for clip in found.clips:
            clips.setdefault(clip_key(clip), clip)
    return Corpus(clips=tuple(sorted(clips.values(), key=_place)), left_out=tuple(left_out))


def clip_key(clip: Clip) -> str:
    """The key that two copies of one clip share, in whatever folders.

    A clip that only a table or a folder knows is its file.
    """
    if clip.corpus in CORPORA:
        return f"{clip.corpus} {CORPORA[clip.corpus].clip_key(clip)}"
    return str(clip.path.resolve())


def _clip(path: Path, readers: Sequence[CorpusReader], row: Clip | None) -> Clip:
    """The clip of a file, by the first that knows its emotion: its name, then a table or a folder.

    Raises:
        CorpusError: neither describes it.
    """
    wanted = _wanted([reader.name for reader in readers])
    reason = f"{path}: no clip of {wanted}, neither by its name nor in a table"
    unlabeled = None
    for reader in readers:
        if reader.clip_from_path is None:
            continue
        try:
            clip = reader.clip_from_path(path)
        except OtherNameError as exc:
            if len(readers) == 1:
                reason = str(exc)
        except CorpusError:
            if row is None:
                raise
        else:
            if clip.emotion != UNLABELED:
                return clip
            unlabeled = clip
    if described := row or unlabeled:
        return described
    raise CorpusError(reason)


def _place(clip: Clip) -> tuple[bool, str, str, str]:
    """Sort key: RAVDESS by clip name, then the other corpora by speaker."""
    is_other = clip.corpus != ravdess.NAME
    return is_other, clip.corpus, clip.actor if is_other else "", clip.path.stem


def _wanted(corpora: Collection[str]) -> str:
    """The corpora's names in a sentence: "RAVDESS, SAVEE or nEMO"."""
    names = [title_of(name) for name in CORPORA if name in corpora] or ["the table"]
    if len(names) > _MOST_NAMED:
        return f"{', '.join(names[:_MOST_NAMED])} or {len(names) - _MOST_NAMED} other corpora"
    return " or ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def _nothing_found(root: Path, corpora: Collection[str], left_out: Sequence[str]) -> str:
    examples = [each.example for each in CORPORA.values() if each.name in corpora][:_MOST_NAMED]
    kinds = f" ({', '.join(examples)} and the like, as sound files)" if examples else ""
    others = f"; {len(left_out)} other files or lines, such as {left_out[-1]}" if left_out else ""
    return f"{root}: no clip of {_wanted(corpora)} in it{kinds}{others}"
