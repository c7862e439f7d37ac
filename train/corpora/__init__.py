"""Corpora of emotional speech, each read by its own naming."""

from pathlib import Path

from train.clips import SOUND_SUFFIXES, Clip, Corpus, CorpusError
from train.corpora import ravdess


def find_clips(root: Path, *, with_song: bool = True) -> Corpus:
    """Every RAVDESS clip below a folder, however the folders are nested.

    A clip that lies there twice (the release is often unpacked into itself) is used once.

    Raises:
        CorpusError: no such folder, or no clip in it.
    """
    if not root.is_dir():
        raise CorpusError(f"{root}: no such folder, expected one that holds RAVDESS")
    clips: dict[str, Clip] = {}
    left_out = []
    for path in sorted(root.rglob("*"), key=lambda path: (path.stem, str(path))):
        if path.suffix.lower() not in SOUND_SUFFIXES or not path.is_file():
            continue
        try:
            clip = ravdess.clip_from_path(path)
        except CorpusError as exc:
            left_out.append(str(exc))
            continue
        if path.stem in clips:
            left_out.append(f"{path}: the same clip as {clips[path.stem].path}")
        elif with_song or clip.channel == "speech":
            clips[path.stem] = clip
    if not clips:
        suffixes = " or ".join(sorted(SOUND_SUFFIXES))
        raise CorpusError(
            f"{root}: no RAVDESS clip in it (03-01-06-01-02-01-12 and the like, {suffixes})"
        )
    return Corpus(clips=tuple(clips.values()), left_out=tuple(left_out))
