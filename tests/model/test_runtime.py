"""The network in its interpreter, and the settings of the model."""

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from serd.audio.format import CaptureTime
from serd.errors import LibraryError, ModelError
from serd.model.card import ModelCard
from serd.model.file import BUNDLED_MODELS, default_model_path
from serd.model.labels import EMOTIONS
from serd.model.mfcc import mfcc
from serd.model.runtime import RUNTIMES, ModelSettings, TfliteModel, load_model, model_path, quiet_stderr
from serd.model.windows import FeatureWindow
from serd.speech.segments import SpeechWindow
from testkit.brokers import DEADLINE_S
from testkit.models import Model, write_model
from testkit.voices import synthetic_voice


def _feature_window(card: ModelCard) -> FeatureWindow:
    samples = synthetic_voice(card.window_s)
    window = SpeechWindow(
        samples=samples,
        utterance=1,
        position_samples=0,
        start_s=0.0,
        end_s=card.window_s,
        speech_s=card.window_s,
        new_speech_s=card.window_s,
        level_dbfs=-20.0,
        is_last=True,
        captured=CaptureTime(epoch_s=0.0, arrived_s=0.0),
    )
    return FeatureWindow(speech=window, features=mfcc(samples)[: card.n_frames])


class TestNetwork:
    """Inputs and outputs of the interpreter, and models that are refused."""

    def test_the_model_gives_probabilities(self, real_model: TfliteModel) -> None:
        """One probability for each output, from plain MFCCs."""
        card = real_model.card
        features = mfcc(synthetic_voice(card.window_s))[: card.n_frames]
        got = real_model.outputs(features)
        assert got.shape == (len(card.outputs),)
        assert got.dtype == np.float32
        assert (got >= 0).all()
        assert got.sum() == pytest.approx(1.0, abs=1e-3)

    def test_the_same_window_gives_the_same_outputs(self, real_model: TfliteModel) -> None:
        """The network has no state between windows, and each output array is a new one."""
        card = real_model.card
        one, other = (
            mfcc(synthetic_voice(card.window_s, seed=seed))[: card.n_frames] for seed in (1, 2)
        )
        first = real_model.outputs(one)
        copied = first.copy()
        real_model.outputs(other)
        np.testing.assert_array_equal(first, copied)
        np.testing.assert_array_equal(real_model.outputs(one), copied)

    def test_predict_gives_the_probabilities_of_the_emotions(self, real_model: TfliteModel) -> None:
        """They are the outputs of the labels, normalized to sum to 1."""
        window = _feature_window(real_model.card)
        prediction = real_model.predict(window)
        emotions = real_model.outputs(window.features)[: len(real_model.card.labels)]
        np.testing.assert_allclose(prediction.probabilities, emotions / emotions.sum(), rtol=1e-5)

    def test_the_output_after_the_labels_is_the_probability_of_no_speech(
        self, served: Model, tmp_path: Path
    ) -> None:
        """The probabilities of the emotions are then conditional on speech."""
        network, card = served
        model = TfliteModel(write_model(tmp_path / "m.tflite", network, card))
        window = _feature_window(card)
        outputs = model.outputs(window.features)
        prediction = model.predict(window)
        assert prediction.no_speech == pytest.approx(float(outputs[-1]))
        expected = outputs[:-1] / outputs[:-1].sum()
        np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-5)

    def test_a_faint_window_is_amplified_to_what_the_network_knows(
        self, served: Model, tmp_path: Path
    ) -> None:
        """From there on it makes no difference how faint it is; louder windows are left as they are."""
        network, card = served
        window = _feature_window(card)
        level = float(window.features[:, 0].mean())
        card = replace(card, min_log_energy=level - 1.0)
        model = TfliteModel(write_model(tmp_path / "m.tflite", network, card))

        def predicted(gain: float) -> NDArray[np.float32]:
            features = window.features.copy()
            features[:, 0] += gain
            return model.predict(replace(window, features=features)).probabilities

        at_level = predicted(-1.0)
        np.testing.assert_allclose(predicted(-6.0), at_level, atol=1e-3)
        assert not np.allclose(predicted(0.0), at_level, atol=1e-3)
        plain = TfliteModel(write_model(tmp_path / "p.tflite", network, served[1])).predict(window)
        np.testing.assert_array_equal(predicted(0.0), plain.probabilities)

    def test_the_name_of_the_runtime(self, real_model: TfliteModel) -> None:
        """It starts with the package of the runtime, for the log."""
        packages = [name.partition(".")[0] for name in RUNTIMES]
        assert real_model.runtime.split()[0] in packages

    def test_another_number_of_labels_is_refused(self, served: Model, tmp_path: Path) -> None:
        """A card with more classes than the network has outputs does not match."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, labels=(*card.labels, "bored")))
        n = len(card.outputs)
        with pytest.raises(
            ModelError, match=rf"output is float32 \(1, {n}\), its card expects float32 \(1, {n + 1}\)"
        ):
            TfliteModel(path)

    def test_a_window_of_another_length_is_refused(self, served: Model, tmp_path: Path) -> None:
        """A card whose window differs from the network's input does not match."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, window_s=card.window_s + 1.0))
        n = card.n_frames
        with pytest.raises(
            ModelError, match=rf"input is float32 \(1, {n}, 40\), .* \(1, {n + 100}, 40\)"
        ):
            TfliteModel(path)

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
    def test_a_truncated_flatbuffer_is_refused(
        self, served: Model, share: float, tmp_path: Path
    ) -> None:
        """A truncated network does not load, even with a matching checksum."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network[: int(len(network) * share)], card)
        with pytest.raises(ModelError, match=r"does not load the network: \S+"):
            TfliteModel(path)

    def test_text_with_a_card_is_refused(self, served: Model, tmp_path: Path) -> None:
        """Text with a matching card is not a network."""
        path = write_model(tmp_path / "m.tflite", b"this is no flatbuffer\n" * 50, served[1])
        with pytest.raises(ModelError, match="does not load the network"):
            TfliteModel(path)

    def test_without_a_runtime_the_package_to_install_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The message names every runtime with its error, and the package to install."""
        for name in RUNTIMES:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(LibraryError, match="pip install ai-edge-litert") as caught:
            TfliteModel(default_model_path())
        for package in ("ai_edge_litert", "tflite_runtime", "tensorflow"):
            assert package in str(caught.value)

    def test_the_order_of_the_runtimes(self) -> None:
        """LiteRT, then the one of 32-bit boards, then TensorFlow as the last resort."""
        assert [name.partition(".")[0] for name in RUNTIMES] == [
            "ai_edge_litert",
            "tflite_runtime",
            "tensorflow",
        ]


