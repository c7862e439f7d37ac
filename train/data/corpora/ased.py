"""ASED: clips from file names.

E. A. Retta, E. Almekhlafi, R. Sutcliffe and others, "A New Amharic Speech Emotion Dataset and
Classification Benchmark", ACM Transactions on Asian and Low-Resource Language Information Processing
22(1), 2023: 65 speakers, five states. A clip is n1-01-02-01-29.wav: first letter and number of the
state, sentence, repetition, gender (01 female, 02 male), speaker.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="ased",
    title="ASED",
    pattern=r"(?P<emotion>[nfhsa])\d-(?P<sentence>\d\d)-\d\d-(?P<gender>0[12])-(?P<speaker>\d\d)",
    example="n1-01-02-01-29",
    emotions={"n": "neutral", "f": "fear", "h": "happiness", "s": "sadness", "a": "anger"},
    genders={"01": "female", "02": "male"},
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry", "fearful"),
    credit="Trained on ASED as well: E. A. Retta and others, 2023, A New Amharic Speech Emotion Dataset,"
    " ACM TALLIP 22(1), whose own terms apply.",
)
