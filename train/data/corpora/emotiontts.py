"""emotiontts_open_db: clips from file names.

Emotional speech in Korean by 15 speakers in four states, made for speech synthesis. CC BY-NC-SA 4.0, for
research and not for commerce. A clip is nea00201.wav: speaker, number of the sentence. Each state has a
hundred numbers: neutral, happy, sad, angry. Nothing in the release says so but its own scripts
(``script/nek00305.txt`` scolds, ``script/nen00202.txt`` grieves) and the sound of the clips: those from
201 have a lower voice, less melody and less level than neutral ones, those from 301 are quick and tense.
A list of labels in the order of the release's description, angry before sad, has the two exchanged.
"""

import re
from pathlib import Path
from typing import Final

from train.data.clips import Clip, OtherNameError
from train.data.corpora.reader import CorpusReader, stem_of

NAME: Final = "emotiontts-ko"
TITLE: Final = "emotiontts_open_db"
_STATES: Final = ("neutral", "happy", "sad", "angry")
_N_SENTENCES: Final = 100
"""Sentences of a state."""
_STEM: Final = re.compile(r"(?P<speaker>(?:em|ne)[a-z])(?P<sentence>\d{5})")


def clip_from_path(path: Path) -> Clip:
    """The clip of a file.

    Raises:
        OtherNameError: it has another name.
    """
    fields = _STEM.fullmatch(stem_of(path))
    state = (int(fields["sentence"]) - 1) // _N_SENTENCES if fields else -1
    if fields is None or not 0 <= state < len(_STATES):
        raise OtherNameError(f"{path}: not named like a clip of {TITLE} (nea00201.wav)")
    return Clip(
        path=path,
        corpus=NAME,
        actor=f"{NAME}:{fields['speaker']}",
        gender="unknown",
        emotion=_STATES[state],
        channel="speech",
        intensity="unknown",
        statement=fields["sentence"],
    )


CORPUS: Final = CorpusReader(
    name=NAME,
    title=TITLE,
    classes=_STATES,
    example="nea00201.wav",
    credit="Trained on emotiontts_open_db as well, licensed CC BY-NC-SA 4.0, for research and not for"
    " commerce.",
    clip_from_path=clip_from_path,
)
