"""Ordinary speech that is given an emotion is counted, and nothing else is."""

import json
from pathlib import Path

import pytest

from serd.model.file import default_model_path
from train.__main__ import main
from train.data.clips import CorpusError
from train.evaluation.orders import OrderDecisions, decide_orders


def test_only_emotions_of_ordinary_speech_count() -> None:
    """Neutral, calm, uncertain and no event are none."""
    words = ("neutral", "calm", "uncertain", "none", "angry", "sad", "sad")
    found = OrderDecisions(
        decisions={Path(f"{n}.wav"): word for n, word in enumerate(words)}, left_out=()
    )
    assert list(found.emotional.values()) == ["angry", "sad", "sad"]
    facts = found.to_json()
    assert (facts["n_clips"], facts["n_emotional"], facts["decisions"]["sad"]) == (7, 3, 2)


def test_the_decision_is_that_of_the_daemon_on_the_whole_file(
    corpus_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever files are named, the command decides on each as serd analyze does, and counts."""
    files = sorted(corpus_root.rglob("*.wav"))[:6]
    folder = tmp_path / "said"
    folder.mkdir()
    for path in files:
        (folder / path.name).symlink_to(path)
    words = ["evaluate", str(default_model_path()), str(folder), "--protocol", "orders"]
    assert main([*words, "--out", str(tmp_path / "out")]) == 0
    facts = json.loads((tmp_path / "out" / "metrics.json").read_text("utf-8"))
    expected = decide_orders(default_model_path(), files)
    assert facts["n_clips"] == 6
    assert facts["emotional"] == {path.name: word for path, word in expected.emotional.items()}
    printed = capsys.readouterr().out
    assert f"{len(expected.emotional)} of 6 recordings" in printed
    assert "was fitted to ordinary speech" in printed, "as the card of the shipped model says"


def test_files_without_sound_are_named(tmp_path: Path) -> None:
    """One that cannot be read is left out; if none can, there is nothing to score."""
    (tmp_path / "a.wav").write_bytes(b"no sound")
    with pytest.raises(CorpusError, match="none of 1 recordings can be read"):
        decide_orders(default_model_path(), [tmp_path / "a.wav"])


def test_options_that_mean_nothing_for_orders_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A scheme of classes has no effect on what counts as an emotion."""
    words = ["evaluate", str(default_model_path()), str(tmp_path), "--protocol", "orders"]
    assert main([*words, "--scheme", "5"]) == 2
    assert "--scheme is not for --protocol orders" in capsys.readouterr().err
