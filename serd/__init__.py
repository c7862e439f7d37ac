"""serd detects speech and publishes the emotion in it; this is its Python API.

    import serd

    for event in serd.Recognizer().file("talk.mp3"):
        print(event.kind, event.emotion)

Names outside ``__all__`` may change with any version.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from serd.errors import (
    DeviceError,
    EventError,
    InputError,
    LibraryError,
    ModelError,
    OperationError,
    SerdError,
    SoundArrayError,
    SoundFileError,
    SourceError,
)

if TYPE_CHECKING:
    from serd.events.event import Event, ModelReference
    from serd.recognizer import RecognitionStream, Recognizer

__version__ = "0.2.0"

__all__ = [
    "DeviceError",
    "Event",
    "EventError",
    "InputError",
    "LibraryError",
    "ModelError",
    "ModelReference",
    "OperationError",
    "RecognitionStream",
    "Recognizer",
    "SerdError",
    "SoundArrayError",
    "SoundFileError",
    "SourceError",
    "__version__",
]

_MODULES = {
    "Event": "serd.events.event",
    "ModelReference": "serd.events.event",
    "RecognitionStream": "serd.recognizer",
    "Recognizer": "serd.recognizer",
}
"""Names that are imported at their first use: NumPy alone takes 0.2 s."""


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Import a public name at its first use (PEP 562)."""
    if name not in _MODULES:
        raise AttributeError(f"module 'serd' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return sorted(__all__)
