"""The emotions, and their groups by valence."""

from collections.abc import Mapping
from typing import Final, Literal

Valence = Literal["negative", "neutral", "positive"]

EMOTIONS: Final = (
    "neutral",
    "calm",
    "happy",
    "sad",
    "angry",
    "fearful",
    "disgust",
    "surprised",
)
"""The eight classes of RAVDESS, in the order of its file name codes 01 to 08."""

UNCERTAIN: Final = "uncertain"
"""Published instead of an emotion with a probability below the threshold."""

NONE: Final = "none"
"""Published if there was no speech."""

VALENCE: Final[Mapping[str, Valence]] = {
    "neutral": "neutral",
    "calm": "neutral",
    "happy": "positive",
    "sad": "negative",
    "angry": "negative",
    "fearful": "negative",
    "disgust": "negative",
    "surprised": "neutral",
}
"""Groups of the article's three-class experiment (positive: happy; neutral: calm, neutral; negative:
angry, fearful, sad). The article leaves out disgust, which is negative here, and surprised, which can be
positive or negative and is neutral here."""
