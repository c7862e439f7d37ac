"""Figures of people whom the networks never heard, at thresholds fitted on others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from serd.audio.demo import DEMO_PATH
from serd.model.card import ModelCard
from serd.model.file import default_model_path
from serd.model.labels import EMOTIONS
from train.data.clips import Clip
from train.evaluation.fold_networks import FoldNetwork
from train.evaluation.held_out import HeardFold, HeardRecording, hear, hear_fold
from train.evaluation.strangers import area_under_curve, stranger_facts
from train.model.naming import NamingLimits

_ANGRY = EMOTIONS.index("angry")


@pytest.fixture
def card(served: tuple[bytes, ModelCard]) -> ModelCard:
    """The card of the shipped model, for its weights of arousal."""
    return served[1]


def _clip(actor: str, emotion: str, *, corpus: str = "ravdess", heard: str | None = None) -> Clip:
    votes = None if heard is None else tuple(float(each == heard) for each in EMOTIONS)
    return Clip(
        path=Path(f"{actor}-{emotion}.wav"),
        corpus=corpus,
        actor=actor,
        gender="unknown",
        emotion=emotion,
        channel="speech",
        intensity="strong" if corpus == "ravdess" else "unknown",
        statement="",
        votes=votes,
    )


def _recording(label: int | None, confidence: float = 0.9) -> HeardRecording:
    """Sound of 36 s in which one label is heard, or nobody."""
    if label is None:
        return HeardRecording(
            windows=np.empty((0, 8)), utterances=np.empty((0, 8)), whole=None, length_s=36.0
        )
    row = np.full(8, (1.0 - confidence) / 7)
    row[label] = confidence
    return HeardRecording(windows=row[np.newaxis], utterances=row[np.newaxis], whole=row, length_s=36.0)


def _fold(card: ModelCard, actor: str, ordinary: list[HeardRecording]) -> HeardFold:
    """A fold that is right about all it hears, except that it misses one clip."""
    clips = [_clip(actor, emotion) for emotion in EMOTIONS] * 2
    acted = [*(_recording(clip.label) for clip in clips[:-1]), _recording(None)]
    return HeardFold(card=card, clips=tuple(clips), acted=tuple(acted), ordinary=tuple(ordinary))


@given(
    positive=st.lists(st.integers(-5, 5), min_size=1, max_size=20),
    negative=st.lists(st.integers(-5, 5), min_size=1, max_size=20),
)
def test_the_area_is_that_of_scikit_learn(positive: list[int], negative: list[int]) -> None:
    """Ties included, which integers have many of."""
    truth = [1] * len(positive) + [0] * len(negative)
    expected = roc_auc_score(truth, [*positive, *negative])
    found = area_under_curve(np.array(positive, float), np.array(negative, float))
    assert found == pytest.approx(expected)


def test_each_corpus_has_its_figures(card: ModelCard) -> None:
    """UAR with an interval over speakers, missed clips, arousal, and what listeners agree on."""
    clips = [_clip("crema-d:1001", "angry", corpus="crema-d", heard="angry")]
    clips += [_clip("crema-d:1002", "sad", corpus="crema-d", heard="neutral")]
    voices = HeardFold(
        card=card,
        clips=tuple(clips),
        acted=(_recording(_ANGRY), _recording(_ANGRY)),
        ordinary=(_recording(0),) * 4,
    )
    folds = [_fold(card, "1", [_recording(0)] * 4), voices]
    facts = stranger_facts(folds, NamingLimits(), seed=0)
    assert list(facts["corpora"]) == ["ravdess", "crema-d"], "RAVDESS first"
    first, second = facts["corpora"].values()
    assert (first["n_clips"], first["n_speakers"], first["interval"]) == (16, 1, None)
    assert first["missed"] == pytest.approx(1 / 16)
    assert first["uar"] == pytest.approx(1 - 1 / 16), "half of one of eight emotions is missed"
    assert first["arousal_auc"] == 1.0
    assert (second["uar"], second["n_agreed"], second["agreed_uar"]) == (0.5, 1, 1.0)
    assert second["interval"] == [0.0, 1.0]
    assert second["arousal_auc"] == 0.5, "a tie"


def test_ordinary_speech_is_kept_from_names_on_other_speakers(card: ModelCard) -> None:
    """False anger of 0.6 is avoided, and real anger of 0.9 is still named."""
    ordinary = [*[_recording(_ANGRY, 0.6)] * 21, *[_recording(0)] * 19]
    folds = [_fold(card, actor, ordinary) for actor in "12"]
    naming = stranger_facts(folds, NamingLimits(max_angry_per_hour=0.0), seed=1)["naming"]
    assert naming["ordinary"] == {"n": 80, "named": 0.0, "hours": 0.8, "angry_per_hour": 0.0}
    assert naming["strong_anger"] == 1.0
    assert naming["groups"]["RAVDESS, strong"] == {"n": 24, "named": 0.9167, "right": 0.9167}


def test_what_is_fitted_on_some_speakers_is_judged_on_others(card: ModelCard) -> None:
    """A false name in one part alone is not avoided where it is judged."""
    ordinary = [_recording(_ANGRY, 0.6), *[_recording(0)] * 19]
    folds = [_fold(card, actor, ordinary) for actor in "12"]
    naming = stranger_facts(folds, NamingLimits(max_angry_per_hour=0.0, max_share=0.0), seed=1)["naming"]
    assert naming["ordinary"]["named"] == pytest.approx(1 / 20)


def test_a_recording_is_heard_as_the_daemon_hears_it(tmp_path: Path) -> None:
    """Its windows, its utterances and the whole of it; a file that is no sound has none of them."""
    other = tmp_path / "no-sound.wav"
    other.write_bytes(b"RIFF")
    heard, nothing = hear(default_model_path(), [DEMO_PATH, other])
    assert heard.utterances.shape[1] == 8
    assert heard.whole is not None
    assert heard.whole.sum() == pytest.approx(1.0)
    assert len(heard.events) == len(heard.windows) + len(heard.utterances)
    assert (nothing.whole, nothing.length_s, len(nothing.events)) == (None, 0.0, 0)


def test_a_recording_that_cannot_be_read_counts_nowhere(card: ModelCard, tmp_path: Path) -> None:
    """Neither as a missed clip nor as ordinary speech without a name; a line says so."""
    broken = tmp_path / "no-sound.wav"
    broken.write_bytes(b"RIFF")
    network = FoldNetwork(path=default_model_path(), card=replace(card, training={"test_actors": "1"}))
    clips = [replace(_clip("1", "happy"), path=path) for path in (DEMO_PATH, broken)]
    fold = hear_fold(network, clips, [broken, DEMO_PATH])
    assert [clip.path for clip in fold.clips] == [DEMO_PATH]
    assert (len(fold.acted), len(fold.ordinary)) == (1, 1)
    assert fold.ordinary[0].whole is not None
    assert len(fold.left_out) == 2
    assert str(broken) in fold.left_out[0]
