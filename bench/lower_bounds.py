"""Lower bounds of serd's cost: webrtcvad, the FFTs, the filterbank's product and LiteRT, each alone.

The FFT and the product work on as many frames as serd's windows of the scene hold, each frame once, in
blocks of one second, and in whichever of float32 and float64 is faster with NumPy on this machine.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import webrtcvad

from bench.candidates import Candidate, Run
from bench.pipelines import features_of, windows_of
from serd.audio.format import SAMPLE_RATE_HZ, Samples
from serd.model.mfcc import MFCC40_V1
from serd.model.runtime import ModelSettings, load_model
from serd.speech.segments import SpeechWindow
from serd.speech.vad import VoiceSettings

_WINDOW_SAMPLES: Final = 48_000
_N_TRIALS: Final = 30
_FRAMES_PER_S: Final = SAMPLE_RATE_HZ // MFCC40_V1.frame_hop_samples


class Voice:
    """The voice detector alone, on frames that are bytes already."""

    def prepare(self, scene: Samples) -> Run:
        """Cut the scene into frames, ahead of the clock."""
        settings = VoiceSettings()
        size = settings.frame_ms * SAMPLE_RATE_HZ // 1000
        frames = [scene[at : at + size].tobytes() for at in range(0, scene.size - size + 1, size)]

        def run() -> int:
            is_speech = webrtcvad.Vad(settings.aggressiveness).is_speech
            for frame in frames:
                is_speech(frame, SAMPLE_RATE_HZ)
            return len(frames)

        return run


class Fft:
    """The real FFT alone, of each frame of speech."""

    def prepare(self, scene: Samples) -> Run:
        """Make one second of frames, to be transformed once for each second of speech."""
        shape = (_FRAMES_PER_S, MFCC40_V1.n_fft)
        frames = np.random.default_rng(0).standard_normal(shape)
        faster = _faster(np.fft.rfft, [frames, frames.astype(np.float32)])
        return _repeated(lambda: np.fft.rfft(faster), seconds_of_speech(scene))


class Filterbank:
    """The product of each frame's spectrum with the filterbank, alone."""

    def prepare(self, scene: Samples) -> Run:
        """Make one second of spectra, to be multiplied once for each second of speech."""
        n_bins = MFCC40_V1.n_fft // 2 + 1
        random = np.random.default_rng(0)
        power = random.random((_FRAMES_PER_S, n_bins))
        bank = random.random((n_bins, MFCC40_V1.n_filters))
        pairs = [(power, bank), (power.astype(np.float32), bank.astype(np.float32))]
        left, right = _faster(lambda pair: np.matmul(*pair), pairs)
        return _repeated(lambda: left @ right, seconds_of_speech(scene))


class Litert:
    """The network alone, on features computed ahead: set_tensor, invoke, get_tensor."""

    def __init__(self) -> None:
        self._model = load_model(ModelSettings())

    def prepare(self, scene: Samples) -> Run:
        """Compute the features of the scene's windows, ahead of the clock."""
        mfccs = [window.features for window in features_of(scene, self._model)]

        def run() -> int:
            for each in mfccs:
                self._model.outputs(each)
            return len(mfccs)

        return run


def seconds_of_speech(scene: Samples) -> int:
    """Seconds of sound in the windows of a scene, overlaps counted once, to the nearest second."""
    return round(covered_samples(windows_of(scene, _WINDOW_SAMPLES)) / SAMPLE_RATE_HZ)


def covered_samples(windows: list[SpeechWindow]) -> int:
    """Number of samples in some windows, overlaps counted once."""
    ends: dict[int, int] = {}
    for window in windows:
        ends[window.utterance] = window.position_samples + window.samples.size
    return sum(ends.values())


def make(name: str) -> Candidate:
    """A lower bound by name."""
    made: dict[str, type[Candidate]] = {
        "vad-alone": Voice,
        "fft-alone": Fft,
        "filterbank-alone": Filterbank,
        "litert": Litert,
    }
    return made[name]()


def _repeated(once: Callable[[], object], n_times: int) -> Run:
    def run() -> int:
        for _ in range(n_times):
            once()
        return n_times

    return run


def _faster(function: Callable[[Any], object], choices: Sequence[Any]) -> Any:  # noqa: ANN401
    """The argument for which a function takes the least time."""

    def took_s(choice: object) -> float:
        times_s = []
        for _ in range(_N_TRIALS):
            started_s = time.perf_counter()
            function(choice)
            times_s.append(time.perf_counter() - started_s)
        return min(times_s)

    return min(choices, key=took_s)
