"""What each corpus declares: how its clips are found, and what they can hold."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from train.data.clips import Clip
from train.data.corpora.table import Listing

ClipFromPath = Callable[[Path], Clip]
"""Makes a clip from a file's name and folders.

It raises OtherNameError where they are not those of the corpus, and CorpusError where they contradict
themselves."""
ListClips = Callable[[Path, Sequence[Path]], Listing]
"""Lists the clips of the corpus's own tables below a folder, of the sound files given."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CorpusReader:
    """A corpus that is recognized in a folder, by the names of its files or by its own table."""

    name: str
    """Name of the corpus, as its clips carry it."""
    title: str
    """Name as its authors write it."""
    classes: tuple[str, ...]
    """Emotions that its clips can have, in the order of ``EMOTIONS``."""
    example: str
    """A file of it, for messages."""
    credit: str = ""
    """Credit in the card of a model that is trained on it as well; empty for RAVDESS."""
    clip_from_path: ClipFromPath | None = None
    """Reads the names of its files; None where they say too little."""
    list_clips: ListClips | None = None
    """Reads its own tables; None where it has none."""
    clip_key: Callable[[Clip], str] = lambda clip: clip.path.stem
    """What two copies of one clip share and no two clips of the corpus do."""
