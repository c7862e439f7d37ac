"""The digest of code changes with a module and those that it imports, and with nothing else."""

from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from train.data.code_digest import code_digest

_SOURCES = {
    "__init__": "",
    "a": "from .b import two\nimport made.d\n",
    "b": 'def two():\n    """Two."""\n    from made.c import THREE\n    return THREE - 1\n',
    "c": 'THREE = 3\n"""Three."""\n',
    "d": "FOUR = 4\n",
    "e": "FIVE = 5\n",
}

Digest = Callable[..., str]


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Digest:
    """The digest of ``made.a``, with other sources for some modules of the package."""
    numbers = count()

    def made(beside: tuple[str, ...] = (), **changed: str) -> str:
        folder = tmp_path / str(next(numbers)) / "made"
        folder.mkdir(parents=True)
        for name, source in (_SOURCES | changed).items():
            (folder / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(folder.parent)
        return code_digest("made.a", beside=beside)

    return made


def test_the_same_code_has_the_same_digest(digest: Digest) -> None:
    """In whatever folder it lies."""
    assert digest() == digest()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a", "from .b import two  # a comment\n\nimport made.d\n"),
        (
            "b",
            'def two():\n    """Other."""\n    from made.c import THREE\n    return (THREE - 1)',
        ),
        ("c", "THREE = 3\n"),
        ("e", "FIVE = 6\n"),
    ],
)
def test_words_and_layout_do_not_count(digest: Digest, name: str, source: str) -> None:
    """Nor do modules that are not imported."""
    assert digest(**{name: source}) == digest()


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("a", "from .b import two\nimport made.d\nONE = 1\n"),
        ("b", "def two():\n    from made.c import THREE\n    return THREE - 2\n"),
        ("c", "THREE = 4\n"),
        ("d", 'FOUR = "four"\n'),
    ],
)
def test_code_counts_wherever_it_is_imported_from(digest: Digest, name: str, source: str) -> None:
    """By a relative import, by one inside a function, and by a plain one."""
    assert digest(**{name: source}) != digest()


def test_what_does_not_matter_can_be_named(digest: Digest) -> None:
    """The module, and what it alone imports, is not followed."""
    beside = ("made.b",)
    assert digest(beside, b="def two(): return 2", c="THREE = 4") == digest(beside)
    assert digest(beside, d="FOUR = 5") != digest(beside)


def test_a_module_that_is_not_there_is_an_error() -> None:
    """A cache that names a module by a wrong name would otherwise never notice a change."""
    with pytest.raises(ValueError, match=r"train\.nothing: no module"):
        code_digest("train.nothing")
