"""The size and shape of the source tree: few names at the top, few layers, no import cycles."""

import tomllib
from graphlib import CycleError, TopologicalSorter

import pytest

from testkit.imports import ROOT, import_graph

_UNCOUNTED = {"__init__.py", "__main__.py", "__pycache__", "data", "py.typed"}


@pytest.mark.parametrize(("package", "limit"), [("serd", 12), ("train", 8)])
def test_the_top_of_a_package_has_few_names(package: str, limit: int) -> None:
    """A reader can hold the folders and modules at the top of a package in mind."""
    names = {path.name for path in (ROOT / package).iterdir()} - _UNCOUNTED
    assert len(names) <= limit, sorted(names)


def test_the_daemon_has_ten_layers_at_most() -> None:
    """The first import contract fits on a screen."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    assert len(layers) <= 10


@pytest.mark.parametrize("package", ["serd", "train", "bench", "testkit"])
def test_no_module_imports_itself_through_others(package: str) -> None:
    """Modules can be read in an order in which each needs only earlier ones."""
    try:
        TopologicalSorter(import_graph([package])).prepare()
    except CycleError as exc:
        pytest.fail(" -> ".join(exc.args[1]))


def test_an_import_cycle_would_be_found() -> None:
    """The graph holds direct imports of modules and of names, and TopologicalSorter finds a cycle."""
    graph = import_graph(["serd"])
    assert "serd.errors" in graph["serd.audio.reader"]
    assert "serd.audio.format" in graph["serd.pipeline"]
    graph["serd.errors"].add("serd.audio.files")
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()
