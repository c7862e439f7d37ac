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


class TestFeed:
    """The state that the page keeps."""

    def test_after_a_reload_comes_in_order(self, run: Run) -> None:
        """As the first message of a new stream, so that no older state replaces what follows."""
        got = run("""
            const { start, state } = await import("./static/feed.js");
            start();
            const whole = { version: "1", sources: [{ name: "mic", online: false }] };
            browser.streams[0].send("state", whole, "run-1");
            browser.streams[0].send("reload", {}, "run-2");
            browser.streams[0].send("source", { name: "mic", online: true }, "run-3");
            const early = state.sources[0].online;
            browser.streams[1].send("state", whole, "run-3");
            browser.streams[1].send("source", { name: "mic", online: true }, "run-4");
            const { path } = browser.streams[1];
            browser.tell([path, early, state.sources[0].online, browser.requests.length]);
        """)
        assert got == ["api/v1/events", False, True, 0]

    def test_is_not_read_while_the_page_is_hidden(self, run: Run) -> None:
        """Nor by an attempt that was under way when it was hidden."""
        n_streams = run("""
            const { start } = await import("./static/feed.js");
            start();
            browser.streams[0].readyState = 2;
            browser.streams[0].onerror();
            await new Promise((done) => setTimeout(done, 1100));
            document.hidden = true;
            document.dispatchEvent(new Event("visibilitychange"));
            await browser.request("state").fail();
            browser.tell(browser.streams.length);
        """)
        assert n_streams == 1

    def test_tells_once_that_serd_is_away(self, run: Run) -> None:
        """Not at each attempt, since screen readers say each change."""
        told = run("""
            const { on, start, state } = await import("./static/feed.js");
            const told = [];
            on("connection", (each) => told.at(-1) === each || told.push(each));
            start();
            for (const n of [0, 1]) {
              browser.streams[n].readyState = 2;
              browser.streams[n].onerror();
              await new Promise((done) => setTimeout(done, 1100));
              await browser.request("state").fail();
            }
            browser.streams[2].onopen();
            browser.tell([...told, state.connection]);
        """)
        assert told == ["away", "live", "live"]

    def test_of_another_version_loads_the_page_again(self, run: Run) -> None:
        """Modules of two versions do not work together."""
        assert run("""
            const { start } = await import("./static/feed.js");
            start();
            const reloads = ["1", "1", "2"].map((version) => {
              browser.streams[0].send("state", { version, sources: [] });
              return browser.page.nReloads;
            });
            browser.tell(reloads);
        """) == [0, 0, 1]

    def test_an_answer_of_a_proxy_is_told_in_words(self, run: Run) -> None:
        """Not as an error of the JSON parser."""
        assert (
            run("""
            const { ask } = await import("./static/feed.js");
            const asked = ask("state").catch((error) => browser.tell(error.message));
            const json = async () => JSON.parse("<html>");
            browser.request("state").resolve({ status: 502, ok: false, json });
            await asked;
        """)
            == "serd does not answer."
        )


class TestAlerts:
    """The alerts of a source, and when they turned on or off."""

    def test_are_those_of_the_source_at_once(self, run: Run) -> None:
        """A change comes with the stream, and no request can bring that of another source late."""
        got = run("""
            const { start, state } = await import("./static/feed.js");
            const { drawAlerts, loadPast } = await import("./static/past.js");
            start();
            const sources = ["mic", "door"].map((name) => ({ name, alerts: { rage: false } }));
            browser.streams[0].send("state", { version: "1", sources });
            const shown = () => browser.element("alerts").textContent;
            drawAlerts(state.sources[0]);
            const unknown = shown();
            const time = new Date().toISOString();
            browser.streams[0].send("alert", { time, source: "mic", name: "rage", on: true });
            drawAlerts(state.sources[0]);
            const mic = shown();
            loadPast();
            await browser.request("history").fail();
            await browser.request("alerts").answer({ changes: [] });
            drawAlerts(state.sources[1]);
            const reason = browser.element("utterances-result").textContent;
            browser.tell([unknown, mic.includes("rage turned on"), shown(), reason]);
        """)
        assert got == [
            "rageoff",
            True,
            "rageoffNone has turned on since the start.",
            "serd does not answer.",
        ]


