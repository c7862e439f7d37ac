"""A new front end is a class and an entry: without MFCCs, with its own hop and parameters."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pytest

from serd.audio.format import SAMPLE_RATE_HZ, Samples, recording_block
from serd.errors import ModelError
from serd.model.card import ModelCard, card_from_json
from serd.model.front_end import FRONT_ENDS, Features
from serd.pipeline import PipelineSettings, recognize
from serd.speech.high_pass import HighPass
from testkit.models import FakeModel, made_card
from testkit.voices import quiet_room, synthetic_voice


@dataclass(frozen=True, kw_only=True)
class LevelFrontEnd:
    """A front end with two features a frame of 20 ms: the level in dB, and the peak."""

    name: str = "level2-v1"
    frame_hop_samples: int = 320
    n_features: int = 2
    floor_db: float = -100.0

    def n_frames(self, n_samples: int) -> int:
        """Return the number of adjacent frames."""
        return n_samples // self.frame_hop_samples

    def parameters(self) -> Mapping[str, Any]:
        """Return all parameters."""
        return asdict(self)

    def stream(self) -> "LevelStream":
        """Create a stream."""
        return LevelStream(self)


class LevelStream:
    """Computes the two features of a signal in blocks."""

    def __init__(self, front_end: LevelFrontEnd) -> None:
        self._front_end = front_end
        self._rest: Samples = np.empty(0, np.int16)

    def push(self, samples: Samples) -> Features:
        """Return the frames that the samples complete."""
        size = self._front_end.frame_hop_samples
        sound = np.concatenate((self._rest, samples))
        n_frames = sound.size // size
        self._rest = sound[n_frames * size :].copy()
        frames = sound[: n_frames * size].reshape(n_frames, size).astype(np.float64) / 32768
        level = 10.0 * np.log10(np.square(frames).mean(axis=1) + 10 ** (self._front_end.floor_db / 10))
        return np.stack((level, np.abs(frames).max(axis=1)), axis=1).astype(np.float32)

    def reset(self) -> None:
        """Discard the samples of an incomplete frame."""
        self._rest = self._rest[:0]


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> ModelCard:
    """A card of a network with this front end, which is registered."""
    front_end = LevelFrontEnd()
    monkeypatch.setitem(FRONT_ENDS, front_end.name, front_end)
    return replace(made_card(), feature_set=front_end, mean=(-40.0, 0.1), std=(10.0, 0.1))


def test_the_card_holds_every_parameter(card: ModelCard) -> None:
    """It is read back from JSON; other parameters with the same name are refused."""
    assert card_from_json(card.to_json(), "card") == card
    body = json.loads(card.to_json())
    assert body["feature_set"]["floor_db"] == -100.0
    body["feature_set"]["floor_db"] = -90.0
    with pytest.raises(ModelError, match=r"floor_db = -90\.0"):
        card_from_json(json.dumps(body), "card")
    with pytest.raises(ModelError, match="normalization of 1 and 1 coefficients, expected 2"):
        card_from_json(replace(card, mean=(1.0,), std=(1.0,)).to_json(), "card")


def test_the_pipeline_computes_its_features(card: ModelCard) -> None:
    """Each window has the frames of its sound, in the number of the card."""
    model = FakeModel(card)
    voice = synthetic_voice(4.0)
    sound = np.concatenate((quiet_room(1.0), voice, quiet_room(1.5)))
    audible = HighPass().filter(sound)
    decisions = list(recognize([recording_block(sound)], model, PipelineSettings()))
    assert [each.kind for each in decisions].count("utterance") == 1
    assert card.n_frames == card.window_samples // 320
    assert {each.shape for each in model.features} == {(card.n_frames, 2)}
    first = next(each.sound for each in decisions if each.kind == "window")
    start = round(first.start_s * SAMPLE_RATE_HZ)
    expected = LevelFrontEnd().stream().push(audible[start : start + card.window_samples])
    np.testing.assert_array_equal(model.features[0], expected)
