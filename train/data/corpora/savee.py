"""SAVEE: clips from file names.

S. Haq and P. J. B. Jackson, "Speaker-Dependent Audio-Visual Emotion Recognition", AVSP 2009: four men,
15 sentences in each of seven emotions, 30 in neutral. A clip is DC_a01.wav, or a01.wav in a folder DC:
speaker, emotion, number of the sentence among those of the emotion.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from train.data.clips import Clip, CorpusError, OtherNameError
from train.data.corpora.reader import CorpusReader, stem_of

NAME: Final = "savee"
TITLE: Final = "SAVEE"

CLASSES: Final = ("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised")
"""Emotions of the corpus; it has no calm."""
CREDIT: Final = (
    "Trained on SAVEE as well: S. Haq and P. J. B. Jackson, 2009, Speaker-Dependent Audio-Visual Emotion"
    " Recognition, AVSP, whose own terms apply."
)

_EMOTIONS: Final[Mapping[str, str]] = {
    "a": "angry",
    "d": "disgust",
    "f": "fearful",
    "h": "happy",
    "n": "neutral",
    "sa": "sad",
    "su": "surprised",
}
_SPEAKERS: Final = "DC|JE|JK|KL"
_NAME = re.compile(rf"(?:(?P<speaker>{_SPEAKERS})_)?(?P<emotion>a|d|f|h|n|sa|su)(?P<sentence>\d\d)")
_N_SENTENCES: Final = 15
_N_NEUTRAL: Final = 30


def clip_from_path(path: Path) -> Clip:
    """The clip of a file, from its name and folder.

    Raises:
        OtherNameError: they are not named like a clip of SAVEE.
        CorpusError: they name two speakers, or a sentence that does not exist.
    """
    fields = _NAME.fullmatch(stem_of(path))
    folder = path.parent.name if re.fullmatch(_SPEAKERS, path.parent.name) else ""
    if fields is None or not (fields["speaker"] or folder):
        raise OtherNameError(f"{path}: not named like a clip of SAVEE (DC_a01, or a01 in a folder DC)")
    speaker = fields["speaker"] or folder
    if folder and folder != speaker:
        raise CorpusError(f"{path}: named after {speaker}, in the folder of {folder}")
    n_sentences = _N_NEUTRAL if fields["emotion"] == "n" else _N_SENTENCES
    if not 1 <= int(fields["sentence"]) <= n_sentences:
        raise CorpusError(f"{path}: SAVEE has sentences 01 to {n_sentences} of this emotion")
    return Clip(
        path=path,
        corpus=NAME,
        actor=f"{NAME}:{speaker}",
        gender="male",
        emotion=_EMOTIONS[fields["emotion"]],
        channel="speech",
        intensity="unknown",
        statement=fields["emotion"] + fields["sentence"],
    )


CORPUS: Final = CorpusReader(
    name=NAME,
    title=TITLE,
    classes=CLASSES,
    example="DC_a01",
    credit=CREDIT,
    clip_from_path=clip_from_path,
    clip_key=lambda clip: f"{clip.actor} {clip.statement}",
)
