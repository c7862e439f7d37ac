"""The network in its interpreter, and the settings that name it."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from serd.audio.format import CaptureTime
from serd.errors import LibraryError, ModelError
from serd.model.card import ModelCard
from serd.model.file import BUNDLED_MODELS, default_model_path
from serd.model.labels import EMOTIONS
from serd.model.mfcc import mfcc
from serd.model.runtime import RUNTIMES, ModelSettings, TfliteModel, load_model, model_path
from serd.model.windows import FeatureWindow
from serd.speech.segments import SpeechWindow
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
    """What the interpreter is given, and what is refused at start."""

    def test_the_served_model_gives_probabilities(self, real_model: TfliteModel) -> None:
        """One probability for each output, from plain MFCCs."""
        card = real_model.card
        features = mfcc(synthetic_voice(card.window_s))[: card.n_frames]
        got = real_model.outputs(features)
        assert got.shape == (len(card.outputs),)
        assert got.dtype == np.float32
        assert (got >= 0).all()
        assert got.sum() == pytest.approx(1.0, abs=1e-3)

    def test_the_same_window_gives_the_same_answer(self, real_model: TfliteModel) -> None:
        """The network keeps nothing from window to window, and the answer is the caller's own."""
        card = real_model.card
        one, other = (
            mfcc(synthetic_voice(card.window_s, seed=seed))[: card.n_frames] for seed in (1, 2)
        )
        first = real_model.outputs(one)
        kept = first.copy()
        real_model.outputs(other)
        np.testing.assert_array_equal(first, kept)
        np.testing.assert_array_equal(real_model.outputs(one), kept)

    def test_predict_gives_the_probabilities_of_the_emotions(self, real_model: TfliteModel) -> None:
        """They are the outputs of the labels, normalized to sum to 1."""
        window = _feature_window(real_model.card)
        prediction = real_model.predict(window)
        emotions = real_model.outputs(window.features)[: len(real_model.card.labels)]
        np.testing.assert_allclose(prediction.probabilities, emotions / emotions.sum(), rtol=1e-5)

    def test_the_output_behind_the_labels_is_that_nobody_speaks(
        self, served: Model, tmp_path: Path
    ) -> None:
        """A network may judge it; the emotions are then what they are if somebody speaks."""
        network, card = served
        model = TfliteModel(write_model(tmp_path / "m.tflite", network, card))
        window = _feature_window(card)
        outputs = model.outputs(window.features)
        prediction = model.predict(window)
        assert prediction.no_speech == pytest.approx(float(outputs[-1]))
        expected = outputs[:-1] / outputs[:-1].sum()
        np.testing.assert_allclose(prediction.probabilities, expected, rtol=1e-5)

    def test_the_runtime_in_use_is_named(self, real_model: TfliteModel) -> None:
        """A log line can say which runtime and which version of it runs the network."""
        packages = [name.partition(".")[0] for name in RUNTIMES]
        assert real_model.runtime.split()[0] in packages

    def test_labels_of_another_number_are_refused(self, served: Model, tmp_path: Path) -> None:
        """A card that names more classes than the network has does not fit."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, labels=(*card.labels, "bored")))
        n = len(card.outputs)
        with pytest.raises(
            ModelError, match=rf"output is float32 \(1, {n}\), its card expects float32 \(1, {n + 1}\)"
        ):
            TfliteModel(path)

    def test_a_window_of_another_length_is_refused(self, served: Model, tmp_path: Path) -> None:
        """A card whose window is not the network's input does not fit."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, window_s=card.window_s + 1.0))
        n = card.n_frames
        with pytest.raises(
            ModelError, match=rf"input is float32 \(1, {n}, 40\), .* \(1, {n + 100}, 40\)"
        ):
            TfliteModel(path)

    @pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.999])
    def test_a_cut_flatbuffer_is_refused(self, served: Model, share: float, tmp_path: Path) -> None:
        """Even with a checksum that fits, a network that is cut off does not load."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network[: int(len(network) * share)], card)
        with pytest.raises(ModelError, match=r"does not load the network: \S+"):
            TfliteModel(path)

    def test_text_with_a_card_is_refused(self, served: Model, tmp_path: Path) -> None:
        """A card does not make a network of what is none."""
        path = write_model(tmp_path / "m.tflite", b"this is no flatbuffer\n" * 50, served[1])
        with pytest.raises(ModelError, match="does not load the network"):
            TfliteModel(path)

    def test_without_a_runtime_the_package_to_install_is_named(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every runtime that was tried is named with its reason, and the one to install."""
        for name in RUNTIMES:
            monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(LibraryError, match="pip install ai-edge-litert") as caught:
            TfliteModel(default_model_path())
        for package in ("ai_edge_litert", "tflite_runtime", "tensorflow"):
            assert package in str(caught.value)

    def test_the_living_runtime_is_tried_first(self) -> None:
        """LiteRT, then the one of 32-bit boards, then TensorFlow as the last resort."""
        assert [name.partition(".")[0] for name in RUNTIMES] == [
            "ai_edge_litert",
            "tflite_runtime",
            "tensorflow",
        ]


