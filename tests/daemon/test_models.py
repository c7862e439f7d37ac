"""Sources share models or have their own, and a model can be another one at a reload."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from serd.audio.source import SourceSettings
from serd.daemon.models import load_models
from serd.errors import ModelError, SettingsError
from serd.events.alert import AlertSettings
from serd.model.runtime import ModelSettings
from serd.settings.loader import Settings
from testkit.models import Model, write_model


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of models of a state folder."""
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    (tmp_path / "models").mkdir()
    return tmp_path / "models"


def settings(**models: str) -> Settings:
    """Settings with a source for each model."""
    sources = tuple(SourceSettings(name=name, model=model) for name, model in models.items())
    return Settings(sources=sources, model=ModelSettings(path="tiny"))


def test_sources_that_name_one_model_share_it(folder: Path, served: Model) -> None:
    """A source without a model has that of the settings; a name is that of a file in the folder."""
    network, card = served
    write_model(folder / "home.tflite", network, replace(card, name="own"))
    models = load_models(settings(a="home", b="home", c="", d="tiny"))
    assert models["a"] is models["b"]
    assert models["c"] is models["d"]
    assert models["a"].card.name == "own"
    tiny = models["c"].card
    assert models.description == f"own {card.version}, {tiny.name} {tiny.version}"
    assert models.labels == card.labels


def test_another_file_at_the_same_path_is_another_model(folder: Path, served: Model) -> None:
    """Only that one is loaded again."""
    network, card = served
    path = write_model(folder / "home.tflite", network, replace(card, name="before"))
    before = load_models(settings(a="home", b="tiny"))
    again = load_models(settings(a="home", b="tiny"), before)
    assert again["a"] is before["a"]
    new = write_model(folder / "new.tflite", network, replace(card, name="after"))
    new.replace(path)
    after = load_models(settings(a="home", b="tiny"), again)
    assert after["a"].card.name == "after"
    assert after["b"] is before["b"]


def test_a_model_that_is_not_there_is_refused_with_those_that_are(folder: Path) -> None:
    """The message has the bundled ones, those of the folder, and how a file is given."""
    (folder / "home.tflite").touch()
    with pytest.raises(ModelError, match=r"no model 'hom'.*default, home, tiny; .*\./hom"):
        load_models(settings(a="hom"))
    with pytest.raises(ModelError, match=r"no\.tflite: the model cannot be read"):
        load_models(settings(a="no.tflite"))


def test_a_folder_that_cannot_be_entered_has_no_models(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The service's folder is closed to users, who have models of their own."""
    monkeypatch.setattr(os.path, "exists", lambda _path: False)
    with pytest.raises(ModelError, match="no model 'home'"):
        load_models(settings(a="home"))


def test_an_alert_must_fit_the_models_of_its_sources(folder: Path, served: Model) -> None:
    """An emotion that only the other source's model lacks is no mistake."""
    network, card = served
    labels = ("bored", *card.labels[1:])
    write_model(folder / "other.tflite", network, replace(card, labels=labels, naming={}))
    both = settings(a="other", b="tiny")
    alert = AlertSettings(name="bored", when="bored > 0.5", source="a")
    assert load_models(replace(both, alerts=(alert,))).labels == (*labels, card.labels[0])
    with pytest.raises(SettingsError, match="'bored'"):
        load_models(replace(both, alerts=(replace(alert, source=""),)))
