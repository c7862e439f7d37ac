"""The parts of check_web.py that play and mark sound, and change settings, as a person does."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from testkit.brokers import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

MIN_PLAYED_S: Final = 0.3
_THRESHOLD: Final = "#set-smoothing--threshold"
_PRESSED: Final = "[aria-pressed=true]"
Check = Callable[..., None]


def until(page: "Page", expression: str) -> None:
    """Wait until an expression holds; Playwright's own wait needs eval, which the page forbids."""
    wait_until(lambda: page.evaluate(expression), expression)


def open_sound(page: "Page") -> None:
    """Open the sound of the newest utterance that has any."""
    buttons = page.locator("#utterances .play")
    for number in range(buttons.count()):
        buttons.nth(number).click()
        until(
            page,
            "document.querySelector('.heard') || document.querySelector('#heard-result').innerText",
        )
        if page.locator(".heard").count():
            return
        page.click("#heard-close")
    raise AssertionError("no utterance has sound")


def check_sound(page: "Page", url: str, checks: Check) -> None:
    """Play a window, mark it in each way, and export the marks."""
    open_sound(page)
    first = page.locator(".heard").first
    first.locator(".play").click()
    until(page, f"document.querySelector('#player').currentTime > {MIN_PLAYED_S}")
    length_s = page.evaluate("document.querySelector('#player').duration")
    checks("a window is played", is_fine=length_s > MIN_PLAYED_S, figure=f"{length_s:.1f} s")
    first.locator(".play").click()
    checks("and stopped", is_fine=page.evaluate("document.querySelector('#player').paused"))
    first.get_by_role("button", name="wrong").click()
    first.locator(f".buttons {_PRESSED}", has_text="wrong").wait_for()
    wanted = "sad" if "sad" not in first.locator("strong").inner_text() else "calm"
    first.locator("select").select_option(wanted)
    page.locator("#heard-result", has_text="Marked").wait_for()
    wait_until(lambda: wanted in _table(page, url), "the mark in the table")
    checks("a window is marked with what it was", is_fine=len(_table(page, url).splitlines()) == 2)
    with page.expect_download() as download:
        page.click("#heard a[href$='marks.zip']")
    archive = zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes()))
    names = sorted(archive.namelist())
    checks("table and sound are downloaded", is_fine=len(names) == 2 and "marks.csv" in names)
    page.keyboard.press("Escape")
    is_back = page.evaluate("document.activeElement.matches('#utterances .play')")
    checks("Escape closes, and the focus returns", is_fine=is_back)


def _table(page: "Page", url: str) -> str:
    page.wait_for_timeout(100)  # or it would be too many requests
    text: str = page.request.get(f"{url}api/v1/marks.csv").text()
    return text


def open_settings(page: "Page") -> None:
    """Open the form, and the parts that are changed."""
    page.evaluate("document.querySelector('#settings-details').open = true")
    page.locator(_THRESHOLD).wait_for(state="attached")
    page.evaluate(
        "document.querySelectorAll('.settings-part').forEach("
        "e => e.open = e.open || /smoothing|New alert|Neuer Alarm/.test(e.innerText))"
    )
    page.locator(_THRESHOLD).wait_for()


def check_settings(page: "Page", url: str, file: Path, checks: Check) -> None:
    """Change settings, see the difference, apply them, and take them back."""

    def emotion() -> Any:  # noqa: ANN401
        page.wait_for_timeout(100)
        event = page.request.get(f"{url}api/v1/state").json()["sources"][0]["event"]
        return event["emotion"]

    open_settings(page)
    n_fields = page.locator(".setting").count()
    checks("every setting is in the form", is_fine=n_fields > 80, figure=f"{n_fields} settings")
    is_locked = page.locator("#set-clips--enabled").is_disabled()
    checks("what needs a password is locked", is_fine=is_locked)
    _fill(page, _THRESHOLD, "7")
    page.click("#settings-review")
    _wait_for_result(page, "expected")
    reason = page.inner_text("#settings-result")
    checks("a wrong value is refused with its reason", is_fine="0 to 1" in reason, figure=reason[-40:])
    _fill(page, _THRESHOLD, "1")
    page.click("#settings-review")
    page.locator("#difference-lines", has_text="+threshold = 1.0").wait_for()
    lines = page.inner_text("#difference-lines").split("\n")[:3]
    checks("the difference is shown", is_fine=not file.exists(), figure=lines)
    page.click("#difference-save")
    _wait_for_result(page, "Saved and applied.")
    checks("it is saved", is_fine="threshold = 1" in file.read_text())
    wait_until(lambda: emotion() == "uncertain", "an uncertain event", 20.0)
    checks("and in force at once", is_fine=True)
    page.locator("[data-setting='smoothing//threshold'] .link").click()
    _apply(page)
    checks("taken back, nothing is left", is_fine=not file.exists())
    page.fill("#set-alert-new", "rage")
    _fill(page, "#set-alert-new-when", "angry >= 0.9")
    _apply(page)
    page.locator(".alert", has_text="rage").wait_for()
    checks("a new alert is there", is_fine="rage" in file.read_text())
    part = page.locator(".settings-part", has_text="[alert] rage")
    part.locator("summary").click()
    part.get_by_role("button", name="Remove this alert").click()
    _apply(page)
    page.locator(".alert", has_text="rage").wait_for(state="detached")
    checks("and removed again", is_fine=not file.exists())


def _fill(page: "Page", field: str, value: str) -> None:
    page.fill(field, value)
    page.keyboard.press("Tab")


def _apply(page: "Page") -> None:
    page.click("#settings-review")
    page.locator("#difference").wait_for()
    page.click("#difference-save")
    _wait_for_result(page, "Saved and applied.")


def _wait_for_result(page: "Page", words: str) -> None:
    page.locator("#settings-result", has_text=words).wait_for()
