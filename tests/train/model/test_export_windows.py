"""Ranges are measured on what was trained on, agreement on what was not."""

from pathlib import Path

import numpy as np
import pytest

from serd.model.card import ModelCard
from testkit.models import made_card
from train.data.clips import CorpusError, fingerprint
from train.data.corpora import ReadSettings, find_all_clips, find_clips
from train.model.export_windows import (
    calibration_windows,
    comparison_windows,
    held_out,
    is_training_data,
    trained_on,
)


def _card(actors: str, test_actors: str = "") -> ModelCard:
    return made_card(training={"actors": actors, "test_actors": test_actors})


def test_ranges_come_from_training_actors_alone(corpus_root: Path) -> None:
    """Each clip of theirs with one augmented copy, sung ones too, padded as in the daemon."""
    corpus = find_clips(corpus_root)
    windows = calibration_windows(corpus, _card("1,3", "2"), seed=0)
    assert windows.actors == {"1", "3"}
    assert windows.mfccs.shape == (36, 298, 40)
    assert windows.mfccs.dtype == np.float32
    names = [name.partition(".")[0] for name in windows.names]
    assert {names.count(name) for name in names} == {2}
    assert {name[-2:] for name in names} == {"01", "03"}
    assert any(name.startswith("03-02") for name in names)
    pairs = [np.flatnonzero(np.array(names) == name) for name in set(names)]
    assert not any(np.allclose(windows.mfccs[one], windows.mfccs[two]) for one, two in pairs)


def test_the_seed_decides(corpus_root: Path) -> None:
    """The same seed draws the same windows, another one others."""
    corpus = find_clips(corpus_root)
    first, again, other = (
        calibration_windows(corpus, _card("1"), seed=seed).mfccs for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_networks_are_compared_on_held_out_speech(corpus_root: Path) -> None:
    """Where there are test actors, theirs as recorded; else that of the training actors."""
    corpus = find_clips(corpus_root)
    unseen = comparison_windows(corpus, _card("1,3", "2"), seed=0)
    assert unseen.actors == {"2"}
    assert sorted(unseen.names) == [f"03-01-0{k}-01-01-01-02.wav window 1" for k in range(1, 9)]
    seen = comparison_windows(corpus, _card("1,2,3"), seed=0)
    assert (seen.actors, len(seen.names)) == ({"1", "2", "3"}, 24)


def test_test_actors_who_are_not_here_score_nothing(corpus_root: Path) -> None:
    """The card's actors are one thing, those with clips another."""
    corpus = find_clips(corpus_root)
    assert held_out(corpus, _card("1", "2,7")) == {"2"}
    assert held_out(corpus, _card("1", "7")) == frozenset()
    assert trained_on(_card("1-3,savee:DC")) == {"1", "2", "3", "savee:DC"}


def test_other_clips_are_refused_or_noticed(corpus_root: Path) -> None:
    """A network's ranges cannot come from actors that it never heard."""
    corpus = find_clips(corpus_root)
    with pytest.raises(CorpusError, match=r"no clip of the training actors 7-9 .* there are actors 1-3"):
        calibration_windows(corpus, _card("7-9"), seed=0)
    mine = [clip for clip in corpus.clips if clip.actor == "1"]
    data = {"name": "RAVDESS", "sha256_of_names_and_sizes": fingerprint(mine), "n_clips": len(mine)}
    assert is_training_data(corpus, made_card(training={"actors": "1", "data": data}))
    assert not is_training_data(corpus, made_card(training={"actors": "1,2", "data": data}))
    assert not is_training_data(corpus, _card("1"))


def test_the_clips_of_other_corpora_are_held_against_the_card_as_well(
    corpus_root: Path, nemo_root: Path
) -> None:
    """Each corpus has its checksum; the clips of a training are not complete without one of them."""
    both = find_all_clips([corpus_root, nemo_root], ReadSettings())
    data, also = (
        {
            "name": title,
            "sha256_of_names_and_sizes": fingerprint([c for c in both.clips if c.corpus == name]),
            "n_clips": 1,
        }
        for title, name in (("RAVDESS", "ravdess"), ("nEMO", "nemo"))
    )
    facts = {"actors": "1-3,nemo:EB0,nemo:MK1", "data": data, "also": [also]}
    card = made_card(training=facts)
    assert is_training_data(both, card)
    assert not is_training_data(find_clips(corpus_root), card)
    windows = calibration_windows(both, card, seed=0)
    assert {"1", "nemo:EB0"} <= windows.actors, "the ranges are of both corpora"