def test_times_of_other_days_have_a_date(run: Run) -> None:
    """A page may be open for weeks, and a history go back for months."""
    got = run("""
        const { ago, when } = await import("./static/texts.js");
        const date = new Date();
        date.setHours(21, 4, 5);
        const today = when(date);
        date.setDate(date.getDate() - 7);
        browser.tell([today, /\\d+, 21:04$/.test(when(date)), ago(3 * 86400)]);
    """)
    assert got == ["21:04:05", True, "3 days ago"]


class TestControls:
    """The fields of the controls show what the daemon has confirmed."""

    START: Final = """
        const { start, state } = await import("./static/feed.js");
        const { drawControls } = await import("./static/controls.js");
        start();
        const source = { name: "mic", controls: { mute: false, threshold: 0, cooldown_s: 7 } };
        browser.streams[0].send("state", { version: "1", sources: [source] });
        drawControls(state.sources[0]);
        const cooldown = browser.element("cooldown");
        const type = (value, kind) => {
          cooldown.value = value;
          cooldown.dispatchEvent(new Event(kind));
        };
    """

    def test_a_refused_value_is_replaced(self, run: Run) -> None:
        """By the one in force, with the reason beside it."""
        got = run(
            self.START
            + """
            type("99999", "input");
            type("99999", "change");
            await browser.request("session").answer({ token: "x" });
            const waiting = cooldown.value;
            await browser.request("controls").answer({ error: "expected a number" }, 400);
            browser.tell([waiting, cooldown.value, browser.element("controls-result").textContent]);
        """
        )
        assert got == ["99999", 7, "Not changed: expected a number"]

    def test_a_change_from_elsewhere_is_shown(self, run: Run) -> None:
        """Also if the field has the focus, but not while somebody types in it."""
        got = run(
            self.START
            + """
            document.activeElement = cooldown;
            const become = (cooldown_s) => {
              state.sources[0].controls.cooldown_s = cooldown_s;
              drawControls(state.sources[0]);
              return cooldown.value;
            };
            const shown = [become(8)];
            type("9", "input");
            shown.push(become(10));
            cooldown.dispatchEvent(new Event("blur"));
            await browser.settle();
            browser.tell([...shown, cooldown.value]);
        """
        )
        assert got == [8, "9", 10]


class TestNow:
    """What is shown of the present."""

    def test_is_unknown_while_serd_is_away(self, run: Run) -> None:
        """Nobody speaks on for hours after serd has ended."""
        got = run("""
            const { start, state } = await import("./static/feed.js");
            const { drawLevel, drawVoice } = await import("./static/now.js");
            const mic = { online: true, speaking: true, level_dbfs: -20, controls: { mute: false } };
            const shown = () => {
              drawVoice(mic);
              drawLevel(mic);
              return ["voice-text", "meter-value"].map((each) => browser.element(each).textContent);
            };
            start();
            browser.streams[0].onopen();
            const live = shown();
            browser.streams[0].onerror();
            browser.tell([live, shown()]);
        """)
        assert got == [
            ["Somebody speaks", "-20 dBFS"],
            ["Not known: serd does not answer", "unknown"],
        ]

    def test_has_the_accuracy_of_the_present_model(self, run: Run) -> None:
        """The default model and the tiny one of a release have the same version."""
        got = run("""
            const { refreshSystem } = await import("./static/system.js");
            const asked = [];
            for (const name of ["serd", "serd-tiny", "serd-tiny"]) {
              refreshSystem();
              await browser.request("state").answer({ model: { name, version: "1" } });
              await browser.request("log").answer({ lines: [] });
              asked.push(Boolean(browser.request("model")));
              await browser.request("model")?.answer({ name, version: "1", labels: ["sad"] });
            }
            browser.tell(asked);
        """)
        assert got == [True, True, False]
