"""The import contracts of the code hold, and the daemon loads no training library."""

import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_NOT_FOR_THE_DAEMON = [
    "dask",
    "distributed",
    "keras",
    "librosa",
    "matplotlib",
    "pyarrow",
    "scipy",
    "sklearn",
    "tensorflow",
]


def _python(code: str) -> str:
    """The output of code in a new interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_layers_are_kept() -> None:
    """The import contracts in pyproject.toml hold."""
    lint = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    done = subprocess.run(
        [sys.executable, "-c", lint], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_daemon_loads_nothing_that_it_does_not_need() -> None:
    """A Raspberry Pi needs neither TensorFlow, SciPy, Dask nor pyarrow for its commands and model."""
    code = (
        "import sys, serd.cli.run, serd.cli.analyze;"
        "from serd.model.runtime import ModelSettings, load_model;"
        "load_model(ModelSettings());"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    loaded = set(_python(code).split())
    assert {"serd", "ai_edge_litert"} <= loaded
    assert loaded.isdisjoint(_NOT_FOR_THE_DAEMON)


def test_the_pure_core_loads_no_device_or_runtime() -> None:
    """Segmenter, features, smoothing and events can be imported without audio libraries."""
    code = (
        "import sys, serd.speech.segmenter, serd.model.windows, serd.model.smoothing, serd.events.event;"
        "print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    edges = {"ai_edge_litert", "amqtt", "paho", "sounddevice", "soundfile", "soxr", "webrtcvad"}
    assert set(_python(code).split()).isdisjoint(edges)
