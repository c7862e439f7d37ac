"""Imports between the project's modules, read from their source without running it."""

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
"""The checkout."""


def import_graph(packages: Iterable[str]) -> dict[str, set[str]]:
    """The modules of some packages, each with the modules of these packages that it imports.

    Imports inside functions and under ``TYPE_CHECKING`` are left out: they do not run with the module.
    """
    files = {module_name(path): path for package in packages for path in (ROOT / package).rglob("*.py")}
    return {
        name: {known_module(each, files) for each in imported_names(path)} - {""}
        for name, path in files.items()
    }


def imported_names(path: Path, *, includes_deferred: bool = False) -> Iterator[str]:
    """Dotted names that a file imports: "a.b" for ``import a.b``, "a.b.c" for ``from a.b import c``.

    Args:
        path: a Python file.
        includes_deferred: whether imports inside functions and under ``TYPE_CHECKING`` count too.
    """
    left: list[ast.AST] = [ast.parse(path.read_text("utf-8"))]
    while left:
        node = left.pop()
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif includes_deferred or not _is_deferred(node):
            left += ast.iter_child_nodes(node)


def reaches(path: Path, packages: Collection[str]) -> bool:
    """Whether a file imports one of some packages, itself or through modules of the checkout.

    Deferred imports count too, since the code that runs them may be called.

    Args:
        path: a Python file.
        packages: names of packages that are not the project's.
    """
    left, seen = [path], {path}
    while left:
        importer = left.pop()
        for name in imported_names(importer, includes_deferred=True):
            if name.partition(".")[0] in packages:
                return True
            imported = _files(name, importer.parent) - seen
            seen |= imported
            left += imported
    return False


def module_name(path: Path) -> str:
    """Dotted name of a module of the checkout; a package's own file has the name of the package."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def known_module(name: str, modules: Mapping[str, object]) -> str:
    """The module that an imported name is, or lies in; empty if it is none of ``modules``."""
    return next((each for each in (name, name.rpartition(".")[0]) if each in modules), "")


@cache
def _files(name: str, folder: Path) -> frozenset[Path]:
    """The files of an imported name in the folder of the importing file or one above it."""
    inside = [each.replace(".", "/") for each in (name, name.rpartition(".")[0]) if each]
    choices = [f"{each}{ending}" for each in inside for ending in (".py", "/__init__.py")]
    bases = [base for base in (folder, *folder.parents) if base.is_relative_to(ROOT)]
    paths = [base / each for base in bases for each in choices]
    return frozenset(path for path in paths if path.is_file())


def _is_deferred(node: ast.AST) -> bool:
    if isinstance(node, ast.If):
        return isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
