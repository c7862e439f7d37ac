"""The report comes from the JSON alone and compares the run with the goals."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import DOCS, NAME, main
from bench.goals import GOALS, outcomes
from bench.report import markdown, sections
from testkit.brokers import program


def test_the_page_in_the_documents_is_that_of_its_json() -> None:
    """No figure is typed by hand: `python -m bench --render docs/benchmarks.json --out docs`."""
    run = json.loads((DOCS / f"{NAME}.json").read_text("utf-8"))
    assert (DOCS / f"{NAME}.md").read_text("utf-8") == markdown(run)


def test_every_part_of_the_run_in_the_documents_has_a_section() -> None:
    """So have the goals, at most six of which were not measured."""
    run = json.loads((DOCS / f"{NAME}.json").read_text("utf-8"))
    assert len(list(sections(run))) == len(run["parts"]) + 1
    assert len(list(outcomes(run["parts"]))) >= len(GOALS) - 6


def test_goals_are_compared_with_their_measurements() -> None:
    """A measurement on its bound meets the goal, and goals without one are left out."""
    parts: dict[str, Any] = {
        "live": {"idle": {"cpu_percent": 0.4}, "speech": {"cpu_percent": 1.2, "rss_mb": 80.0}},
        "start": {"ready_s": {"median": 0.71}},
    }
    found = {each.title: (each.value, each.bound, each.is_met) for each in outcomes(parts)}
    assert found == {
        "serd run in silence, % of a core": (0.4, "≤ 0.5", True),
        "serd run on speech, % of a core": (1.2, "≤ 1", False),
        "resident memory on speech, MB": (80.0, "≤ 80", True),
        "start to READY, s": (0.71, "≤ 0.7", False),
    }


def test_an_unknown_part_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 2, and the error lists the parts."""
    assert main(["speed"]) == 2
    assert "no part 'speed', expected some of: pipeline, stages" in caplog.text


def test_an_unknown_commit_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Exit code 2, and the error has the option and the commit."""
    assert main(["size", "--quick", "--before", "no-such-commit"]) == 2
    assert "--before no-such-commit" in caplog.text


def test_one_part_is_measured_and_written_to_the_given_folder(
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
