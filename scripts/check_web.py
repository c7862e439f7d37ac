"""Uses the page in a real browser, as a person does, against a daemon that hears speech at its own pace.

The speech is played into a virtual microphone of PulseAudio, or read from the bundled recording if
PulseAudio is not installed.

Debian's Chromium is driven by Playwright (pip install playwright; apt-get install chromium). With --axe
the rules of axe-core are checked as well (npm install axe-core; the file is axe.min.js). The exit code
is 1 if anything is not as it should be.

    python scripts/check_web.py --axe node_modules/axe-core/axe.min.js --shots screenshots
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from web_forms import check_settings, check_sound, open_settings, open_sound, until

from serd.audio.demo import DEMO_PATH
from serd.publishers.web.access import hash_password
from testkit.brokers import free_port, wait_until
from testkit.daemons import Daemon, serd
from testkit.pulse import PulseAudio, missing_program, virtual_microphone

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM: Final = "/usr/bin/chromium"
WIDTHS: Final = (360, 1280, 2560)
SCHEMES: Final = ("light", "dark")
MOST_DELAY_MS: Final = 200.0
MOST_FIRST_VIEW_MS: Final = 300.0
N_FIRST_VIEWS: Final = 9
DEADLINE_MS: Final = 20_000
WATCH_S: Final = 45.0
PASSWORD: Final = "correct horse"  # noqa: S105
_SETTINGS: Final = """
[web]
enabled = true
port = {port}
host = "{host}"
password_hash = "{password_hash}"
names = "{names}"

[history]
enabled = true

[clips]
enabled = true
max_clips = 500

[report]
stats_s = 5

[mqtt]
enabled = false

[[alert]]
name = "any"
when = "uncertain + angry >= 0.15"
min_speech_s = 1
"""
_OBSERVER: Final = """
    window.seen = []; window.isOriginal = true;
    addEventListener('DOMContentLoaded', () => {
        const verdict = document.getElementById('verdict');
        if (!verdict) return;
        new MutationObserver(() => seen.push([verdict.dataset.event, Date.now()]))
            .observe(verdict, {attributes: true, attributeFilter: ['data-event']});
    });
