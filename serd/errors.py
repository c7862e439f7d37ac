"""The errors that serd raises, each with the exit code it ends a command with.

SerdError                 the base of all; its text is one line for a person
├── InputError            exit code 2: the input cannot be used
│   ├── SettingsError     an unknown key, a bad value, a file that is not TOML
│   │   └── ChangedError  the files are no longer those that a change was made for
│   ├── SoundFileError    missing, empty, damaged or without sound
│   ├── SoundArrayError   wrong type, shape or rate, or a NaN in it
│   ├── EventError        text that is not an event
│   ├── DeviceError       no such microphone, or no such channel on it
│   └── ModelError        a broken model, or a card that does not match it
└── OperationError        exit code 1: an operation failed while running
    ├── LibraryError      a library that serd needs is not installed
    ├── SourceError       a sound source stopped delivering
    │   ├── SourceStalledError      it gives no sound, but is open and may go on
    │   ├── SourceInterruptedError  serd closed it; it may be opened again at once
    │   └── SourceHungError   its library hangs; only a new process can use it
    ├── SpoolError        events cannot be stored on the disk
    ├── HistoryError      the file of the history cannot be read or written
    └── PublishError      a broker refused an event or did not acknowledge it

Foreign errors are translated once, at the edge that meets them, with ``raise ... from exc``.
"""

from typing import ClassVar


class SerdError(Exception):
    """Base of all errors that serd raises on purpose."""

    exit_code: ClassVar[int] = 1


class InputError(SerdError):
    """The input cannot be used."""

    exit_code: ClassVar[int] = 2


class SettingsError(InputError):
    """A setting is unknown or its value is not accepted."""


class ChangedError(SettingsError):
    """The settings files are no longer those that a change was made for."""


class SoundFileError(InputError):
    """A sound file cannot be read."""


class SoundArrayError(InputError):
    """An array cannot be used as sound."""


class EventError(InputError):
    """A text is not an event of serd."""


class DeviceError(InputError):
    """The named microphone or channel does not exist or does not open."""


class ModelError(InputError):
    """The model is broken, or its card does not match it."""


class OperationError(SerdError):
    """An operation failed while running."""


class LibraryError(OperationError):
    """A library that serd needs is missing."""


class SourceError(OperationError):
    """A sound source stopped delivering."""


class SourceStalledError(SourceError):
    """A sound source gives no sound, but stays open; it may be iterated over again at once."""


class SourceInterruptedError(SourceError):
    """serd itself closed a sound source, which may be opened again at once."""


class SourceHungError(SourceError):
    """The library behind a sound source hangs, and only a new process can use it again."""


class SpoolError(OperationError):
    """Events cannot be stored on the disk."""


class HistoryError(OperationError):
    """The file of the history cannot be read or written."""


class PublishError(OperationError):
    """An event could not be published."""