class TestSettings:
    """Which model is loaded."""

    def test_without_a_path_it_is_the_one_that_comes_with_serd(self, real_model: TfliteModel) -> None:
        """Nobody has to name a model."""
        assert load_model(ModelSettings()).card == real_model.card

    def test_a_path_names_another(self, served: Model, tmp_path: Path) -> None:
        """A model of one's own takes its place."""
        network, card = served
        path = write_model(tmp_path / "own.tflite", network, replace(card, name="own"))
        assert load_model(ModelSettings(path=str(path), threads=2)).card.name == "own"

    def test_settings_may_reject_less_than_the_card(self, served: Model, tmp_path: Path) -> None:
        """The threshold of the settings takes the place of the card's, and 0 leaves it there."""
        path = write_model(tmp_path / "m.tflite", *served)
        own = served[1].no_speech_threshold
        assert own is not None
        settings = ModelSettings(path=str(path), no_speech_threshold=0.75)
        assert load_model(settings).card.no_speech_threshold == 0.75
        assert load_model(ModelSettings(path=str(path))).card.no_speech_threshold == own

    def test_a_threshold_for_what_a_network_does_not_judge_is_refused(
        self, served: Model, tmp_path: Path
    ) -> None:
        """A setting that could do nothing is not passed over."""
        network, card = served
        path = write_model(tmp_path / "m.tflite", network, replace(card, no_speech_threshold=None))
        with pytest.raises(ModelError, match=r"no_speech_threshold = 0\.5, but this network does not"):
            load_model(ModelSettings(path=str(path), no_speech_threshold=0.5))

    def test_threads_out_of_range_are_named(self) -> None:
        """From 1 to 64 threads."""
        assert list(ModelSettings().problems()) == []
        assert [key for key, _ in ModelSettings(threads=0).problems()] == ["threads"]
        assert [key for key, _ in ModelSettings(threads=65).problems()] == ["threads"]


@pytest.mark.parametrize("name", ["", *BUNDLED_MODELS])
def test_each_model_that_comes_with_serd_is_found_by_its_name_and_runs(name: str) -> None:
    """And so is the default, without a name; all know serd's emotions and give probabilities."""
    model = TfliteModel(model_path(ModelSettings(path=name)))
    assert model.card.labels == EMOTIONS
    window = np.zeros((model.card.n_frames, model.card.feature_set.n_features), np.float32)
    assert model.outputs(window).sum() == pytest.approx(1.0, abs=1e-3)


def test_a_file_of_a_models_name_is_given_by_its_path() -> None:
    """./tiny is a file, not the model of that name; no name is the default model."""
    assert model_path(ModelSettings(path="./tiny")) == Path("tiny")
    assert model_path(ModelSettings(path="")) == model_path(ModelSettings(path="default"))
