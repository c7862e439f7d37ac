"""Words of corpora become serd's emotions, or are named once with what would use them."""

from dataclasses import replace
from pathlib import Path

import pytest
from made_corpora import made_clip, write_tiny

from serd.model.labels import EMOTIONS
from train.data.clips import UNLABELED, CorpusError
from train.data.corpora import find_clips
from train.data.labels import LabelMap, parse_labels

_VOTES = (0.5, 0.25, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0)
"""Half of the listeners hear neutral, a quarter calm, a quarter happy."""


@pytest.mark.parametrize(
    ("word", "emotion"),
    [("Anger", "angry"), ("PLEASANT-SURPRISE", "surprised"), ("Fear ", "fearful"), ("bored", None)],
)
def test_words_are_compared_in_any_case(word: str, emotion: str | None) -> None:
    """Nouns, adjectives and codes of corpora are known; another word is not guessed."""
    assert LabelMap().emotion(word) == emotion


def test_words_are_mapped_and_dropped() -> None:
    """A word that is given comes before serd's own, and an empty emotion drops it."""
    labels = parse_labels("Boredom=, calm=neutral")
    assert [labels.emotion(word) for word in ("boredom", "calm", "sad")] == ["", "neutral", "sad"]


@pytest.mark.parametrize("text", ["boredom", "=angry", "boredom=tired", "a=sad,a=happy"])
def test_bad_labels_are_refused(text: str) -> None:
    """No sign, no word, an emotion that serd does not have, or two for one word."""
    with pytest.raises(CorpusError, match="Bad --labels"):
        parse_labels(text)


def test_votes_follow_the_words() -> None:
    """Votes for a mapped emotion are added, those for a dropped one do not count."""
    clip = replace(made_clip("03-01-01-01-01-01-01"), votes=_VOTES)
    ((mapped,), _) = parse_labels("calm=neutral").translated([clip])
    assert mapped.votes == (0.75, 0.0, 0.25, *[0.0] * 5)
    ((dropped,), _) = parse_labels("happy=").translated([clip])
    assert dropped.votes == pytest.approx((2 / 3, 1 / 3, *[0.0] * 6))
    assert len(_VOTES) == len(EMOTIONS)


def test_clips_without_an_emotion_stay_so() -> None:
    """Ordinary speech is no word to translate."""
    clip = replace(made_clip("03-01-01-01-01-01-01"), emotion=UNLABELED)
    assert LabelMap().translated([clip]) == ([clip], [])


def test_a_word_without_an_emotion_is_named_once_for_all_its_clips(tmp_path: Path) -> None:
    """The line counts them and says what to add; with it they are used, or dropped in one line."""
    for number in range(3):
        write_tiny(tmp_path / f"{number}.wav")
    table = tmp_path / "calls.csv"
    rows = "0.wav,Boredom,a\n1.wav,boredom,b\n2.wav,sad,b\n"
    table.write_text(f"file,emotion,speaker\n{rows}", "utf-8")
    corpus = find_clips(tmp_path, corpora=(), table=table)
    (line,) = corpus.left_out
    assert "calls: 2 clips labeled 'boredom', such as" in line
    assert "--labels boredom=" in line
    used = find_clips(tmp_path, corpora=(), table=table, labels=parse_labels("boredom=neutral"))
    assert [clip.emotion for clip in used.clips] == ["neutral", "neutral", "sad"]
    dropped = find_clips(tmp_path, corpora=(), table=table, labels=parse_labels("boredom="))
    assert dropped.left_out == ("calls: 2 clips labeled 'boredom' dropped by --labels boredom=",)
