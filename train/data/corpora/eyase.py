"""EYASE: clips from file names.

L. Abdel-Hamid, "Egyptian Arabic speech emotion recognition using prosodic, spectral and wavelet
features", Speech Communication 122, 2020: six speakers of a television series, four states. A clip is
"MAL_AsserYassin_ang (12).wav" or "MAL_AsserYassin_ang_12.wav": speaker, state, number; the gender comes
first in some copies.
"""

from typing import Final

from train.data.corpora.reader import NameCode

CODE: Final = NameCode(
    corpus="eyase",
    title="EYASE",
    pattern=r"(?P<speaker>(?:(?P<gender>MAL|FEM)_)?\w+?)_(?P<emotion>ang|hap|neu|sad)"
    r"(?: ?\((?P<sentence>\d+)\)|_\d+)",
    example="MAL_AsserYassin_ang (12)",
    emotions={"ang": "anger", "hap": "happiness", "neu": "neutral", "sad": "sadness"},
    genders={"MAL": "male", "FEM": "female"},
)
CORPUS: Final = CODE.reader(
    classes=("neutral", "happy", "sad", "angry"),
    credit="Trained on EYASE as well: L. Abdel-Hamid, 2020, Egyptian Arabic speech emotion recognition,"
    " Speech Communication 122, whose own terms apply.",
)
