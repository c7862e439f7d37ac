"""Means for speaker adaptation outlive a restart; a broken file counts as none."""

import json
from pathlib import Path

import pytest

from serd.daemon.state import SpeakerStore
from serd.model.adaptation import SpeakerMean
from testkit.brokers import logged_lines

SPEAKERS = SpeakerMean(speech_s=12.5, mean=(1.25, -3.5))


def test_what_is_kept_comes_back(tmp_path: Path) -> None:
    """Over a restart, in a folder that was not there, for this source and these features alone."""
    SpeakerStore(tmp_path / "new").save("mic", "mfcc40-v1", SPEAKERS)
    again = SpeakerStore(tmp_path / "new")
    assert again.speakers("mic", "mfcc40-v1") == SPEAKERS
    assert again.speakers("other", "mfcc40-v1") is None
    assert again.speakers("mic", "mfcc13-v1") is None, "of other features"


def test_what_is_kept_already_is_not_written_again(tmp_path: Path) -> None:
    """To keep the same again leaves the disk alone."""
    store = SpeakerStore(tmp_path)
    store.save("mic", "mfcc40-v1", SPEAKERS)
    (tmp_path / "voices.json").unlink()
    store.save("mic", "mfcc40-v1", SPEAKERS)
    assert not (tmp_path / "voices.json").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"mic": {}},
        {"mic": {"feature_set": "f", "speech_s": -1.0, "mean": [1.0]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": ["?"]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": [float("nan")]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": 3}},
        {"mic": []},
        [],
    ],
)
def test_what_is_no_voice_counts_as_none(tmp_path: Path, body: object) -> None:
    """JSON of another shape, negative times and what is no number are passed over."""
    (tmp_path / "voices.json").write_text(json.dumps(body), "utf-8")
    assert SpeakerStore(tmp_path).speakers("mic", "f") is None


def test_a_broken_file_is_said(tmp_path: Path) -> None:
    """A line names the file, and nothing counts as kept."""
    (tmp_path / "voices.json").write_text("{", "utf-8")
    with logged_lines() as said:
        assert SpeakerStore(tmp_path).speakers("mic", "f") is None
    assert any("voices.json: cannot be read" in line for line in said)


def test_a_folder_that_cannot_be_written_is_said_once(tmp_path: Path) -> None:
    """What was heard last holds all the same."""
    (tmp_path / "file").write_text("")
    store = SpeakerStore(tmp_path / "file")
    with logged_lines() as said:
        store.save("mic", "f", SPEAKERS)
        store.save("mic", "f", SpeakerMean(speech_s=1.0, mean=(0.0,)))
    assert sum("cannot be written" in line for line in said) == 1
    assert store.speakers("mic", "f") == SpeakerMean(speech_s=1.0, mean=(0.0,))
