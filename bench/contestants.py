"""Everything that takes part in the contest over CPU time, by name.

A contestant is made once, in a process of its own. It is given a scene ahead of the clock, and answers
with a function to call under the clock; what is no part of its work (cutting windows for a peer that
cuts none, recording what the stage before gives) is done ahead.
"""

import contextlib
import importlib
from collections.abc import Callable
from typing import Final, Protocol

from serd.audio.format import Samples

Run = Callable[[], int]
"""One pass over a scene; gives how many windows (or frames) it dealt with."""


class Contestant(Protocol):
    """Something that works on sound."""

    def prepare(self, scene: Samples) -> Run:
        """What is to be called under the clock for this scene; it may be called again."""
        ...


SERD: Final = ("serd-live", "serd-file")
TINY: Final = "serd-tiny"
PEERS: Final = ("psf-litert", "librosa-keras", "opensmile", "litert")
STAGES: Final = ("voice", "segmenter", "features", "model", "events")
FLOORS: Final = ("vad-alone", "fft-alone", "filterbank-alone")

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
    "bench.live_way": ("serd-live",),
    "bench.ways": ("serd-file", TINY),
    "bench.stages": STAGES,
    "bench.floors": (*FLOORS, "litert"),
    "bench.variants": ("variant",),
    "bench.peers": ("psf-litert", "librosa-keras", "opensmile"),
}


def keep_memory() -> None:
    """What serd's commands do before they work."""
    with contextlib.suppress(ImportError):  # an earlier serd does not
        from serd.daemon.process import keep_freed_memory  # noqa: PLC0415

        keep_freed_memory()


def make_contestant(name: str) -> Contestant:
    """A contestant, ready to be given scenes.

    Raises:
        ImportError: a package that it needs is not installed.
        ValueError: nobody is called so.
    """
    for module_name, names in _MODULES.items():
        if name.partition(":")[0] in names:
            if module_name != "bench.peers":  # who run as they come
                keep_memory()
            made: Contestant = importlib.import_module(module_name).make(name)
            return made
    raise ValueError(f"no contestant {name!r}, expected one of: {', '.join(TITLES)}")
