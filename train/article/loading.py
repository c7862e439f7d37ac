"""Experiments from TOML files: those that come with serd, by name, and anybody's own, by path.

A file may name another one as its ``base`` and then holds only what differs from it. Whatever is wrong
is named with the file, the key, the value and what is allowed.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from serd.errors import SettingsError
from serd.settings.values import checked
from train.article.experiment import Experiment
from train.data.protocols import LEAKY, PROTOCOLS

FOLDER: Final = Path(__file__).parent / "experiments"
"""Where the experiments that come with serd lie."""
_BASE: Final = "base"
_MAX_DEPTH: Final = 8


def experiment_names() -> list[str]:
    """Names of the experiments that come with serd, in the order of the article."""
    return [path.stem for path in sorted(FOLDER.glob("*.toml"), key=_article_order)]


def load_experiment(name: str) -> Experiment:
    """An experiment by its name, or by the path of a TOML file.

    Raises:
        SettingsError: no such experiment, an unknown key or a bad value.
    """
    path = _path_of(name, beside=None)
    experiment: Experiment = _build(Experiment, _merged(path), path, "")
    for key, expected in experiment.problems():
        raise SettingsError(f"{path}: {key}: expected {expected}")
    if experiment.data.protocol not in (allowed := (*PROTOCOLS, LEAKY)):
        raise SettingsError(
            f"{path}: [data] protocol = {experiment.data.protocol!r}, expected one of:"
            f" {', '.join(allowed)}"
        )
    return experiment


def base_of(name: str) -> str:
    """Name of the experiment that one of those that come with serd says it changes; else empty."""
    path = FOLDER / f"{name}.toml"
    return str(_read(path).get(_BASE, "")) if path.is_file() else ""


def _article_order(path: Path) -> tuple[int, str]:
    """Experiments stand in the order in which the article tells of them."""
    order = ("baseline", "reworked", "aug", "aug2", "full", "trimmed", "recurrent", "own")
    family = path.stem.partition("-")[0]
    return (order.index(family) if family in order else len(order), path.stem)


def _path_of(name: str, *, beside: Path | None) -> Path:
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


def _merged(path: Path, depth: int = 0) -> dict[str, Any]:
    """A file's table over that of its base; ``name`` is the file's."""
    body = _read(path)
    base = body.pop(_BASE, None)
    if "name" in body:
        raise SettingsError(f"{path}: name: an experiment is named by its file")
    _check_keys(Experiment, body, path, "")
    merged: dict[str, Any] = {}
    if base is not None:
        if not isinstance(base, str) or depth >= _MAX_DEPTH:
            raise SettingsError(f"{path}: base = {base!r}, expected another experiment, in no circle")
        merged = _merged(_path_of(base, beside=path), depth + 1)
        merged.pop("claim", None)  # the article's claim for one experiment is none for another
    for key, value in body.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merged[key] | value
        else:
            merged[key] = value
    return merged | {"name": path.stem}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise SettingsError(f"{path}: cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as exc:
        raise SettingsError(f"{path}: no TOML: {exc}") from exc


def _check_keys(cls: type[Any], table: Mapping[str, Any], path: Path, section: str) -> None:
    """Refuse keys that no field has, where they stand, also inside sections."""
    hints = get_type_hints(cls)
    allowed = [item.name for item in fields(cls) if item.name != "name"]
    for key, value in table.items():
        if key not in allowed:
            names = [*allowed, _BASE] if not section else allowed
            shown = f"[{section}] {key}" if section else key
            raise SettingsError(f"{path}: unknown key {shown}, expected one of: {', '.join(names)}")
        if is_dataclass(hints[key]) and isinstance(value, dict):
            _check_keys(hints[key], value, path, key)


def _build(cls: type[Any], table: Mapping[str, Any], path: Path, section: str) -> Any:  # noqa: ANN401
    hints = get_type_hints(cls)
    values = {}
    for key, value in table.items():
        where = f"{path}: [{section}] {key}" if section else f"{path}: {key}"
        if is_dataclass(hints[key]):
            if not isinstance(value, dict):
                raise SettingsError(f"{where} = {value!r}, expected a table [{key}]")
            values[key] = _build(hints[key], value, path, key)
        else:
            values[key] = _checked(value, hints[key], where)
    return cls(**values)


def _checked(value: object, hint: Any, where: str) -> object:  # noqa: ANN401
    """A value of the field's type.

    Raises:
        SettingsError: it is none.
    """
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise SettingsError(f"{where} = {value!r}, expected a list")
        return tuple(_checked(each, get_args(hint)[0], where) for each in value)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            allowed = ", ".join(get_args(hint))
            raise SettingsError(f"{where} = {value!r}, expected one of: {allowed}")
        return value
    return checked(value, hint, where)


def all_experiments() -> Iterator[Experiment]:
    """Every experiment that comes with serd, in the order of the article."""
    for name in experiment_names():
        yield load_experiment(name)
