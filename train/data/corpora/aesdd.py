"""AESDD: clips from file names.

N. Vryzas, R. Kotsakis, A. Liatsou, C. Dimoulas and G. Kalliris, "Speech Emotion Recognition for
Performance Interaction", Journal of the Audio Engineering Society 66(6), 2018: Greek, five or more
actors, five emotions. A clip is "a03 (4).wav": first letter of the emotion, utterance, speaker; a
letter behind it counts a second take.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="aesdd",
    title="AESDD",
    pattern=r"(?P<emotion>[adfhs])(?P<sentence>\d\d) ?\((?P<speaker>\d\d?)\)[a-z]?",
    example="a03 (4)",
    emotions={"a": "anger", "d": "disgust", "f": "fear", "h": "happiness", "s": "sadness"},
)
CORPUS: Final = CODE.reader(
    classes=("happy", "sad", "angry", "fearful", "disgust"),
    credit="Trained on AESDD as well: N. Vryzas and others, 2018, Speech Emotion Recognition for"
    " Performance Interaction, Journal of the AES 66(6), whose own terms apply.",
)
