"""TESS: clips from file names.

M. K. Pichora-Fuller and K. Dupuis, "Toronto emotional speech set (TESS)", Scholars Portal Dataverse,
2020: two women, 200 words in "Say the word ...", seven emotions. A clip is OAF_back_angry.wav: speaker,
word, emotion. CC BY-NC-ND 4.0.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="tess",
    title="TESS",
    pattern=r"(?P<speaker>OA|YA)F?_(?P<sentence>[a-z]+)"
    r"_(?P<emotion>angry|disgust|fear|happy|neutral|ps|pleasant_surprised?|sad)",
    example="OAF_back_angry",
    emotions={
        "angry": "angry",
        "disgust": "disgust",
        "fear": "fear",
        "happy": "happy",
        "neutral": "neutral",
        "ps": "surprise",
        "pleasant_surprise": "surprise",
        "pleasant_surprised": "surprise",
        "sad": "sad",
    },
    genders={"OA": "female", "YA": "female"},
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
    credit="Trained on TESS as well: M. K. Pichora-Fuller and K. Dupuis, 2020, Toronto emotional speech"
    " set, licensed CC BY-NC-ND 4.0.",
)
