"""Speaker adaptation means survive a restart; a malformed file counts as empty."""

import json
from pathlib import Path

import pytest

from serd.daemon.state import SpeakerStore
from serd.model.adaptation import SpeakerMean
from testkit.brokers import logged_lines

MEAN = SpeakerMean(speech_s=12.5, mean=(1.25, -3.5))


def test_a_saved_mean_is_loaded(tmp_path: Path) -> None:
    """From a new folder, for the same source and feature set only."""
    SpeakerStore(tmp_path / "new").save("mic", "mfcc40-v1", MEAN)
    again = SpeakerStore(tmp_path / "new")
    assert again.mean("mic", "mfcc40-v1") == MEAN
    assert again.mean("other", "mfcc40-v1") is None
    assert again.mean("mic", "mfcc13-v1") is None, "of another feature set"


def test_an_unchanged_mean_is_not_written_again(tmp_path: Path) -> None:
    """To save the same mean again leaves the disk alone."""
    store = SpeakerStore(tmp_path)
    store.save("mic", "mfcc40-v1", MEAN)
    (tmp_path / "voices.json").unlink()
    store.save("mic", "mfcc40-v1", MEAN)
    assert not (tmp_path / "voices.json").exists()


@pytest.mark.parametrize(
    "body",
    [
        {"mic": {}},
        {"mic": {"feature_set": "f", "speech_s": -1.0, "mean": [1.0]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": ["?"]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": [float("nan")]}},
        {"mic": {"feature_set": "f", "speech_s": 10**400, "mean": [1.0]}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": 3}},
        {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": [1e308]}},
        {"mic": {"feature_set": "f", "speech_s": 1e308, "mean": [1.0]}},
        {"mic": {"feature_set": "f", "speech_s": 10**400, "mean": [10**400]}},
        {"mic": {"feature_set": "f", "speech_s": [1.0], "mean": [[1.0]]}},
        {"mic": []},
        [],
    ],
)
def test_a_malformed_mean_counts_as_none(tmp_path: Path, body: object) -> None:
    """JSON of another shape, negative times and values outside the range of features are ignored."""
    (tmp_path / "voices.json").write_text(json.dumps(body), "utf-8")
    assert SpeakerStore(tmp_path).mean("mic", "f") is None


def test_a_mean_out_of_range_is_logged(tmp_path: Path) -> None:
    """The line names the file and the source."""
    body = {"mic": {"feature_set": "f", "speech_s": 1.0, "mean": [1e308]}}
    (tmp_path / "voices.json").write_text(json.dumps(body), "utf-8")
    with logged_lines() as lines:
        SpeakerStore(tmp_path).mean("mic", "f")
    assert any("voices.json: the mean of mic cannot be used" in line for line in lines)


@pytest.mark.parametrize("text", ["{", "[" * 100_000])
def test_a_malformed_file_is_logged(tmp_path: Path, text: str) -> None:
    """A line names the file, which counts as empty."""
    (tmp_path / "voices.json").write_text(text, "utf-8")
    with logged_lines() as lines:
        assert SpeakerStore(tmp_path).mean("mic", "f") is None
    assert any("voices.json: cannot be read" in line for line in lines)


def test_a_folder_that_cannot_be_written_is_logged_once(tmp_path: Path) -> None:
    """The mean saved last is still used."""
    (tmp_path / "file").write_text("")
    store = SpeakerStore(tmp_path / "file")
    with logged_lines() as lines:
        store.save("mic", "f", MEAN)
        store.save("mic", "f", SpeakerMean(speech_s=1.0, mean=(0.0,)))
    assert sum("cannot be written" in line for line in lines) == 1
    assert store.mean("mic", "f") == SpeakerMean(speech_s=1.0, mean=(0.0,))
