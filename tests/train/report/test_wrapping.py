"""Long lines of a page are wrapped, and Markdown means the same."""

from train.report.wrapping import wrapped

_LONG = " ".join(["word"] * 60)


def test_text_is_wrapped_and_all_else_left_alone() -> None:
    """A list item goes on under its text; a table, a heading and a picture stay on one line."""
    page = f"# {_LONG}\n\n{_LONG}\n\n- {_LONG}\n\n| {_LONG} |\n![{_LONG}](a.png)\n"
    lines = wrapped(page).split("\n")
    assert [line for line in lines if len(line) > 125] == [
        f"# {_LONG}",
        f"| {_LONG} |",
        f"![{_LONG}](a.png)",
    ]
    first = next(index for index, line in enumerate(lines) if line.startswith("- "))
    assert lines[first + 1].startswith("  word")
    assert " ".join(" ".join(lines).split()) == " ".join(page.split())


def test_what_is_wrapped_stays_as_it_is() -> None:
    """A page that is written again is the same."""
    assert wrapped(wrapped(_LONG)) == wrapped(_LONG)
