"""The network: two forms with the same weights, and members whose mean decides."""

from pathlib import Path

import keras
import numpy as np
import pytest

from serd.model.labels import EMOTIONS
from train.model.conversion import to_keras, to_tflite
from train.model.finishing import apply_temperature, calibration_logits, fit_temperature, silence
from train.model.learning import TrainedNetwork
from train.model.network import NetworkSettings, average, build_network, inference_form, logit_model

_SMALL = NetworkSettings(stem_channels=8, channels=16, dilations=(1, 4), attention_channels=8)
_MEAN = np.linspace(-1.0, 1.0, 40, dtype=np.float32)
_STD = np.full(40, 2.0, np.float32)


def _network(n_frames: int, *, is_training: bool, seed: int = 0) -> keras.Model:
    keras.utils.set_random_seed(seed)
    model = build_network(
        _SMALL, n_frames=n_frames, n_labels=9, mean=_MEAN, std=_STD, is_training=is_training
    )
    rng = np.random.default_rng(seed)  # or averages and offsets would be those of no training
    model.set_weights([w + 0.1 * rng.random(w.shape, np.float32) for w in model.get_weights()])
    return model


@pytest.fixture
def windows() -> np.ndarray:
    """Three windows of 298 frames of 40 MFCCs, drawn at random, the same each time."""
    return np.random.default_rng(1).standard_normal((3, 298, 40)).astype(np.float32)


@pytest.mark.parametrize("n_frames", [97, 200, 298])
def test_the_trained_form_computes_what_convolutions_compute(n_frames: int, windows: np.ndarray) -> None:
    """Matrix products and Conv1D with the same weights agree to 1e-5, at three lengths of window."""
    trained = _network(n_frames, is_training=True)
    kept = inference_form(trained, _SMALL, n_frames=n_frames, mean=_MEAN, std=_STD)
    assert any(isinstance(layer, keras.layers.Conv1D) for layer in kept.layers)
    assert not any(isinstance(layer, keras.layers.Conv1D) for layer in trained.layers)
    some = windows[:, :n_frames]
    np.testing.assert_allclose(
        kept.predict(some, verbose=0), trained.predict(some, verbose=0), atol=1e-5
    )


def test_the_kept_form_takes_windows_of_another_length(windows: np.ndarray) -> None:
    """A network built for 200 frames is kept as one that gives all classes for 298."""
    trained = _network(200, is_training=True)
    kept = inference_form(trained, _SMALL, n_frames=298, mean=_MEAN, std=_STD)
    assert kept.predict(windows, verbose=0).shape == (3, 9)


def test_members_decide_by_the_mean_of_their_logits(windows: np.ndarray) -> None:
    """Probabilities sum to 1, and a member alone stays as it is."""
    members = [_network(298, is_training=False, seed=seed) for seed in range(3)]
    logits = np.mean([logit_model(each).predict(windows, verbose=0) for each in members], axis=0)
    both = average(members)
    np.testing.assert_allclose(logit_model(both).predict(windows, verbose=0), logits, atol=1e-5)
    assert both.predict(windows, verbose=0).sum(axis=1) == pytest.approx(1.0)
    assert average(members[:1]) is members[0]


def test_several_members_travel_as_one_archive_and_one_flatbuffer(
    windows: np.ndarray, tmp_path: Path
) -> None:
    """Loaded from its archive it says the very same, and it converts to one TFLite file."""
    both = average([_network(298, is_training=False, seed=seed) for seed in range(2)])
    path = tmp_path / "both.keras"
    path.write_bytes(to_keras(both))
    again = keras.saving.load_model(path, compile=False)
    np.testing.assert_array_equal(again.predict(windows, verbose=0), both.predict(windows, verbose=0))
    assert to_tflite(both)[4:8] == b"TFL3"


@pytest.mark.parametrize("n_members", [1, 2])
def test_cooling_divides_the_logits(n_members: int, windows: np.ndarray) -> None:
    """They fall to 1/2.5, be it one network or the mean of two."""
    model = average([_network(298, is_training=False, seed=seed) for seed in range(n_members)])
    before = logit_model(model).predict(windows, verbose=0)
    apply_temperature(model, 2.5)
    np.testing.assert_allclose(
        logit_model(model).predict(windows, verbose=0), before / 2.5, rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_logits_that_are_too_sure_is_found(temperature: float) -> None:
    """Labels drawn from the softmax of some logits are as sure as these, times the temperature."""
    rng = np.random.default_rng(2)
    logits = 2.0 * rng.standard_normal((20_000, 8)).astype(np.float32)
    gumbel = rng.gumbel(size=logits.shape)
    labels = (logits + gumbel).argmax(axis=1)
    assert fit_temperature(logits * np.float32(temperature), labels) == pytest.approx(
        temperature, rel=0.05
    )


def test_no_window_asks_for_no_temperature() -> None:
    """It is 1 then, which changes nothing."""
    assert fit_temperature(np.empty((0, 8), np.float32), np.empty(0, np.int64)) == 1.0


def test_an_absent_emotion_has_no_say_in_the_temperature() -> None:
    """Clips of an emotion that a network never names do not make it look far too sure of the others."""
    rng = np.random.default_rng(3)
    inputs = rng.standard_normal((200, 97, 40)).astype(np.float32)
    network = TrainedNetwork(model=_network(97, is_training=False), mean=_MEAN, std=_STD)
    silence(network.model, ["calm"])
    logits, _ = calibration_logits(network, inputs, np.zeros(200, np.int64))
    named = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    with_calm = np.where(np.arange(200) < 50, EMOTIONS.index("calm"), named)
    kept, labels = calibration_logits(network, inputs, with_calm, absent=["calm"])
    assert len(kept) == len(labels) == 150
    np.testing.assert_array_equal(labels, named[50:])
    np.testing.assert_allclose(kept, logits[50:], atol=1e-5)
    assert fit_temperature(kept, labels) < 2.0
    assert fit_temperature(*calibration_logits(network, inputs, with_calm)) == pytest.approx(5.0)
