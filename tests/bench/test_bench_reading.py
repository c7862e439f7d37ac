"""What Python, py-spy, pip and the kernel print is read as it is meant."""

from importlib.metadata import distribution

import pytest

from bench.machine import processor, versions
from bench.profile import function_of, self_shares
from bench.size import closure, installed_bytes, needs
from bench.start import import_times_ms, package_of

_IMPORTS = """import time: self [us] | cumulative | imported package
import time:       100 |        100 |   _io
import time:      2000 |       5000 |     numpy.linalg
import time:       500 |        500 |   numpy
a line of somebody else's
import time:      1500 |       7000 | serd.features
"""


def test_imports_are_summed_up_by_package_without_those_that_they_import() -> None:
    """Each module's own time counts, and lines of others are passed over."""
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
    """What comes with Python is the standard library; else the first name is the package."""
    assert package_of(module) == package


def test_shares_are_of_the_pipeline_alone() -> None:
    """Samples of the start do not count, and the lines of a function are taken together."""
    way = "main (bench/profile_target.py:18);Live.prepare.<locals>.run (bench/ways.py:49);"
    collapsed = (
        "import (<frozen importlib>:1);numpy (numpy/__init__.py:3) 900\n"
        "<module> (bench/ways.py:7);serd (serd/pipeline.py:1) 50\n"
        f"{way}hear (/x/serd/speech/vad.py:110) 3\n"
        f"{way}hear (/x/serd/speech/vad.py:112) 5\n"
        f"{way}push (/x/serd/model/features.py:20) 2\n"
    )
    assert self_shares(collapsed) == {"serd/speech/vad.py hear": 0.8, "serd/model/features.py push": 0.2}


def test_a_function_is_named_by_its_file() -> None:
    """With the folder it lies in, and without the line."""
    frame = "VoiceActivity.process (/a/b/serd/speech/vad.py:117)"
    assert function_of(frame) == "serd/speech/vad.py VoiceActivity.process"


def test_only_what_holds_here_without_an_extra_is_needed() -> None:
    """Names alone: neither versions nor extras, nor what is for another system."""
    requirements = [
        "numpy>=1.26",
        "colorama; sys_platform == 'win32'",
        "pytest; extra == 'test'",
        "soxr[fast]>=0.5",
    ]
    assert needs(requirements) == ["numpy", "soxr"]


def test_all_that_a_package_needs_is_found_with_its_size() -> None:
    """Whatever the case of its name; a package that is not installed is named as missing."""
    found, missing = closure(["Soundfile", "no-such-package-of-serd"])
    assert {"soundfile", "cffi", "numpy"} <= set(found)
    assert missing == ["no-such-package-of-serd"]
    assert installed_bytes(distribution("numpy")) > 10_000_000


def test_the_processor_is_named_in_the_kernels_words() -> None:
    """On a PC and on a Raspberry Pi; empty where the kernel has no name for it."""
    assert processor("processor\t: 0\nmodel name\t: AMD EPYC\n") == "AMD EPYC"
    assert processor("processor : 0\n\nModel\t\t: Raspberry Pi 4 Model B\n") == "Raspberry Pi 4 Model B"
    assert processor("") == ""


def test_versions_are_those_installed() -> None:
    """A Python package's is that of its metadata, and Mosquitto's begins with a digit."""
    found = versions()
    assert found["numpy"] == distribution("numpy").version
    assert found["mosquitto"][0].isdigit()
