"""EmoDB: clips from file names.

F. Burkhardt, A. Paeschke, M. Rolfes, W. Sendlmeier and B. Weiss, "A Database of German Emotional
Speech", Interspeech 2005: ten speakers, ten sentences, seven states. A clip is 03a01Fa.wav: speaker,
sentence, the first letter of the state in German, and the take.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="emodb",
    title="EmoDB",
    pattern=r"(?P<speaker>\d\d)(?P<sentence>[ab]\d\d)(?P<emotion>[WLEAFTN])[a-h]?",
    example="03a01Fa",
    emotions={
        "w": "anger",
        "l": "boredom",
        "e": "disgust",
        "a": "fear",
        "f": "happiness",
        "t": "sadness",
        "n": "neutral",
    },
    genders={
        **dict.fromkeys(("03", "10", "11", "12", "15"), "male"),
        **dict.fromkeys(("08", "09", "13", "14", "16"), "female"),
    },
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry", "fearful", "disgust"),
    credit="Trained on EmoDB as well: F. Burkhardt and others, 2005, A Database of German Emotional"
    " Speech, Interspeech, whose own terms apply.",
)
