"""A table reads well as Markdown."""

from train.tables import Table, markdown


def test_numbers_stand_to_the_right_and_bars_stay_in_their_cell() -> None:
    """A column of numbers may have empty cells; a bar is escaped."""
    table = Table(columns=("run", "UAR"), rows=(("a|b", "0.500"), ("c", "")))
    assert markdown(table) == "| run | UAR |\n| --- | ---: |\n| a\\|b | 0.500 |\n| c |  |"


def test_a_table_without_rows_has_its_head() -> None:
    """Names of columns and the rule below them, with nothing behind."""
    assert markdown(Table(columns=("run",), rows=())) == "| run |\n| --- |"
