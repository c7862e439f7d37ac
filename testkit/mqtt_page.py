"""docs/mqtt.md, read by its headings, tables and code blocks."""

import re
from collections.abc import Iterator
from pathlib import Path

DOC = (Path(__file__).parent.parent / "docs" / "mqtt.md").read_text("utf-8")


def section(title: str) -> str:
    """The text under a heading, down to the next."""
    found = re.search(rf"^#+ {title}\n(.*?)(?=^#+ [A-Z]|\Z)", DOC, re.DOTALL | re.MULTILINE)
    assert found is not None, title
    return found[1]


def blocks(language: str, text: str = DOC) -> list[str]:
    """The contents of the code blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in a text, without heads."""
    for table in re.findall(r"((?:^\|.*\n)+)", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split(" | ")]


def words(cell: str) -> list[str]:
    """The names in backquotes."""
    return re.findall(r"`([^`]+)`", cell)


def first_column(title: str) -> list[str]:
    """The names in backquotes in the first column of the tables under a heading."""
    return [name for row in rows(section(title)) for name in words(row[0])]


def retained_names() -> set[str]:
    """The last level of each topic that the page calls retained."""
    names = {words(row[0])[0].rpartition(">/")[2]: row[1] for row in rows(section("Topics"))}
    return {name for name, cell in names.items() if cell.startswith("yes")}
