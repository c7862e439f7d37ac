"""The README agrees with the code, the model and the files."""

import re
from pathlib import Path

from make_accuracy import README, with_accuracy

from serd.events.event import Event
from serd.model.runtime import TfliteModel

ROOT = Path(__file__).parents[2]


def test_the_accuracy_is_the_shipped_models(real_model: TfliteModel) -> None:
    """No figure is typed by hand: `python scripts/make_accuracy.py` writes the section from the card."""
    text = README.read_text("utf-8")
    assert with_accuracy(text, real_model.card) == text


_LEFT_OUT = {"file", "replayed", "provisional"}
"""Fields that most events lack."""


def test_the_example_event_has_the_fields_of_an_event() -> None:
    """The example in the README has every field of an ordinary event, in order."""
    block = re.search(r"```json\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block is not None
    fields = re.findall(r'^  "(\w+)":', block[1], re.MULTILINE)
    assert fields == [name for name in Event.__dataclass_fields__ if name not in _LEFT_OUT]


def test_links_have_targets() -> None:
    """Every relative link in the documents names an existing file."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    for document in documents:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text("utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"


def test_files_that_the_documents_name_exist() -> None:
    """A path in a document, written as code, is the path of a file or folder."""
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    folders = "serd|train|bench|testkit|tests|scripts|systemd|models|docs"
    for document in documents:
        for path in re.findall(rf"`((?:{folders})/[\w./-]+\.\w+)`", document.read_text("utf-8")):
            assert (ROOT / path).exists(), f"{document}: {path}"
