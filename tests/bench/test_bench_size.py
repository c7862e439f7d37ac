"""The size of a package is that of its files and of all its dependencies."""

import py_compile
from importlib.metadata import distribution
from pathlib import Path

from bench.size import closure, compiled_bytes, installed_bytes, own_bytes, required_names
from serd.model.file import default_model_path


def test_requirements_of_other_systems_and_extras_do_not_count() -> None:
    """The names of the others have neither version nor extra."""
    requirements = [
        "numpy>=1.26",
        "colorama; sys_platform == 'win32'",
        "pytest; extra == 'test'",
        "soxr[fast]>=0.5",
    ]
    assert required_names(requirements) == ["numpy", "soxr"]


def test_dependencies_are_found_with_their_size() -> None:
    """The case of a name does not matter; a package that is not installed is missing."""
    found, missing = closure(["Soundfile", "no-such-package-of-serd"])
    assert {"soundfile", "cffi", "numpy"} <= set(found)
    assert missing == ["no-such-package-of-serd"]
    assert installed_bytes(distribution("numpy")) > 10_000_000


def test_serd_is_counted_as_pip_installs_it(tmp_path: Path) -> None:
    """With every model, and with what Python compiles, whatever lies in the checkout."""
    module = tmp_path / "module.py"
    module.write_text('"""A module."""\n\nX = [1, 2.5, "three"]\n')
    compiled = py_compile.compile(str(module), cfile=str(tmp_path / "module.pyc"), doraise=True)
    assert compiled_bytes(module) == Path(compiled).stat().st_size
    models = list(default_model_path().parent.glob("*"))
    code = list((default_model_path().parent.parent / "serd").rglob("*.py"))
    assert own_bytes() > sum(path.stat().st_size for path in [*models, *code]) * 1.1
