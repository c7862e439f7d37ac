"""The models of the daemon's sources; those that name the same model share it."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

from serd import __version__
from serd.errors import ModelError
from serd.events.alert import check_emotions
from serd.model.card import ModelCard
from serd.model.runtime import ModelSettings, TfliteModel, load_model, model_path
from serd.settings.loader import Settings

_log = logging.getLogger("serd.run")


class _Key(NamedTuple):
    """Identifies a loaded model by its settings and its file."""

    settings: ModelSettings
    file: tuple[int, int, int]
    """Inode, size in bytes and time of the last change in nanoseconds."""


class Models:
    """The model of each source."""

    def __init__(self, keys: Mapping[str, _Key], loaded: Mapping[_Key, TfliteModel]) -> None:
        """Use ``load_models`` instead.

        Args:
            keys: by the name of the source.
            loaded: the models.
        """
        self._keys = keys
        self._loaded = loaded

    def __contains__(self, source: object) -> bool:
        """Whether there is a source of a name."""
        return source in self._keys

    def __getitem__(self, source: str) -> TfliteModel:
        """The model of a source."""
        return self._loaded[self._keys[source]]

    @property
    def cards(self) -> tuple[ModelCard, ...]:
        """The cards of all models, in the order of their first source."""
        return tuple(self._loaded[key].card for key in dict.fromkeys(self._keys.values()))

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels of all models, each once."""
        return tuple(dict.fromkeys(label for card in self.cards for label in card.labels))

    @property
    def description(self) -> str:
        """Name and version of each model, for statistics."""
        return ", ".join(dict.fromkeys(f"{card.name} {card.version}" for card in self.cards))

    def get(self, key: _Key) -> TfliteModel | None:
        """A model that is loaded; None if it is not."""
        return self._loaded.get(key)


def load_models(settings: Settings, before: Models | None = None) -> Models:
    """Load the model of each source, and check that the alerts fit them.

    Args:
        settings: all settings.
        before: the present models, which are used again where the file is the same.

    Raises:
        ModelError: as ``TfliteModel``.
        LibraryError: as ``TfliteModel``.
        SettingsError: an alert names an emotion that the model of its source does not have.
    """
    keys: dict[str, _Key] = {}
    loaded: dict[_Key, TfliteModel] = {}
    for source, wanted in model_settings(settings).items():
        key = keys[source] = _key(wanted)
        if key not in loaded:
            known = before.get(key) if before else None
            loaded[key] = known or _loaded(wanted)
        check_emotions(
            [each for each in settings.alerts if each.concerns(source)], loaded[key].card.labels
        )
    return Models(keys, loaded)


def model_settings(settings: Settings) -> dict[str, ModelSettings]:
    """The settings of each source's model, by the name of the source."""
    return {
        source.name: replace(settings.model, path=source.model) if source.model else settings.model
        for source in settings.sources
    }


def _key(settings: ModelSettings) -> _Key:
    path = model_path(settings)
    try:
        status = path.stat()
    except OSError as exc:
        raise ModelError(f"{path}: the model cannot be read: {exc.strerror}") from exc
    return _Key(settings, (status.st_ino, status.st_size, status.st_mtime_ns))


def _loaded(settings: ModelSettings) -> TfliteModel:
    model = load_model(settings)
    card = model.card
    _log.info("version %s, model %s %s on %s", __version__, card.name, card.version, model.runtime)
    return model
