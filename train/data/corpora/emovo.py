"""EMOVO: clips from file names.

G. Costantini, I. Iaderola, A. Paoloni and M. Todisco, "EMOVO Corpus: an Italian Emotional Speech
Database", LREC 2014: six speakers, 14 sentences, seven states. A clip is gio-f1-b1.wav: the state in
Italian, speaker, sentence.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="emovo",
    title="EMOVO",
    pattern=r"(?P<emotion>dis|gio|neu|pau|rab|sor|tri)-(?P<speaker>(?P<gender>[fm])[1-3])"
    r"-(?P<sentence>[a-z]\d)",
    example="gio-f1-b1",
    emotions={
        "dis": "disgust",
        "gio": "joy",
        "neu": "neutral",
        "pau": "fear",
        "rab": "anger",
        "sor": "surprise",
        "tri": "sadness",
    },
    genders={"f": "female", "m": "male"},
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry", "fearful", "disgust", "surprised"),
    credit="Trained on EMOVO as well: G. Costantini and others, 2014, EMOVO Corpus, LREC, whose own"
    " terms apply.",
)