class TestSettings:
    """The model of the settings."""

    def test_without_a_path_the_default_model_is_loaded(self, real_model: TfliteModel) -> None:
        """Empty settings name the default model."""
        assert load_model(ModelSettings()).card == real_model.card

    def test_a_path_names_another_model(self, served: Model, tmp_path: Path) -> None:
        """The path of another model replaces the default."""
        network, card = served
        path = write_model(tmp_path / "own.tflite", network, replace(card, name="own"))
        assert load_model(ModelSettings(path=str(path), threads=2)).card.name == "own"

    def test_the_settings_may_replace_the_threshold_of_the_card(
        self, served: Model, tmp_path: Path
    ) -> None:
        """The threshold of the settings replaces that of the card, except for 0."""
        path = write_model(tmp_path / "m.tflite", *served)
        own = served[1].no_speech_threshold
        assert own is not None
        settings = ModelSettings(path=str(path), no_speech_threshold=0.75)
        assert load_model(settings).card.no_speech_threshold == 0.75
        assert load_model(ModelSettings(path=str(path))).card.no_speech_threshold == own

    def test_a_threshold_for_a_network_without_that_output_is_refused(
        self, served: Model, tmp_path: Path
    ) -> None:
        """A setting without effect is an error."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, no_speech_threshold=None))
        with pytest.raises(
            ModelError, match=r"no_speech_threshold = 0\.5, but this network has no output for it"
        ):
            load_model(ModelSettings(path=str(path), no_speech_threshold=0.5))

    def test_a_bad_number_of_threads_is_named(self) -> None:
        """From 1 to 64 threads."""
        assert list(ModelSettings().problems()) == []
        assert [key for key, _ in ModelSettings(threads=0).problems()] == ["threads"]
        assert [key for key, _ in ModelSettings(threads=65).problems()] == ["threads"]


@pytest.mark.parametrize("name", ["", *BUNDLED_MODELS])
def test_each_bundled_model_is_found_by_its_name_and_runs(name: str) -> None:
    """No name is the default; all have serd's emotions as labels, and give probabilities."""
    model = TfliteModel(model_path(ModelSettings(path=name)))
    assert model.card.labels == EMOTIONS
    window = np.zeros((model.card.n_frames, model.card.feature_set.n_features), np.float32)
    assert model.outputs(window).sum() == pytest.approx(1.0, abs=1e-3)


def test_a_file_with_the_name_of_a_model_is_given_by_its_path() -> None:
    """./tiny is a file, not the bundled model; no name is the default model."""
    assert model_path(ModelSettings(path="./tiny")) == Path("tiny")
    assert model_path(ModelSettings(path="")) == model_path(ModelSettings(path="default"))


def test_threads_that_redirect_standard_error_take_turns() -> None:
    """The page checks a model while the daemon loads another; the log goes on in the same place."""
    before = os.fstat(2)
    is_inside, may_leave = threading.Event(), threading.Event()

    def redirect() -> None:
        with quiet_stderr():
            is_inside.set()
            may_leave.wait(DEADLINE_S)

    other = threading.Thread(target=redirect)
    with quiet_stderr():
        other.start()
        assert not is_inside.wait(0.2)
    may_leave.set()
    other.join(DEADLINE_S)
    assert is_inside.is_set()
    assert os.path.samestat(os.fstat(2), before)
