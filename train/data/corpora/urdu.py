"""URDU: clips from file names.

S. Latif, A. Qayyum, M. Usman and J. Qadir, "Cross Lingual Speech Emotion Recognition: Urdu vs. Western
Languages", FIT 2018: 38 speakers of talk shows, four states, a folder for each. A clip is
SM1_F2_A01.wav: gender and speaker, number among the speaker's, first letter of the state and number.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="urdu",
    title="URDU",
    pattern=r"(?P<speaker>S(?P<gender>[MF])\d+)_(?P<sentence>F\d+)_(?P<emotion>[AHNS])\d+",
    example="SM1_F2_A01",
    emotions={"a": "angry", "h": "happy", "n": "neutral", "s": "sad"},
    genders={"M": "male", "F": "female"},
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry"),
    credit="Trained on URDU as well: S. Latif and others, 2018, Cross Lingual Speech Emotion"
    " Recognition, FIT, whose own terms apply.",
)
