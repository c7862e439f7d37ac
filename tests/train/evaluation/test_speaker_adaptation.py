"""Clips heard in some order by a daemon that gets used to voices: each actor's past alone counts."""

from pathlib import Path

import numpy as np
import pytest
from train_helpers import FakeModel

from serd.model.adaptation import AdaptationSettings
from serd.model.labels import EMOTIONS
from serd.model.runtime import Prediction
from serd.model.windows import FeatureWindow
from train.data.corpora import find_clips
from train.evaluation import speaker_adaptation as adapted
from train.evaluation.schemes import scheme_for
from train.evaluation.speaker_adaptation import predict_adapted


class Listener(FakeModel):
    """Notes the mean of every window that it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.means: list[float] = []

    def predict(self, window: FeatureWindow) -> Prediction:
        """The same of everything."""
        self.means.append(float(window.features.mean()))
        return super().predict(window)


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    """In place of the model that a path would lead to."""
    model = Listener()
    monkeypatch.setattr(adapted, "loaded_all", lambda paths: [model for _ in paths])
    return model


def test_each_clip_is_heard_once_in_each_order(
    corpus_root: Path, listener: Listener, tmp_path: Path
) -> None:
    """The orders differ, their clips do not."""
    clips = [(each, each.label) for each in find_clips(corpus_root).clips if each.channel == "speech"]
    (path := tmp_path / "model").touch()
    (passes,) = predict_adapted([path], clips, scheme_for(EMOTIONS), n_orders=3, seed=0)
    orders = [[each.clip.path for each in passed] for passed in passes]
    assert all(sorted(order) == sorted(clip.path for clip, _ in clips) for order in orders)
    assert len({tuple(order) for order in orders}) == 3
    assert len(listener.means) >= 3 * len(clips)
    (again,) = predict_adapted([path], clips, scheme_for(EMOTIONS), n_orders=3, seed=0)
    assert orders == [[each.clip.path for each in passed] for passed in again]


def test_an_actor_is_new_and_then_known(corpus_root: Path, listener: Listener, tmp_path: Path) -> None:
    """The first clip of an actor is heard as it is; what follows is moved by what came before."""
    speech = [each for each in find_clips(corpus_root).clips if each.channel == "speech"]
    (path := tmp_path / "model").touch()
    scheme = scheme_for(EMOTIONS)
    strong = AdaptationSettings(strength=1.0, settle_s=0.001)
    for actor in sorted({each.actor for each in speech}):
        own = [(each, each.label) for each in speech if each.actor == actor]
        ((passed,),) = predict_adapted([path], own, scheme, n_orders=1, seed=0, settings=strong)
        with_past = list(listener.means)
        listener.means.clear()
        for each in passed:
            predict_adapted(
                [path], [(each.clip, each.truth)], scheme, n_orders=1, seed=0, settings=strong
            )
        alone = list(listener.means)
        listener.means.clear()
        assert with_past[0] == alone[0]
        assert len(with_past) == len(alone) == len(own)
        # The card's mean is zero, and all that was heard is taken away: what is left is near it.
        assert np.abs(with_past[1:]).mean() < 0.5 * np.abs(alone[1:]).mean()
