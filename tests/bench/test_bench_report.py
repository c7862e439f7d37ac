"""The report is made from the JSON alone, says who was left out, and holds the goals against the run."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench.__main__ import DOCS, NAME, main
from bench.goals import GOALS, verdicts
from bench.report import markdown, sections
from bench.table import Section, Table, draw, to_markdown
from bench.wording import number, with_spread
from testkit.brokers import program


def test_the_page_in_the_documents_is_that_of_its_json() -> None:
    """No figure is typed by hand: `python -m bench --render docs/benchmarks.json --out docs`."""
    run = json.loads((DOCS / f"{NAME}.json").read_text("utf-8"))
    assert (DOCS / f"{NAME}.md").read_text("utf-8") == markdown(run)


def test_every_part_of_the_run_in_the_documents_has_a_section() -> None:
    """And so have the goals, of which six at most were not measured."""
    run = json.loads((DOCS / f"{NAME}.json").read_text("utf-8"))
    assert len(list(sections(run))) == len(run["parts"]) + 1
    assert len(list(verdicts(run["parts"]))) >= len(GOALS) - 6


def test_goals_are_held_against_the_figures_and_those_not_measured_are_not_named() -> None:
    """A figure that lies on its bound has met the goal."""
    parts: dict[str, Any] = {
        "live": {"idle": {"cpu_percent": 0.4}, "speech": {"cpu_percent": 1.2, "rss_mb": 80.0}},
        "start": {"ready_s": {"median": 0.71}},
    }
    found = {each.what: (each.got, each.goal, each.is_met) for each in verdicts(parts)}
    assert found == {
        "serd run in silence, % of a core": (0.4, "≤ 0.5", True),
        "serd run on speech, % of a core": (1.2, "≤ 1", False),
        "resident memory on speech, MB": (80.0, "≤ 80", True),
        "start to READY, s": (0.71, "≤ 0.7", False),
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.01234, "0.0123"), (1.2345, "1.23"), (12.345, "12.3"), (1234.5, "1,234")],
)
def test_numbers_have_three_digits(value: float, text: str) -> None:
    """But for 0 and for thousands, which are whole and have a comma."""
    assert number(value) == text


def test_a_spread_is_shown_where_there_is_one() -> None:
    """Quartiles stand behind the median of several rounds, not behind a single figure."""
    figures = {"median": 2.0, "lower": 1.5, "upper": 3.0, "n": 5}
    assert with_spread(figures) == "2.00 (1.50–3.00)"  # noqa: RUF001
    assert with_spread(figures | {"n": 1}) == "2.00"


def test_a_section_is_the_same_on_the_page_and_on_the_terminal() -> None:
    """Title, text, table and notes are on both."""
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


def test_a_part_that_is_not_there_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 2, with the parts that there are."""
    assert main(["speed"]) == 2
    assert "no part 'speed', expected some of: pipeline, stages" in caplog.text


def test_an_unknown_commit_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 2, with the option and the commit."""
    assert main(["size", "--quick", "--before", "no-such-commit"]) == 2
    assert "--before no-such-commit" in caplog.text


def test_one_part_is_measured_and_written_where_it_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page is that of the JSON beside it and says that the run was quick."""
    assert program("mosquitto")
    assert main(["size", "--quick", "--out", str(tmp_path)]) == 0
    run = json.loads((tmp_path / f"{NAME}.json").read_text("utf-8"))
    assert run["parts"]["size"]["serd"]["bytes"] > 50_000_000
    assert (tmp_path / f"{NAME}.md").read_text("utf-8") == markdown(run)
    assert "A quick run" in markdown(run)
    assert "ai-edge-litert" in capsys.readouterr().out
