"""What the names of SAVEE say."""

from pathlib import Path

import pytest

from train.data.clips import CorpusError
from train.data.corpora.savee import clip_from_path


@pytest.mark.parametrize("path", ["x/DC_sa07.wav", "DC/sa07.wav", "DC/DC_sa07.WAV"])
def test_a_name_or_its_folder_says_who_speaks(path: str) -> None:
    """In the name, in the folder or in both; the suffix may be in capitals."""
    clip = clip_from_path(Path(path))
    assert (clip.corpus, clip.actor, clip.gender) == ("savee", "savee:DC", "male")
    assert (clip.emotion, clip.channel, clip.intensity) == ("sad", "speech", "unknown")
    assert clip.statement == "sa07"


@pytest.mark.parametrize(
    ("code", "emotion"),
    [
        ("a", "angry"),
        ("d", "disgust"),
        ("f", "fearful"),
        ("h", "happy"),
        ("n", "neutral"),
        ("sa", "sad"),
        ("su", "surprised"),
    ],
)
def test_codes_are_emotions(code: str, emotion: str) -> None:
    """Each of its seven codes is one of serd's labels."""
    assert clip_from_path(Path(f"KL_{code}15.wav")).emotion == emotion


def test_neutral_has_thirty_sentences() -> None:
    """A neutral clip with the number 30 is taken."""
    assert clip_from_path(Path("JE/n30.wav")).statement == "n30"


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("a01.wav", "not named like"),
        ("XX/a01.wav", "not named like"),
        ("XX_a01.wav", "not named like"),
        ("DC_b01.wav", "not named like"),
        ("DC_a1.wav", "not named like"),
        ("JK/DC_a01.wav", "named after DC, in the folder of JK"),
        ("DC_a16.wav", "sentences 01 to 15"),
        ("DC_n31.wav", "sentences 01 to 30"),
        ("DC_a00.wav", "sentences 01 to 15"),
    ],
)
def test_what_does_not_parse_is_refused_and_named(path: str, reason: str) -> None:
    """The error has the path and says what is wrong: speaker, code, folder or number."""
    with pytest.raises(CorpusError, match=reason) as refusal:
        clip_from_path(Path(path))
    assert path in str(refusal.value)
