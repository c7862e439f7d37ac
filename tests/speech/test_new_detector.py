"""A new voice detector is a class and an entry, with its own frames and probabilities."""

from pathlib import Path

import numpy as np
import pytest

from serd.audio.format import Samples, recording_block
from serd.errors import SettingsError
from serd.pipeline import PipelineSettings, recognize
from serd.settings.loader import load_settings
from serd.speech.vad import DETECTORS, VoiceSettings, voice_detector
from testkit.models import FakeModel
from testkit.voices import quiet_room, synthetic_voice


class EnergyDetector:
    """A detector whose probability is the level of a frame of 32 ms: 0 at -60 dBFS, 1 at -20."""

    frame_samples = 512

    def __init__(self, settings: VoiceSettings) -> None:
        self.settings = settings

    def speech_probability(self, frame: Samples) -> float:
        """Return the level, scaled to 0 to 1."""
        power = float(np.square(frame, dtype=np.float64).mean()) / 32768**2
        return min(1.0, max(0.0, (10.0 * np.log10(power + 1e-12) + 60.0) / 40.0))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register the detector."""
    monkeypatch.setitem(DETECTORS, "energy", EnergyDetector)


def test_the_settings_choose_the_detector(tmp_path: Path) -> None:
    """They name it and the threshold of its probability; an unknown name is refused."""
    path = tmp_path / "serd.toml"
    path.write_text('[voice]\ndetector = "energy"\nmin_probability = 0.7\n')
    voice = load_settings(path, environment={}).voice
    assert isinstance(voice_detector(voice), EnergyDetector)
    path.write_text('[voice]\ndetector = "silero"\n')
    with pytest.raises(SettingsError, match="expected one of: webrtc, energy"):
        load_settings(path, environment={})


@pytest.mark.parametrize(("min_probability", "n_utterances"), [(0.5, 1), (1.0, 0)])
def test_the_pipeline_uses_its_probabilities(min_probability: float, n_utterances: int) -> None:
    """Frames at the threshold are voiced; times are right with frames of another length."""
    voice = VoiceSettings(detector="energy", min_probability=min_probability)
    sound = np.concatenate((quiet_room(1.5), synthetic_voice(4.0, level_dbfs=-25.0), quiet_room(2.0)))
    decisions = list(recognize([recording_block(sound)], FakeModel(), PipelineSettings(voice=voice)))
    utterances = [each.sound for each in decisions if each.kind == "utterance"]
    assert len(utterances) == n_utterances
    for utterance in utterances:
        assert utterance.start_s == pytest.approx(1.5, abs=0.2)
        assert utterance.end_s == pytest.approx(5.5, abs=0.2)
