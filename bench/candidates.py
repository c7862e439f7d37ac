"""The candidates of the comparisons, by name.

A candidate is made once, in a process of its own. ``prepare`` is called ahead of the clock and does the
work that is not measured, such as cutting windows for a peer that cuts none; the function it returns is
called under the clock.
"""

import contextlib
import importlib
from collections.abc import Callable
from typing import Final, Protocol

from serd.audio.format import Samples

Run = Callable[[], int]
"""One pass over a scene; returns the number of windows, frames or events."""


class Candidate(Protocol):
    """Something that processes sound."""

    def prepare(self, scene: Samples) -> Run:
        """Return the function to time for this scene; it may be called several times."""
        ...


SERD: Final = ("serd-live", "serd-file")
TINY: Final = "serd-tiny"
PEERS: Final = ("psf-litert", "librosa-keras", "opensmile", "litert")
STAGES: Final = ("voice", "segmenter", "features", "model", "events")
LOWER_BOUNDS: Final = ("vad-alone", "fft-alone", "filterbank-alone")

TITLES: Final = {
    "serd-live": "serd, blocks of 30 ms as a microphone gives them",
    "serd-file": "serd, blocks of 1 s as a file gives them",
    TINY: "serd with its tiny model, blocks of 1 s",
    "psf-litert": "(a) python_speech_features a window + LiteRT",
    "librosa-keras": "(b) librosa MFCC a window + Keras predict",
    "opensmile": "(c) openSMILE eGeMAPSv02 functionals a window, features alone",
    "litert": "(d) LiteRT alone",
    "voice": "voice activity",
    "segmenter": "segmenter",
    "features": "features",
    "model": "model",
    "events": "smoothing, event, JSON",
    "vad-alone": "webrtcvad alone",
    "fft-alone": "real FFT alone",
    "filterbank-alone": "filterbank product alone",
}

_MODULES: Final = {
    "bench.pipelines": (*SERD, TINY, *STAGES),
    "bench.lower_bounds": (*LOWER_BOUNDS, "litert"),
    "bench.variants": ("variant",),
    "bench.peers": ("psf-litert", "librosa-keras", "opensmile"),
}


def make_candidate(name: str) -> Candidate:
    """A candidate by name.

    Raises:
        ImportError: a package that it needs is not installed.
        ValueError: there is no candidate of that name.
    """
    for module_name, names in _MODULES.items():
        if name.partition(":")[0] in names:
            if module_name != "bench.peers":  # those run with the allocator's own settings
                keep_freed_memory()
            made: Candidate = importlib.import_module(module_name).make(name)
            return made
    raise ValueError(f"no candidate {name!r}, expected one of: {', '.join(TITLES)}")


def keep_freed_memory() -> None:
    """Set the allocator as serd's commands do."""
    with contextlib.suppress(ImportError):  # an earlier serd does not set it
        from serd.daemon import process  # noqa: PLC0415

        process.keep_freed_memory()
