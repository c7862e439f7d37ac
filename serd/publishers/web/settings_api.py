"""The part of the API that shows the settings, and changes those that may be changed on the page."""

from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from serd.errors import InputError
from serd.publishers.editing import SettingChange, SettingsEditor
from serd.publishers.web.access import Access
from serd.publishers.web.bodies import NO_STORE, Endpoint, is_utf8, read_body
from serd.publishers.web.feed import Feed
from serd.publishers.web.worker import Worker

OPEN_SECTIONS: Final = frozenset({"voice", "segmenter", "smoothing", "report", "mood", "alert"})
"""Sections that say how sound is judged, which whoever can use the page may change."""
CLOSED_SECTIONS: Final = frozenset({"web"})
"""Sections that nobody changes on the page, which could lock itself out. All others name files,
addresses and what is stored, and need a page with a password."""
MAX_CHANGES: Final = 200
_KEYS: Final = {"section", "name", "key", "value"}


class SettingsApi:
    """Answers requests for settings."""

    def __init__(self, feed: Feed, worker: Worker, access: Access) -> None:
        self._feed = feed
        self._worker = worker
        self._access = access

    @property
    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and endpoint of each part."""
        return [("GET", "/settings", self.settings), ("POST", "/settings", self.change)]

    async def settings(self, _request: Request) -> Response:
        """All settings with their descriptions, and which may be changed."""
        described = await self._worker.do(self._editor().describe)
        for section in described["sections"]:
            section["may_change"] = self._may_change(section["section"])
        return JSONResponse(described | {"has_password": self._access.needs_password}, headers=NO_STORE)

    async def change(self, request: Request) -> Response:
        """The difference that changes make; they are saved and applied if that is asked for."""
        body = await read_body(request, {"changes": list, "tag": str, "save": bool})
        if len(body["changes"]) > MAX_CHANGES:
            raise InputError(f"expected at most {MAX_CHANGES} changes")
        changes, saves = [_change(each) for each in body["changes"]], body["save"]
        for each in changes:
            if not self._may_change(each.section):
                raise HTTPException(403, _reason(each.section))
        editor = self._editor()
        lines = await self._worker.do(lambda: editor.change(changes, tag=body["tag"], saves=saves))
        if saves:
            self._feed.context.reload()
        return JSONResponse({"difference": lines, "saved": saves}, headers=NO_STORE)

    def _editor(self) -> SettingsEditor:
        editor = self._feed.context.settings
        if editor is None:
            raise HTTPException(404, "this serd has no settings that can be changed")
        return editor

    def _may_change(self, section: str) -> bool:
        return section not in CLOSED_SECTIONS and (
            section in OPEN_SECTIONS or self._access.needs_password
        )


def _reason(section: str) -> str:
    if section in CLOSED_SECTIONS:
        return f"[{section}] is not changed on the page itself"
    return f"[{section[:40]}] is changed only on a page with a password; see serd web password"


def _change(body: Any) -> SettingChange:  # noqa: ANN401
    """A change from JSON.

    Raises:
        InputError: it has other keys or types.
    """
    if not isinstance(body, dict) or set(body) != _KEYS:
        raise InputError(f"changes: expected objects with the keys {', '.join(sorted(_KEYS))}")
    if not all(isinstance(body[key], str) and is_utf8(body[key]) for key in _KEYS - {"value"}):
        raise InputError("changes: expected texts in UTF-8 for section, name and key")
    return SettingChange(**body)
