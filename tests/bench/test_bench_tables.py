"""Numbers, tables and sections read the same on the page and on the terminal."""

from io import StringIO

import pytest
from rich.console import Console

from bench.tables import Section, Table, draw, rounded, to_markdown, with_quartiles


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (12.345, "12.3"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """Except 0 and thousands, which are whole and have a comma."""
    assert rounded(value) == text


def test_repeated_measurements_have_quartiles() -> None:
    """Quartiles follow the median of several rounds, not a single measurement."""
    summary = {"median": 2.0, "lower": 1.5, "upper": 3.0, "n": 5}
    assert with_quartiles(summary) == "2.00 (1.50–3.00)"  # noqa: RUF001
    assert with_quartiles(summary | {"n": 1}) == "2.00"


def test_a_section_is_the_same_on_the_page_and_on_the_terminal() -> None:
    """Both hold title, text, table and notes."""
    table = Table(head=("what", "ms"), rows=(("one", "1.0"), ("two", "2.0")))
    section = Section(title="Things", about="Of some kind.", tables=[table], notes=["Left out, x: y."])
    assert to_markdown(section) == (
        "## Things\n\nOf some kind.\n\n| what | ms |\n| --- | ---: |\n| one | 1.0 |\n| two | 2.0 |\n\n"
        "- Left out, x: y.\n"
    )
    console = Console(width=60, record=True, file=StringIO())
    draw(section, console)
    shown = console.export_text()
    for text in ("Things", "Of some kind.", "one", "2.0", "Left out, x: y."):
        assert text in shown
