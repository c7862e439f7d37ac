"""Experiments from TOML files: those that come with serd, by name, and others by path.

A file may name another one as its ``base`` and then holds only what differs from it.
"""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, get_type_hints

from serd.errors import SettingsError
from serd.settings.tables import Given, build, given_table, read_toml, suggestion
from train.article.experiment import Experiment

FOLDER: Final = Path(__file__).parent / "experiments"
"""Experiments that come with serd."""
_BASE: Final = "base"
_MAX_DEPTH: Final = 8
_KEYS: Final = (*(item.name for item in fields(Experiment) if item.name != "name"), _BASE)
_TABLES: Final[dict[str, type[Any]]] = {
    name: hint
    for name, hint in get_type_hints(Experiment).items()
    if isinstance(hint, type) and is_dataclass(hint)
}
_FAMILIES: Final = ("baseline", "reworked", "aug", "aug2", "full", "trimmed", "recurrent", "own")
"""First words of the experiments' names, in the order of the article."""


def experiment_names() -> list[str]:
    """Names of the experiments that come with serd, in the order of the article."""

    def place(name: str) -> tuple[int, str]:
        family = name.partition("-")[0]
        return (_FAMILIES.index(family) if family in _FAMILIES else len(_FAMILIES), name)

    return sorted((path.stem for path in FOLDER.glob("*.toml")), key=place)


def all_experiments() -> Iterator[Experiment]:
    """Yield every experiment that comes with serd, in the order of the article."""
    for name in experiment_names():
        yield load_experiment(name)


def load_experiment(name: str) -> Experiment:
    """An experiment by its name, or by the path of a TOML file.

    Raises:
        SettingsError: no such experiment, an unknown key or a bad value.
    """
    path = _path_of(name, beside=None)
    values = _merged(path)
    for key in _TABLES.keys() & values.keys():
        values[key] = Given(build(_TABLES[key], values[key].value), values[key].where)  # type: ignore[arg-type]
    experiment: Experiment = build(Experiment, values | {"name": Given(path.stem, str(path))})
    for key, expected in experiment.conflicts():
        raise SettingsError(f"{path}: {key}: expected {expected}")
    return experiment


def base_of(name: str) -> str:
    """Name of the experiment that one of serd's experiments changes; empty for none."""
    path = FOLDER / f"{name}.toml"
    return str(read_toml(path).get(_BASE, "")) if path.is_file() else ""


def _path_of(name: str, *, beside: Path | None) -> Path:
    """The file of an experiment, which may be named in another file."""
    if name.endswith(".toml"):
        path = (beside.parent if beside else Path()) / name
        if not path.is_file():
            raise SettingsError(f"{path}: no such experiment file")
        return path
    path = FOLDER / f"{name}.toml"
    if "/" in name or not path.is_file():
        where = f"{beside}: base" if beside else "experiment"
        raise SettingsError(
            f"{where} {name!r}: no such experiment, expected a TOML file or one of:"
            f" {', '.join(experiment_names())}"
        )
    return path


def _merged(path: Path, depth: int = 0) -> dict[str, Given]:
    """The values of a file over those of its base; a table is a dictionary of values."""
    body = read_toml(path)
    base = body.pop(_BASE, None)
    if "name" in body:
        raise SettingsError(f"{path}: name: an experiment is named by its file")
    merged: dict[str, Given] = {}
    if base is not None:
        if not isinstance(base, str) or depth >= _MAX_DEPTH:
            raise SettingsError(f"{path}: base = {base!r}, expected another experiment, in no circle")
        merged = _merged(_path_of(base, beside=path), depth + 1)
        merged.pop("claim", None)  # the article's claim for one experiment is none for another
    for key, value in body.items():
        if key not in _KEYS:
            raise SettingsError(f"{path}: unknown key {key}{suggestion(key, _KEYS)}")
        where = f"{path}: {key}"
        if key in _TABLES:
            inherited: Any = merged[key].value if key in merged else {}
            merged[key] = Given(inherited | given_table(_TABLES[key], value, path, key), where)
        else:
            merged[key] = Given(value, where)
    return merged
