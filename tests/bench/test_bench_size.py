"""The size of a package is that of its files and of all its dependencies."""

from importlib.metadata import distribution

from bench.size import closure, installed_bytes, required_names


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
