"""The part of the API that plays sound, and takes and exports marks."""

import json
import re
from collections.abc import AsyncIterator
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from serd.errors import InputError
from serd.publishers.history.marks import TABLE_FILE, table
from serd.publishers.web.bodies import NO_STORE, Endpoint, read_body
from serd.publishers.web.feed import Feed
from serd.publishers.web.hearing import HeardClip, Hearing, NoSuchSoundError
from serd.publishers.web.queries import Query
from serd.publishers.web.worker import Worker

MAX_SPAN_S: Final = 3600.0
"""Longest time whose clips are asked for at once, in seconds."""
ARCHIVE_FILE: Final = "serd-marks.zip"
_RANGE: Final = re.compile(r"bytes=(\d{0,9})-(\d{0,9})", re.ASCII)


class HearingApi:
    """Answers requests for sound and marks."""

    def __init__(self, feed: Feed, worker: Worker) -> None:
        self._feed = feed
        self._worker = worker

    @property
    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and endpoint of each part."""
        return [
            ("GET", "/clips", self.clips),
            ("GET", "/clips/{id}/sound", self.sound),
            ("POST", "/marks", self.mark),
            ("GET", "/marks.csv", self.table),
            ("GET", "/marks.zip", self.archive),
        ]

    async def clips(self, request: Request) -> Response:
        """The windows of a time whose sound is kept."""
        query = Query(request.query_params.multi_items())
        selection = query.selection()
        query.check_names()
        start_s, end_s = query.span(selection, MAX_SPAN_S)
        source = selection.source
        if source is None:
            raise InputError("expected a source")
        hearing = Hearing(self._feed.context)
        found = await self._worker.do(lambda: hearing.between(source, start_s, end_s))
        return JSONResponse({"clips": list(map(_clip_json, found))}, headers=NO_STORE)

    async def sound(self, request: Request) -> Response:
        """The sound of a window, or the range of it that a player asks for."""
        hearing, event_id = Hearing(self._feed.context), request.path_params["id"]
        content = await self._worker.do(lambda: hearing.sound(event_id))
        headers = {**NO_STORE, "Accept-Ranges": "bytes"}
        asked = _range(request.headers.get("range", ""), len(content))
        if asked is None:
            return Response(content, 200, headers, "audio/wav")
        first, end = asked
        if first >= end:
            headers["Content-Range"] = f"bytes */{len(content)}"
            raise HTTPException(416, "there is no such range", headers)
        headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(content)}"
        return Response(content[first:end], 206, headers, "audio/wav")

    async def mark(self, request: Request) -> Response:
        """Mark a window as right, as wrong, or with what it really was."""
        body = await read_body(request, {"id": str, "emotion": str})
        hearing, event_id, emotion = Hearing(self._feed.context), body["id"], body["emotion"]
        await self._worker.do(lambda: hearing.mark(event_id, emotion))
        return JSONResponse({"id": event_id, "mark": emotion or None}, headers=NO_STORE)

    async def table(self, _request: Request) -> Response:
        """The marks as a table of clips."""
        hearing = Hearing(self._feed.context)
        text = table(await self._worker.do(hearing.marks))
        return Response(text, headers=_as_file(TABLE_FILE), media_type="text/csv")

    async def archive(self, _request: Request) -> Response:
        """The table with its sounds, as a ZIP file that is made while it is sent."""
        hearing = Hearing(self._feed.context)
        await self._worker.do(hearing.marks)  # or its error would come after the head of the answer
        parts = hearing.archive()

        async def content() -> AsyncIterator[bytes]:
            while part := await self._worker.do(lambda: next(parts, b"")):
                yield part

        return StreamingResponse(content(), 200, _as_file(ARCHIVE_FILE), "application/zip")


async def no_sound(_request: Request, error: Exception) -> Response:
    """The answer to a ``NoSuchSoundError``."""
    assert isinstance(error, NoSuchSoundError)  # noqa: S101 - registered for it
    return JSONResponse({"error": "the sound of this window is not kept"}, 404, NO_STORE)


def _clip_json(each: HeardClip) -> dict[str, object]:
    return {"event": json.loads(each.clip.event.to_json()), "mark": each.mark}


def _as_file(name: str) -> dict[str, str]:
    return {**NO_STORE, "Content-Disposition": f'attachment; filename="{name}"'}


def _range(header: str, n_bytes: int) -> tuple[int, int] | None:
    """The first byte of a range and the one after its last; None for all.

    Forms that players do not send, such as several ranges, are answered with all (RFC 9110, 14.2).
    """
    found = _RANGE.fullmatch(header.strip())
    if found is None or found[1] == found[2] == "":
        return None
    if not found[1]:
        return max(0, n_bytes - int(found[2])), n_bytes
    last = int(found[2]) if found[2] else n_bytes - 1
    return int(found[1]), min(n_bytes, last + 1)
