"""The files of a folder tree: its sound files, archives that were not unpacked, folders of emotions."""

import re
from collections.abc import Iterable
from pathlib import Path, PureWindowsPath
from typing import Final

from serd.audio import paths
from train.data.clips import Clip
from train.data.labels import LabelMap

_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".tar.gz", ".7z", ".rar")
_MAC_COPY: Final = "__MACOSX"
_N_NAMED: Final = 3


def sound_files(root: Path) -> list[Path]:
    """Every sound file below a folder, as ``serd.audio`` finds them, by stem and then by folder."""
    return sorted(paths.sound_files(root), key=lambda path: (path.stem, str(path)))


def _is_hidden(path: Path) -> bool:
    return path.name.startswith(".") or _MAC_COPY in path.parts


def packed_files(root: Path) -> list[str]:
    """One line on the archives in a folder that do not lie beside a folder of their name."""
    packed = [
        path
        for path in sorted(root.rglob("*"))
        if path.name.lower().endswith(_ARCHIVES)
        and not _is_hidden(path.relative_to(root))
        and path.is_file()
        and not path.with_name(path.name.partition(".")[0]).is_dir()
    ]
    if not packed:
        return []
    names = ", ".join(str(path) for path in packed[:_N_NAMED])
    more = f" and {len(packed) - _N_NAMED} more" if len(packed) > _N_NAMED else ""
    return [f"{names}{more}: not read, unpack first"]


def folder_clips(
    root: Path, files: Iterable[Path], labels: LabelMap, taken: Iterable[str]
) -> dict[Path, Clip]:
    """The clips that lie in a folder named after an emotion, such as "Angry" or "01Neutral".

    Nothing says who speaks, so all of them have one speaker, whom no split divides.

    Args:
        root: the folder that names the corpus.
        files: sound files below it.
        labels: the words for emotions.
        taken: names of other corpora.
    """
    name = re.sub(r"[^\w.-]+", "_", root.resolve().name) or "folders"
    name = f"{name}-folders" if name.lower() in set(taken) else name
    clips = {}
    for path in files:
        folders = PureWindowsPath(path.relative_to(root)).parent.parts
        words = [re.sub(r"^[\d\W_]+", "", folder) for folder in reversed(folders)]
        word = next((each for each in words if labels.emotion(each) is not None), None)
        if word is not None:
            clips[path] = Clip(
                path=path,
                corpus=name,
                actor=f"{name}:unknown",
                gender="unknown",
                emotion=word,
                channel="speech",
                intensity="unknown",
                statement="",
            )
    return clips
