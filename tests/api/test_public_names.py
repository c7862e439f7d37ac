"""The public API: its names, and the cost of its import."""

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
    """A public name stays; a new one is added here on purpose."""
    assert serd.__all__ == PUBLIC
    assert dir(serd) == sorted(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_every_public_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    """This includes names that are imported at their first use."""
    value = getattr(serd, name)
    assert isinstance(value, str) or value.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """It is as in any other module."""
    with pytest.raises(AttributeError, match="no attribute 'Recogniser'"):
        _ = serd.Recogniser  # type: ignore[attr-defined]


def test_errors_of_the_api_are_serd_errors() -> None:
    """SerdError is the base of all of them."""
    names = [name for name in PUBLIC if name.endswith("Error")]
    assert all(issubclass(getattr(errors, name), errors.SerdError) for name in names)


def test_importing_serd_loads_no_numpy() -> None:
    """The version is available without NumPy."""
    code = "import sys, serd; print(serd.__version__, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{serd.__version__} False\n"


def test_the_package_is_typed_and_its_page_names_every_name() -> None:
    """The package has py.typed; docs/python.md names every public class and error."""
    assert (Path(serd.__file__).parent / "py.typed").exists()
    page = (Path(__file__).parents[2] / "docs" / "python.md").read_text("utf-8")
    assert [name for name in PUBLIC if name not in page] == ["ModelReference", "__version__"]


def test_examples_use_only_public_names() -> None:
    """The examples show the stable API."""
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
