"""The analysis of one sound file, as worker processes do it."""

import threading
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from serd.daemon.process import keep_freed_memory
from serd.errors import SoundFileError
from serd.events.event import Event
from serd.model.rejection import RejectionCounter
from serd.model.runtime import ModelSettings, TfliteModel, load_model
from serd.recognizer import file_events
from serd.settings.loader import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class FileResult:
    """The result of one file."""

    path: Path
    """The file."""
    events: list[Event] = field(default_factory=list)
    """Its events, the last of kind "file"; empty if the file cannot be read."""
    n_utterances: int = 0
    """Number of its utterances."""
    warnings: list[str] = field(default_factory=list)
    """Warnings about the sound."""
    all_rejected: bool = False
    """Whether it has windows with speech and the model rejects all of them."""
    error: str = ""
    """Why it cannot be read; empty if it can."""


def analyze_one(settings: Settings, path: Path, *, file_events_only: bool = False) -> FileResult:
    """Analyze one file with the settings' model, which each thread loads once.

    Args:
        settings: all settings.
        path: the file.
        file_events_only: whether to drop the events of windows and utterances.
    """
    model = loaded_model(settings.model)
    rejections = RejectionCounter(model.card)
    warnings: list[str] = []
    events: list[Event] = []
    n_utterances = 0
    all_events = file_events(
        path,
        model,
        settings.pipeline,
        node=settings.node.resolved_name,
        channel=settings.sources[0].channel,
        rejections=rejections,
        warnings=warnings,
    )
    try:
        for event in all_events:
            n_utterances += event.kind == "utterance"
            if event.kind == "file" or not file_events_only:
                events.append(event)
    except SoundFileError as exc:
        return FileResult(path=path, error=str(exc))
    return FileResult(
        path=path,
        events=events,
        n_utterances=n_utterances,
        warnings=warnings,
        all_rejected=rejections.all_rejected,
    )


def loaded_model(settings: ModelSettings) -> TfliteModel:
    """The model of this thread, which is loaded once: an interpreter serves one thread at a time.

    Raises:
        ModelError: as ``load_model``.
        LibraryError: as ``load_model``.
    """
    return _loaded(settings, threading.get_ident())


@lru_cache(maxsize=64)
def _loaded(settings: ModelSettings, thread: int) -> TfliteModel:
    del thread
    keep_freed_memory()
    return load_model(settings)
