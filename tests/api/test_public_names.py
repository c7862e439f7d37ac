"""The public API: its names, and what importing it costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import serd
from serd import errors

PUBLIC = [
    "DeviceError",
    "Event",
    "EventError",
    "InputError",
    "LibraryError",
    "ModelError",
    "ModelReference",
    "OperationError",
    "RecognitionStream",
    "Recognizer",
    "SerdError",
    "SoundArrayError",
    "SoundFileError",
    "SourceError",
    "__version__",
]


def test_the_public_names_are_these() -> None:
    """A name that somebody imports stays; a new one is added here on purpose."""
    assert serd.__all__ == PUBLIC
    assert dir(serd) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported_and_says_what_it_is(name: str) -> None:
    """Names that are loaded at their first use are there as well, with a docstring."""
    value = getattr(serd, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any other module."""
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        _ = serd.Recogniser  # type: ignore[attr-defined]


def test_errors_of_the_api_are_of_the_tree() -> None:
    """Whoever catches SerdError catches them all."""
    names = [name for name in PUBLIC if name.endswith("Error")]
    assert all(issubclass(getattr(errors, name), errors.SerdError) for name in names)


def test_importing_serd_loads_no_numpy() -> None:
    """A program that asks for the version alone pays for nothing else."""
    code = "import sys, serd; print(serd.__version__, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{serd.__version__} False\n"


def test_the_package_is_typed_and_its_page_names_every_name() -> None:
    """py.typed lies in the package; docs/python.md knows what can be used."""
    assert (Path(serd.__file__).parent / "py.typed").exists()
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
    assert [name for name in PUBLIC if name not in page] == ["ModelReference", "__version__"]


def test_examples_use_public_names_alone() -> None:
    """What the examples show is what may be relied on."""
    for path in (Path(__file__).parents[2] / "docs" / "examples").glob("*.py"):
        used = {
            node.attr
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == "serd"
        }
        assert used
        assert used <= set(PUBLIC)