"""


class Checks:
    """Prints each check with its figure, and counts those that failed."""

    def __init__(self) -> None:
        self.n_failed = 0

    def __call__(self, what: str, *, is_fine: object, figure: object = "") -> None:
        """Print a check."""
        self.n_failed += not is_fine
        print(f"{'ok  ' if is_fine else 'FAIL'}  {what:<58} {figure}", flush=True)


@contextmanager
def running(
    folder: Path, port: int, microphone: PulseAudio | None = None, **values: str
) -> Iterator[Daemon]:
    """A daemon that hears the bundled recording, with the page on a port."""
    defaults = {"host": "127.0.0.1", "password_hash": "", "names": ""}
    path = folder / "serd.toml"
    path.write_text(_SETTINGS.format(port=port, **(defaults | values)))
    source = "demo" if microphone is None else "pulse"
    extra = {} if microphone is None else microphone.variables
    command = ("run", "--config", path, "--source", source, "--json")
    with serd(*command, home=folder, extra=extra) as daemon:
        daemon.wait_for_log("page on")
        yield daemon


@contextmanager
def speech() -> Iterator[PulseAudio | None]:
    """A microphone into which the recording is played again and again; None without PulseAudio."""
    if missing := missing_program():
        print(f"without a microphone, since {missing} is not installed")
    with virtual_microphone() if not missing else nullcontext() as microphone:
        ended = threading.Event()

        def play() -> None:
            while microphone is not None and not ended.is_set():
                microphone.play(DEMO_PATH)

        player = threading.Thread(target=play)
        player.start()
        try:
            yield microphone
        finally:
            ended.set()
            player.join()


def clock_events(daemon: Daemon, ended: threading.Event) -> dict[str, float]:
    """When the daemon printed each event, in ms since 1970; filled in a thread until the end."""
    printed_ms: dict[str, float] = {}

    def follow() -> None:
        n_read = 0
        while not ended.wait(0.002):
            while n_read < len(daemon.output):
                printed_ms[json.loads(daemon.output[n_read])["id"]] = time.time() * 1000.0
                n_read += 1

    threading.Thread(target=follow, daemon=True).start()
    return printed_ms


def check_view(page: "Page", url: str, checks: Checks) -> None:
    """The first view, what it asks for, and that it moves."""
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: problems.append(message.text))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(url)
    page.wait_for_selector("[data-state=live]")
    until(page, "document.querySelector('#verdict').dataset.event")
    levels = set()
    for _ in range(40):
        levels.add(page.get_attribute("#meter", "aria-valuenow"))
        page.wait_for_timeout(200)
    checks("the level moves", is_fine=len(levels) > 3, figure=f"{len(levels)} values in 8 s")
    foreign = [each for each in asked if not each.startswith(url)]
    checks("no request to another host", is_fine=not foreign, figure=f"{len(asked)} requests")
    checks("nothing in the console", is_fine=not problems, figure=problems[:3] or "")


def check_first_view(browser: "Browser", url: str, checks: Checks) -> None:
    """How soon a browser without anything in its cache shows the page."""
    times_ms = []
    for _ in range(N_FIRST_VIEWS):
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        page.wait_for_selector("#connection[data-state=live]")
        paint = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
        times_ms.append(page.evaluate(paint))
        context.close()
    median_ms = statistics.median(times_ms)
    checks(
        "first view, empty cache",
        is_fine=median_ms < MOST_FIRST_VIEW_MS,
        figure=f"median {median_ms:.0f} ms, most {max(times_ms):.0f} ms",
    )


def check_delay(page: "Page", printed_ms: dict[str, float], checks: Checks) -> None:
    """How long after the event the page shows it."""
    page.wait_for_timeout(WATCH_S * 1000.0)
    seen = page.evaluate("seen")
    delays = sorted(at_ms - printed_ms[each] for each, at_ms in seen if each in printed_ms)
    figure = f"{len(delays)} events, median {delays[len(delays) // 2]:.0f} ms, most {delays[-1]:.0f} ms"
    checks("events are shown at once", is_fine=delays[-1] < MOST_DELAY_MS, figure=figure)
    rows = page.locator("#utterances tbody tr").count()
    checks("utterances are listed", is_fine=rows >= 5, figure=f"{rows} rows")
    trail = page.locator("#plane circle").count()
    checks("the plane has a trail", is_fine=trail >= 5, figure=f"{trail} dots")
    checks("the mood is there", is_fine=page.locator("#mood .piece").count() >= 3)
    page.wait_for_selector(".alert.is-on", timeout=DEADLINE_MS)
    checks("the alert is on", is_fine=page.locator(".alert.is-on").count() == 1)
    checks("the timeline has colours", is_fine=page.locator("#shares .piece").count() >= 1)
    checks("the log has lines", is_fine=page.locator("#log li").count() >= 1)
    system = page.inner_text("#system")
    checks("model and memory are told", is_fine="12.5 %" in system and "MB" in system)


def check_controls(page: "Page", url: str, checks: Checks) -> None:
    """Every control does what it says, and the daemon has it."""

    def controls() -> dict[str, Any]:
        page.wait_for_timeout(100)  # or it would be too many requests
        return page.request.get(f"{url}api/v1/state").json()["sources"][0]["controls"]

    def check(what: str, condition: Callable[[], object]) -> None:
        try:
            wait_until(condition, what)
            checks(what, is_fine=True)
        except AssertionError:
            checks(what, is_fine=False, figure=controls())

    page.click("#mute")
    check("mute", lambda: controls()["mute"] and page.get_attribute("#mute", "aria-checked") == "true")
    page.wait_for_selector("#voice[data-state=muted]")
    page.click("#mute")
    check("unmute", lambda: not controls()["mute"])
    page.focus("#threshold")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    check("threshold by keyboard", lambda: abs(controls()["threshold"] - 0.15) < 1e-6)
    page.focus("#threshold")
    page.keyboard.press("Home")
    check("threshold of the model", lambda: controls()["threshold"] == 0)
    page.fill("#cooldown", "7")
    page.keyboard.press("Tab")
    check("cooldown", lambda: controls()["cooldown_s"] == 7)
    page.fill("#cooldown", "99999")
    page.keyboard.press("Tab")
    until(page, "/expected a number/.test(document.querySelector('#controls-result').innerText)")
    checks("a wrong value is refused with its reason", is_fine=controls()["cooldown_s"] == 7)
    page.fill("#cooldown", "0")
    page.keyboard.press("Tab")
    check("no cooldown", lambda: controls()["cooldown_s"] == 0)
    for answer, words in (("no", ""), ("yes", "Voices are forgotten.")):
        page.click("#forget")
        page.click(f"#sure button[value={answer}]")
        if words:
            wait_for_result(page, words)
    log = page.request.get(f"{url}api/v1/log").json()["lines"]
    n_resets = sum("was reset" in line["text"] for line in log)
    checks("forget voices, once asked", is_fine=n_resets == 1, figure=f"{n_resets} in the log")
    for zoom in ("hour", "week", "day"):
        page.click(f"[data-zoom={zoom}]")
        page.wait_for_timeout(400)
        checks(f"timeline of the {zoom}", is_fine=page.locator(".columns .column").count() > 6)
    page.click("#earlier")
    until(page, "!document.querySelector('#later').disabled")
    page.click("#present")
    until(page, "document.querySelector('#later').disabled")
    checks("earlier and back", is_fine=True)
    page.select_option("#language", "de")
    checks("German", is_fine=page.inner_text("#now-title") == "Jetzt")
    page.select_option("#language", "en")


def wait_for_result(page: "Page", words: str) -> None:
    """Wait for the line below the controls."""
    page.locator("#controls-result", has_text=words).wait_for()


def check_keyboard(page: "Page", checks: Checks) -> None:
    """Tab reaches everything that can be used; muted, since a list that grows has ever new elements."""
    page.click("#mute")
    page.wait_for_selector("#voice[data-state=muted]")
    page.wait_for_timeout(1000)
    wanted = page.evaluate(
        "(window.wanted = [...document.querySelectorAll('a[href],button,input,select,summary,"
        '[tabindex="0"]\')].filter(e => e.checkVisibility() && !e.disabled)).length'
    )
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0); window.reached = new Set()")
    for _ in range(wanted + 10):
        page.keyboard.press("Tab")
        page.evaluate("reached.add(document.activeElement)")
    missed = page.evaluate(
        "wanted.filter(e => e.isConnected && !reached.has(e)).map(e => e.id || e.outerHTML.slice(0, 60))"
    )
    checks("Tab reaches all", is_fine=not missed, figure=missed or f"{wanted} elements")
    page.click("#mute")
    page.wait_for_selector("#voice:not([data-state=muted])")


def check_looks(browser: "Browser", url: str, axe: str, shots: Path | None, checks: Checks) -> None:
    """Widths, schemes, languages and rules of access."""
    for width in WIDTHS:
        for scheme in SCHEMES:
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                locale="de" if scheme == "dark" else "en",
                reduced_motion="reduce",
                bypass_csp=bool(axe),
            )
            page = context.new_page()
            page.goto(url)
            page.wait_for_selector("#utterances td")
            page.wait_for_timeout(2500)
            wide = page.evaluate("document.documentElement.scrollWidth")
            moving = page.evaluate("document.getAnimations().length")
            what = f"{width} px, {scheme}"
            checks(f"{what}: fits, and nothing moves", is_fine=wide <= width and not moving, figure=wide)
            if axe:
                page.evaluate(axe)
            check_rules(page, axe, what, checks)
            if shots:
                page.screenshot(path=shots / f"{width}-{scheme}.png", full_page=True)
            open_sound(page)
            check_rules(page, axe, f"{what}, sound", checks)
            if shots:
                page.screenshot(path=shots / f"{width}-{scheme}-sound.png")
            page.click("#heard-close")
            open_settings(page)
            check_rules(page, axe, f"{what}, settings", checks)
            if shots:
                page.locator("#set-smoothing--threshold").scroll_into_view_if_needed()
                page.screenshot(path=shots / f"{width}-{scheme}-settings.png")
            context.close()


def check_rules(page: "Page", axe: str, what: str, checks: Checks) -> None:
    """The rules of axe-core, and that nothing is wider than the window."""
    found = page.evaluate("axe.run().then(r => r.violations.map(v => v.id))") if axe else []
    wide, width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    checks(f"{what}: rules of access", is_fine=not found and wide <= width, figure=found or "")


def check_restart(
    page: "Page", folder: Path, microphone: PulseAudio | None, daemon: Daemon, checks: Checks
) -> None:
    """The page finds a restarted daemon by itself."""
    port = int(page.url.rpartition(":")[2].rstrip("/"))
    daemon.stop()
    page.wait_for_selector("#connection[data-state=away]", timeout=DEADLINE_MS)
    checks("a stopped daemon is told", is_fine=True)
    page.wait_for_timeout(4000)
    with running(folder, port, microphone):
        started_s = time.monotonic()
        page.wait_for_selector("#connection[data-state=live]", timeout=DEADLINE_MS)
        took_s = time.monotonic() - started_s
        page.evaluate("seen.length = 0")
        until(page, "seen.length > 1")
        checks("back without a reload", is_fine=page.evaluate("isOriginal"), figure=f"{took_s:.1f} s")


def check_password(browser: "Browser", folder: Path, checks: Checks) -> None:
    """From another address, below a path of a proxy."""
    port, proxy_port = free_port(), free_port()
    values = {"host": "0.0.0.0", "password_hash": hash_password(PASSWORD)}
    with running(folder, port, **values), proxied(proxy_port, port, "/serd"):
        page = browser.new_context(locale="en").new_page()
        page.goto(f"http://127.0.0.1:{proxy_port}/serd/")
        page.fill("#password", "wrong one")
        page.keyboard.press("Enter")
        until(page, "document.querySelector('#result').innerText === 'The password is wrong.'")
        page.fill("#password", PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_selector("#connection[data-state=live]", timeout=DEADLINE_MS)
        checks("log in, below a path", is_fine=page.is_visible("#log-out"))
        (cookie,) = page.context.cookies()
        is_strict = cookie["httpOnly"] and cookie["sameSite"] == "Strict" and cookie["path"] == "/serd/"
        checks("the cookie is strict", is_fine=is_strict)
        page.click("#mute")
        page.wait_for_selector("#voice[data-state=muted]")
        checks("a control, below a path", is_fine=True)
        open_settings(page)
        checks("more can be changed", is_fine=page.locator("#set-clips--enabled").is_enabled())
        page.click("#log-out")
        page.wait_for_selector("#password")
        checks("log out", is_fine=page.context.cookies() == [])


@contextmanager
def proxied(port: int, target: int, prefix: str) -> Iterator[None]:
    """A proxy that shows the page below a path, as those with HTTPS do."""
    loop = asyncio.new_event_loop()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        line, _, rest = head.partition(b"\r\n")
        line = line.replace(b" " + prefix.encode() + b"/", b" /", 1)
        extra = f"X-Forwarded-Prefix: {prefix}\r\nConnection: close\r\n".encode()
        rest = b"\r\n".join(each for each in rest.split(b"\r\n") if not each.startswith(b"Connection"))
        inner_reader, inner = await asyncio.open_connection("127.0.0.1", target)
        inner.write(line + b"\r\n" + extra + rest)
        await asyncio.gather(copy(reader, inner), copy(inner_reader, writer), return_exceptions=True)

    is_ready = threading.Event()

    async def start() -> None:
        await asyncio.start_server(serve, "127.0.0.1", port)
        is_ready.set()

    def run() -> None:
        loop.run_until_complete(start())
        loop.run_forever()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    is_ready.wait()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def measure(folder: Path, axe: str, shots: Path | None) -> int:
    """Do all checks; returns how many failed."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - --help needs no browser

    checks, port = Checks(), free_port()
    url = f"http://127.0.0.1:{port}/"
    ended = threading.Event()
    with sync_playwright() as playwright, speech() as microphone:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        with running(folder, port, microphone) as daemon:
            printed_ms = clock_events(daemon, ended)
            page = browser.new_context(viewport={"width": 1280, "height": 900}, locale="en").new_page()
            page.set_default_timeout(DEADLINE_MS)
            page.add_init_script(_OBSERVER)
            check_view(page, url, checks)
            check_first_view(browser, url, checks)
            check_delay(page, printed_ms, checks)
            check_controls(page, url, checks)
            check_sound(page, url, checks)
            check_settings(page, url, folder / "serd" / "page.toml", checks)
            check_keyboard(page, checks)
            check_looks(browser, url, axe, shots, checks)
            check_restart(page, folder, microphone, daemon, checks)
        ended.set()
        check_password(browser, folder, checks)
        browser.close()
    return checks.n_failed


def main() -> int:
    """Run the check; the exit code is 0 if all is as it should be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--axe", type=Path, metavar="FILE", help="axe.min.js of axe-core")
    parser.add_argument("--shots", type=Path, metavar="FOLDER", help="where to put screenshots")
    args = parser.parse_args()
    if args.shots:
        args.shots.mkdir(parents=True, exist_ok=True)
    axe = args.axe.read_text("utf-8") if args.axe else ""
    with tempfile.TemporaryDirectory(prefix="serd-web-") as name:
        return 1 if measure(Path(name), axe, args.shots) else 0


if __name__ == "__main__":
    sys.exit(main())
