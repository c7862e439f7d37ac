"""The page when answers come late, in another order, or not at all.

Its modules run in Node.js, with as much of a browser as ``browser.js`` has; ``scripts/check_web.py``
uses a real one.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from serd.publishers.web.assets import assets
from testkit.brokers import DEADLINE_S

NODE: Final = shutil.which("node")
BROWSER: Final = Path(__file__).with_name("browser.js")
Run = Callable[..., Any]

pytestmark = pytest.mark.skipif(NODE is None, reason="needs Node.js")


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a script beside the modules of the page, and returns what it tells."""
    (tmp_path / "static").mkdir()
    for name, asset in assets().items():
        (tmp_path / "static" / name).write_bytes(asset.plain)
    (tmp_path / "package.json").write_text('{"type": "module"}')
    shutil.copy(BROWSER, tmp_path)

    def run(script: str, zone: str = "Europe/Berlin") -> Any:  # noqa: ANN401
        (tmp_path / "test.js").write_text(f'import * as browser from "./browser.js";\n{script}')
        assert NODE is not None
        done = subprocess.run(
            [NODE, "--no-warnings", "test.js"],
            cwd=tmp_path,
            env={**os.environ, "TZ": zone},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


class TestTimeline:
    """The hour, the day or the week that is shown."""

    def test_reaches_each_day_when_the_clock_changes(self, run: Run) -> None:
        """In steps of a day, over days of 23 and 25 hours, back and forth."""
        days = run("""
            import { endBeside, spanUntil } from "./static/spans.js";
            const name = (end) => new Date(spanUntil("day", end).since).getDate();
            const walk = (end, direction) => Array.from({ length: 4 }, () => {
              const day = name(end);
              end = endBeside("day", end, direction);
              return day;
            });
            const noon = (day) => Date.parse(`${day}T12:00+01:00`);
            browser.tell([walk(noon("2026-10-26"), -1), walk(noon("2026-03-27"), 1)]);
        """)
        assert days == [[26, 25, 24, 23], [27, 28, 29, 30]]

    def test_has_a_column_for_each_day_of_a_week(self, run: Run) -> None:
        """Each begins at midnight, in the week of the change too."""
        starts = run("""
            import { columnStarts, spanUntil } from "./static/spans.js";
            const { since, until } = spanUntil("week", Date.parse("2026-10-28T12:00+01:00"));
            const starts = columnStarts("week", since, until).map((each) => new Date(each));
            browser.tell(starts.map((each) => [each.getDate(), each.getHours()]));
        """)
        assert starts == [[day, 0] for day in range(22, 29)]

    def test_shows_what_was_chosen_last(self, run: Run) -> None:
        """A late answer to an earlier choice is dropped."""
        columns = run("""
            const { setTimelineSource, startTimeline } = await import("./static/timeline.js");
            const answer = (request) => {
              const query = new URLSearchParams(request.path.split("?")[1]);
              const [since, until, part_s] = ["since", "until", "part_s"].map((each) => query.get(each));
              const n = (Date.parse(until) - Date.parse(since)) / 1000 / part_s;
              return request.answer({ since, until, part_s, parts: Array(n).fill({}), absences: [] });
            };
            const { element } = browser;
            const press = (zoom) => {
              const buttons = element("timeline-zoom").children;
              buttons.find((each) => each.dataset.zoom === zoom).dispatchEvent(new Event("click"));
            };
            startTimeline();
            setTimelineSource("mic");
            press("week");
            press("hour");
            const [day, week, hour] = browser.requests;
            for (const each of [hour, week, day]) await answer(each);
            const [columns] = element("shares").children;
            browser.tell([element("shares-title").textContent, columns.children.length]);
        """)
        assert columns == ["Speech by emotion, for each five minutes", 12]
