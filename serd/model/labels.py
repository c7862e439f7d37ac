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
"""Published instead of an emotion that is not likely enough, or too much like ordinary speech."""

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

VALENCE_WEIGHTS: Final[Mapping[str, float]] = {
    "neutral": 0.0,
    "calm": 0.2,
    "happy": 0.8,
    "sad": -0.7,
    "angry": -0.6,
    "fearful": -0.6,
    "disgust": -0.7,
    "surprised": 0.2,
}
"""Valence of each emotion, from -1 (unpleasant) to 1 (pleasant)."""

AROUSAL_WEIGHTS: Final[Mapping[str, float]] = {
    "neutral": -0.4,
    "calm": -0.6,
    "happy": 0.6,
    "sad": -0.5,
    "angry": 0.9,
    "fearful": 0.7,
    "disgust": 0.1,
    "surprised": 0.7,
}
"""Arousal of each emotion, from -1 (passive) to 1 (excited); with ``VALENCE_WEIGHTS`` the circle
of J. A. Russell, "A circumplex model of affect", Journal of Personality and Social Psychology
39(6), 1980."""
