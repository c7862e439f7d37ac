"""RAVDESS: what its file names say.

S. R. Livingstone and F. A. Russo, "The Ryerson Audio-Visual Database of Emotional Speech and Song
(RAVDESS)", PLoS ONE 13(5): e0196391, 2018. A name holds seven fields, 03-01-06-01-02-01-12.wav:
modality, vocal channel, emotion, intensity, statement, repetition, actor.
"""

import re
from pathlib import Path
from typing import Final

from serd.labels import EMOTIONS
from train.clips import Clip, CorpusError

NAME: Final = "ravdess"
TITLE: Final = "RAVDESS"
LICENCE: Final = (
    "CC BY-NC-SA 4.0. Trained on RAVDESS: S. R. Livingstone and F. A. Russo, 2018, The Ryerson"
    " Audio-Visual Database of Emotional Speech and Song (RAVDESS), PLoS ONE 13(5): e0196391,"
    " licensed CC BY-NC-SA 4.0; its non-commercial and share-alike terms are carried over."
)

_NAME = re.compile(
    r"03-(?P<channel>0[12])-(?P<emotion>0[1-8])-(?P<intensity>0[12])"
    r"-(?P<statement>0[12])-(?P<repetition>0[12])-(?P<actor>\d\d)"
)


def clip_from_path(path: Path) -> Clip:
    """What a file's name says.

    Raises:
        CorpusError: the name is not that of a RAVDESS audio clip.
    """
    fields = _NAME.fullmatch(path.stem)
    if fields is None:
        raise CorpusError(f"{path}: not named like an audio clip of RAVDESS (03-01-06-01-02-01-12)")
    emotion = EMOTIONS[int(fields["emotion"]) - 1]
    is_strong = fields["intensity"] == "02"
    if emotion == "neutral" and is_strong:
        raise CorpusError(f"{path}: named neutral and strong, which RAVDESS does not have")
    actor = int(fields["actor"])
    return Clip(
        path=path,
        corpus=NAME,
        actor=str(actor),
        gender="male" if actor % 2 else "female",
        emotion=emotion,
        channel="speech" if fields["channel"] == "01" else "song",
        intensity="strong" if is_strong else "normal",
        statement=str(int(fields["statement"])),
    )
