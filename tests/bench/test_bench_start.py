"""The import times that Python prints are summed by package."""

import pytest

from bench.start import import_times_ms, package_of

_IMPORTS = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       5000 |     numpy.linalg
import time:       500 |        500 |   numpy
a line of another program
import time:      1500 |       7000 | serd.features
"""


def test_imports_are_summed_by_package() -> None:
    """Each module counts its own time alone, and other lines are ignored."""
    assert import_times_ms(_IMPORTS) == pytest.approx(
        {"standard library": 0.1, "numpy": 2.5, "serd": 1.5}
    )


@pytest.mark.parametrize(
    ("module", "package"),
    [
        ("json.decoder", "standard library"),
        ("serd.cli.run", "serd"),
        ("encodings.utf_8", "standard library"),
    ],
)
def test_a_module_belongs_to_a_package(module: str, package: str) -> None:
    """Modules of Python are "standard library"; for others the first name is the package."""
    assert package_of(module) == package
