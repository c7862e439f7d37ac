"""The emotions serd knows, and how the article groups them."""

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
"""Published in place of an emotion whose probability is below the threshold."""

NONE: Final = "none"
"""Published where nobody spoke."""

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
"""Grouping of the article's three-class experiment (positive happy; neutral calm and neutral; negative
angry, fearful, sad). It has neither disgust nor surprised: disgust joins the negative, and surprised,
which may be of either kind, stands with the neutral."""
