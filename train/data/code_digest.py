"""Digests of code, which key what is kept on disk: changed code never meets results of the old one."""

import ast
import hashlib
from collections.abc import Collection, Iterator
from functools import cache
from importlib.util import find_spec, resolve_name
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("serd", "train")
"""Packages whose modules are followed, besides those of the named modules."""


def code_digest(*modules: str, beside: Collection[str] = ()) -> str:
    """Digest of some modules and of all modules of serd and train that they import.

    Comments, docstrings and layout do not count. Imports inside functions do.

    Args:
        modules: dotted names.
        beside: modules and packages that do not affect the result, which are not followed.

    Returns:
        16 hex digits. Versions of Python may differ in it.
    """
    packages = {*_PACKAGES, *(name.partition(".")[0] for name in modules)}
    left, seen = list(modules), set(modules)
    digests = {}
    while left:
        name = left.pop()
        path = _source(name)
        if path is None:
            raise ValueError(f"{name}: no module, expected a dotted name such as train.data.clips")
        digests[name], imported = _examine(path, name)
        new = {
            each for each in imported if each.partition(".")[0] in packages and not _is_in(each, beside)
        } - seen
        seen |= new
        left += new
    return hashlib.sha256(repr(sorted(digests.items())).encode()).hexdigest()[:16]


def _is_in(name: str, modules: Collection[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in modules)


@cache
def _examine(path: Path, name: str) -> tuple[str, frozenset[str]]:
    """Digest of a file's code, and the modules that it imports."""
    tree = ast.parse(path.read_bytes())
    package = name if path.stem == "__init__" else name.rpartition(".")[0]
    imported = frozenset(_imports(tree, package))
    code = ast.dump(_WithoutStrings().visit(tree))
    return hashlib.sha256(code.encode()).hexdigest(), imported


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package)
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield name if _source(name) else base


class _WithoutStrings(ast.NodeTransformer):
    """Removes strings that are statements: docstrings of modules, functions and fields."""

    def visit_Expr(self, node: ast.Expr) -> ast.Expr | None:
        """Drop a statement that is a string alone."""
        is_string = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if is_string else node


def _source(name: str) -> Path | None:
    """The file of a module or package, found without running it."""
    top, *parts = name.split(".")
    spec = find_spec(top)
    if spec is None or not spec.submodule_search_locations:
        return None
    place = Path(next(iter(spec.submodule_search_locations)), *parts)
    choices = (place / "__init__.py", *((place.with_suffix(".py"),) if parts else ()))
    return next((each for each in choices if each.is_file()), None)
