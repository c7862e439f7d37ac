"""What each corpus declares: how its clips are found, and what they can hold."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PureWindowsPath
from typing import Literal

from train.data.clips import Clip, Gender, Intensity, OtherNameError

ClipFromPath = Callable[[Path], Clip]
"""Makes a clip from a file's name and folders.

It raises OtherNameError where they are not those of the corpus, and CorpusError where they contradict
themselves."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Listing:
    """The clips of a table."""

    clips: dict[Path, Clip] = field(default_factory=dict)
    """Clips by the resolved path of their file, in the order of the rows."""
    left_out: list[str] = field(default_factory=list)
    """One line for each row that is not used, with the reason."""


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
    """Emotions that its clips can have, in the order of ``EMOTIONS``; none for speech without labels."""
    example: str
    """A file of it, for messages."""
    credit: str = ""
    """Credit in the card of a model that is trained on it as well; empty for RAVDESS."""
    clip_from_path: ClipFromPath | None = None
    """Reads the names of its files; None where they say too little."""
    list_clips: ListClips | None = None
    """Reads its own tables; None where it has none."""
    clip_key: Callable[[Clip], str] = lambda clip: stem_of(clip.path)
    """What two copies of one clip share and no two clips of the corpus do."""


def stem_of(path: Path) -> str:
    """Name of a file without folders and suffix, also where a name holds the folders of Windows."""
    return PureWindowsPath(path.name).stem


@dataclass(frozen=True, kw_only=True, slots=True)
class NameCode:
    """A corpus whose file names hold speaker, emotion and sentence, each as a code."""

    corpus: str
    """Name of the corpus."""
    title: str
    """Name as its authors write it."""
    pattern: str
    """Regular expression of a whole stem with groups "speaker", "emotion" and "sentence", and if there
    are any "gender" and "intensity"."""
    example: str
    """A stem of it, for messages."""
    emotions: Mapping[str, str]
    """Word for each code of an emotion, in lower case."""
    genders: Mapping[str, Literal["female", "male"]] = field(default_factory=dict)
    """Gender by the code, or by the speaker where names hold no code."""
    intensities: Mapping[str, Intensity] = field(default_factory=dict)
    """Intensity by its code."""

    def clip(self, path: Path) -> Clip:
        """The clip of a file.

        Raises:
            OtherNameError: it has another name.
        """
        fields = re.fullmatch(self.pattern, stem_of(path), re.IGNORECASE)
        if fields is None:
            raise OtherNameError(f"{path}: not named like a clip of {self.title} ({self.example})")
        codes = fields.groupdict()
        gender: Gender = self.genders.get(codes.get("gender") or codes["speaker"], "unknown")
        return Clip(
            path=path,
            corpus=self.corpus,
            actor=f"{self.corpus}:{codes['speaker']}",
            gender=gender,
            emotion=self.emotions[codes["emotion"].lower()],
            channel="speech",
            intensity=self.intensities.get(codes.get("intensity") or "", "unknown"),
            statement=codes["sentence"],
        )

    def reader(self, *, classes: tuple[str, ...], credit: str) -> CorpusReader:
        """The corpus of these names, whose stems name each clip."""
        return CorpusReader(
            name=self.corpus,
            title=self.title,
            classes=classes,
            example=self.example,
            credit=credit,
            clip_from_path=self.clip,
        )
