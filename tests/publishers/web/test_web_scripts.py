"""The page when answers come late, in another order, or not at all.

Its modules run in Node.js, with as much of a browser as ``browser.js`` has; ``scripts/check_web.py``
uses a real one.
"""

import inspect
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from serd.publishers.web import app
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
            await browser.until(() => browser.request("state"));
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
              await browser.until(() => browser.request("state"));
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


class TestSettings:
    """Changes in the form are kept until they are saved, and no success is told before."""

    START: Final = """
        const { start } = await import("./static/feed.js");
        const { redrawSettings, startSettings } = await import("./static/settings.js");
        const common = { about: "", choices: [], origin: "", is_own: false, is_fixed: false };
        const field = (key, kind, value) => ({ key, kind, value, ...common });
        const part = (section, is_new, ...fields) => (
          { section, name: "", is_new, is_own: false, may_change: true, about: "", fields }
        );
        const sections = [
          part("smoothing", false, field("threshold", "number", 0)),
          part("alert", true, field("name", "text", ""), field("when", "text", "angry >= 0.5")),
        ];
        const described = { tag: "1", file: "page.toml", sections };
        const element = browser.element;
        const edit = (id, value, kind = "change") => {
          element(id).value = value;
          element(id).dispatchEvent(new Event(kind));
        };
        const result = () => element("settings-result").textContent;
        const answer = (words, ...args) => browser.request(words).answer(...args);
        start();
        startSettings();
        await answer("settings", described);
        edit("set-smoothing--threshold", "0.6");
    """

    def test_a_save_that_fails_late_is_no_success(self, run: Run) -> None:
        """The changes are still there, and the reason is told."""
        got = run(
            self.START
            + """
            element("difference-save").onclick();
            await answer("log", { lines: [] });
            await answer("session", { token: "x" });
            browser.streams[0].send("reload", {});
            await browser.settle();
            const early = result();
            await browser.request("settings").fail();
            const count = element("settings-count").textContent;
            browser.tell([early, result(), count, browser.requests.length]);
        """
        )
        assert got == ["", "Not changed: serd does not answer.", "Changes: 1", 0]

    @pytest.mark.parametrize(
        ("is_reloaded", "lines", "words"),
        [
            ("true", "[]", "Saved and applied."),
            ("false", '[["error", 1, "no model"]]', "Saved, but not all of it is applied: no model"),
            ("true", '[["error", 0, "of before"]]', "Saved and applied."),
        ],
    )
    def test_success_is_what_serd_confirms(
        self, run: Run, is_reloaded: str, lines: str, words: str
    ) -> None:
        """By its reload; what its log has since the save is told, by the clock of its machine."""
        got = run(
            self.START
            + f"""
            const time = (s) => new Date(1000 * s).toISOString();
            const line = ([level, s, text]) => ({{ level, text, time: time(s) }});
            element("difference-save").onclick();
            await answer("log", {{ lines: [line(["info", 0, "start"])] }});
            await answer("session", {{ token: "x" }});
            if ({is_reloaded}) browser.streams[0].send("reload", {{}});
            await answer("settings", {{ saved: true }});
            await answer("log", {{ lines: {lines}.map(line) }});
            await answer("settings", described);
            browser.tell([result(), element("settings-bar").hidden]);
        """
        )
        assert got == [words, True]

    def test_a_conflict_loses_no_change(self, run: Run) -> None:
        """The difference to the settings as they are now is shown in its place."""
        got = run(
            self.START
            + """
            element("settings-review").onclick();
            await answer("session", { token: "x" });
            await answer("settings", { error: "changed meanwhile" }, 409);
            await answer("settings", { ...described, tag: "2" });
            await answer("session", { token: "x" });
            const { body } = browser.request("settings");
            await answer("settings", { difference: ["+threshold = 0.6"] });
            const { value } = element("set-smoothing--threshold");
            browser.tell([body.tag, body.changes[0].value, element("difference").isOpen, value]);
        """
        )
        assert got == ["2", 0.6, True, "0.6"]

    def test_changes_outlive_a_closed_card_and_another_language(self, run: Run) -> None:
        """A new alert as well; what is dropped does not come back with the next one."""
        got = run(
            self.START
            + """
            edit("set-alert-new", "rage", "input");
            edit("set-alert-new-when", "sad >= 0.9");
            const details = element("settings-details");
            details.open = true;
            details.ontoggle();
            redrawSettings();
            const kept = ["set-alert-new", "set-alert-new-when"].map((each) => element(each).value);
            kept.push(element("settings-count").textContent);
            element("settings-drop").onclick();
            await answer("settings", described);
            edit("set-alert-new", "tears", "input");
            element("settings-review").onclick();
            await answer("session", { token: "x" });
            browser.tell([...kept, browser.request("settings").body.changes]);
        """
        )
        assert got[:3] == ["rage", "sad >= 0.9", "Changes: 2"]
        assert got[3] == [{"section": "alert", "name": "tears", "key": "when", "value": "angry >= 0.5"}]


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


@pytest.mark.parametrize(
    ("status", "reason", "words"),
    [
        (403, "the password is wrong", "The password is wrong."),
        (403, "serd does not know the proxy", "Not logged in: serd does not know the proxy"),
        (429, "too many attempts", "Too many attempts. Wait a minute."),
    ],
)
def test_a_refused_log_in_says_why(run: Run, status: int, reason: str, words: str) -> None:
    """Not each refusal is that of the password."""
    got = run(f"""
        await import("./static/login.js");
        browser.element("log-in").dispatchEvent(new Event("submit"));
        await browser.request("login").answer({{ error: "{reason}" }}, {status});
        browser.tell(browser.element("result").textContent);
    """)
    assert got == words


def test_the_page_knows_the_refusal_of_a_password() -> None:
    """By the words of the server."""
    (words,) = re.findall(r'WRONG = "(.+?)"', assets()["login.js"].plain.decode())
    assert f'HTTPException(403, "{words}")' in inspect.getsource(app)
