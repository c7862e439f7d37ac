"""The errors that serd raises, each with the exit code it ends a command with.

SerdError                 anything below; its text is one line for a person
├── InputError            exit code 2: what was given cannot be used
│   ├── SettingsError     an unknown key, a bad value, a file that is no TOML
│   ├── SoundFileError    missing, empty, truncated or no sound at all
│   ├── SoundArrayError   an array of another type, shape or rate, or with NaN in it
│   ├── EventError        text that is no event
│   ├── DeviceError       no such microphone, or no such channel on it
│   └── ModelError        a broken model, or a card that does not fit it
└── OperationError        exit code 1: it failed while running
    ├── LibraryError      a library that serd needs is not installed
    ├── SourceError       a sound source stopped delivering
    │   ├── SourceInterruptedError  it was closed by serd and may be opened again at once
    │   └── SourceHungError   the library behind it hangs; only a new process can use it
    ├── SpoolError        events cannot be kept on the disk
    └── PublishError      a broker refused or never acknowledged

Foreign errors are translated once, at the edge that meets them, with ``raise ... from exc``.
"""

from typing import ClassVar


class SerdError(Exception):
    """Base of all errors that serd raises on purpose."""

    exit_code: ClassVar[int] = 1


class InputError(SerdError):
    """What the user gave cannot be used."""

    exit_code: ClassVar[int] = 2


class SettingsError(InputError):
    """A setting is unknown or its value is not accepted."""


class SoundFileError(InputError):
    """A sound file cannot be read."""


class SoundArrayError(InputError):
    """An array cannot be taken for sound."""


class EventError(InputError):
    """A text is no event of serd."""


class DeviceError(InputError):
    """The named microphone or channel does not exist or does not open."""


class ModelError(InputError):
    """The model is broken, or its card does not fit it."""


class OperationError(SerdError):
    """Something failed while running."""


class LibraryError(OperationError):
    """A library that serd needs is missing."""


class SourceError(OperationError):
    """A sound source stopped delivering."""


class SourceInterruptedError(SourceError):
    """A sound source was closed by serd itself, and may be opened again at once."""


class SourceHungError(SourceError):
    """The library behind a sound source hangs, and only a new process can use it again."""


class SpoolError(OperationError):
    """Events cannot be kept on the disk."""


class PublishError(OperationError):
    """An event could not be handed to its subscriber."""
