"""The addresses of the page and its API, ``/api/v1``; ``Guard`` stands before all of them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from serd.errors import ChangedError, InputError, OperationError
from serd.events.controls import Controls, control_texts, with_control
from serd.mqtt.topics import FORGET
from serd.publishers.web.access import Access
from serd.publishers.web.assets import document, static
from serd.publishers.web.bodies import NO_STORE, Endpoint, cookie_attributes, read_body
from serd.publishers.web.feed import Feed
from serd.publishers.web.guard import COOKIE, Guard
from serd.publishers.web.hearing import NoSuchSoundError
from serd.publishers.web.hearing_api import HearingApi, no_sound
from serd.publishers.web.limits import RateLimiter
from serd.publishers.web.log_tail import LogTail
from serd.publishers.web.openapi import description
from serd.publishers.web.queries import Query
from serd.publishers.web.questions import MAX_BINS, MAX_EVENTS, Past
from serd.publishers.web.settings_api import SettingsApi
from serd.publishers.web.stream import MAX_STREAMS, EventStream, Streams
from serd.publishers.web.worker import BusyError, Worker

_log = logging.getLogger("serd.web")

API: Final = "/api/v1"
LOGINS_AT_ONCE: Final = 6.0
"""Attempts to log in that each address has at once; all together have ten times as many."""
LOGIN_S: Final = 10.0
"""Time after which an address has one more attempt, in seconds."""
_ALL: Final = "all addresses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parts:
    """What the page is made of."""

    feed: Feed
    tail: LogTail
    access: Access
    worker: Worker
    limiter: RateLimiter
    names: str
    """Further names of this machine, from the settings."""


def make_app(parts: Parts, streams: Streams) -> ASGIApp:
    """The application with its guard."""
    api = [
        *Api(parts, streams).routes,
        *HearingApi(parts.feed, parts.worker).routes,
        *SettingsApi(parts.feed, parts.worker, parts.access).routes,
    ]
    routes = [
        Route("/", page),
        Route("/static/{name}", static),
        *_api_routes(api),
    ]
    app = Starlette(
        routes=routes,
        exception_handlers={
            HTTPException: _refused,
            ChangedError: _changed,
            InputError: _wrong,
            OperationError: _unavailable,
            BusyError: _busy,
            NoSuchSoundError: no_sound,
        },
    )
    app.router.redirect_slashes = False
    return Guard(app, parts.access, parts.limiter, parts.names)


def _api_routes(api: Iterable[tuple[str, str, Endpoint]]) -> Iterator[Route]:
    """Yield one route for each path: a refused method is told of all that it has (RFC 9110, 15.5.6)."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for method, path, endpoint in api:
        by_path.setdefault(path, {})[method] = endpoint
    for path, endpoints in by_path.items():
        yield Route(API + path, _by_method(endpoints), methods=list(endpoints))


def _by_method(endpoints: Mapping[str, Endpoint]) -> Endpoint:
    """One endpoint of those for the methods of a path."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        return await endpoints[method](request)

    return answer


async def page(request: Request) -> Response:
    """The page, or the one that asks for the password."""
    if not request.scope["is_session"]:
        return document(request, "login.html", 401)
    return document(request, "index.html")


class Api:
    """Answers requests from what the feed, the history and the log have."""

    def __init__(self, parts: Parts, streams: Streams) -> None:
        self._feed = parts.feed
        self._tail = parts.tail
        self._access = parts.access
        self._worker = parts.worker
        self._streams = streams
        self._logins = RateLimiter(1.0 / LOGIN_S, LOGINS_AT_ONCE)
        self._all_logins = RateLimiter(10.0 / LOGIN_S, 10.0 * LOGINS_AT_ONCE)

    @property
    def routes(self) -> list[tuple[str, str, Endpoint]]:
        """Method, path and endpoint of each part of the API."""
        return [
            ("GET", "/session", self.session),
            ("POST", "/login", self.log_in),
            ("POST", "/logout", self.log_out),
            ("GET", "/state", self.state),
            ("GET", "/model", self.model),
            ("GET", "/events", self.events),
            ("GET", "/history", self.history),
            ("GET", "/timeline", self.timeline),
            ("GET", "/alerts", self.alerts),
            ("GET", "/log", self.log),
            ("POST", "/controls", self.change_control),
            ("GET", "/openapi.json", self.openapi),
        ]

    async def session(self, request: Request) -> Response:
        """The token that changes need."""
        body = {
            "token": self._access.token(request.scope["session"]),
            "has_password": self._access.needs_password,
        }
        return JSONResponse(body, headers=NO_STORE)

    async def log_in(self, request: Request) -> Response:
        """Begin a session, if the password is right."""
        body = await read_body(request, {"password": str})
        address = request.client.host if request.client else ""
        if not (self._logins.takes(address) and self._all_logins.takes(_ALL)):
            raise HTTPException(429, "too many attempts; wait a minute", {"Retry-After": "60"})
        password: str = body["password"]
        if not await self._worker.do(lambda: self._access.accepts(password)):
            _log.warning("a wrong password for the page from %s", address)
            raise HTTPException(403, "the password is wrong")
        response = Response(status_code=204, headers=NO_STORE)
        response.set_cookie(COOKIE, self._access.new_session(), **cookie_attributes(request))
        return response

    async def log_out(self, request: Request) -> Response:
        """End the session in this browser."""
        response = Response(status_code=204, headers=NO_STORE)
        response.set_cookie(COOKIE, "", **(cookie_attributes(request) | {"max_age": 0}))
        return response

    async def state(self, _request: Request) -> Response:
        """The present state."""
        return JSONResponse(self._feed.state(), headers=NO_STORE)

    async def model(self, _request: Request) -> Response:
        """The card of the model."""
        card = self._feed.context.card
        if card is None:
            raise HTTPException(404, "there is no model")
        return Response(card.to_json(), media_type="application/json", headers=NO_STORE)

    async def events(self, request: Request) -> Response:
        """The stream of changes."""
        if len(self._streams) >= MAX_STREAMS:
            raise HTTPException(503, "too many pages are open", {"Retry-After": "10"})
        last_id = request.headers.get("last-event-id") or request.query_params.get("last_id", "")
        return EventStream(self._streams, last_id)

    async def history(self, request: Request) -> Response:
        """Events of the past."""
        query = Query(request.query_params.multi_items())
        selection = query.selection()
        n_newest = query.number("limit", 100, 1, MAX_EVENTS)
        query.check_names()
        past = self._past()
        found = await self._worker.do(lambda: past.events(selection, n_newest))
        text = ", ".join(event.to_json() for event in found)
        return Response(f'{{"events": [{text}]}}', media_type="application/json", headers=NO_STORE)

    async def timeline(self, request: Request) -> Response:
        """The emotions of the past, in parts of equal length."""
        query = Query(request.query_params.multi_items())
        selection = query.selection()
        part_s = query.number("part_s", 300, 10, 86_400)
        query.check_names()
        start_s, end_s = query.span(selection, part_s * MAX_BINS)
        past = self._past()
        found = await self._worker.do(lambda: past.timeline(selection, start_s, end_s, part_s))
        return JSONResponse(found, headers=NO_STORE)

    async def alerts(self, _request: Request) -> Response:
        """The alerts that are on, and when alerts changed."""
        changes = [asdict(each) for each in self._feed.alert_changes]
        return JSONResponse({"changes": changes}, headers=NO_STORE)

    async def log(self, _request: Request) -> Response:
        """The latest lines of the log."""
        lines = [asdict(each) for each in self._tail.lines]
        return JSONResponse({"lines": lines}, headers=NO_STORE)

    async def change_control(self, request: Request) -> Response:
        """Set a control of a source, or let it forget its speakers; the stream tells the result."""
        body = await read_body(request, {"source": str, "control": str, "value": str})
        source, control, value = body["source"], body["control"], body["value"].encode()
        context = self._feed.context
        if source not in context.sources:
            raise HTTPException(404, f"no source {source[:100]!r}")
        answer = {"source": source, "control": control}
        if control != FORGET:
            controls = with_control(Controls(), control, value)
            answer["value"] = control_texts(controls)[control]
        context.command(source, control, value)
        return JSONResponse(answer, 202, NO_STORE)

    async def openapi(self, _request: Request) -> Response:
        """The description of the API."""
        return JSONResponse(description(), headers=NO_STORE)

    def _past(self) -> Past:
        return Past(self._feed.context.state_folder, self._feed.utterances)


def _error(status: int, reason: object, headers: Any = None) -> Response:  # noqa: ANN401
    return JSONResponse({"error": str(reason)}, status, {**NO_STORE, **(headers or {})})


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return _error(error.status_code, error.detail, error.headers)


async def _wrong(_request: Request, error: Exception) -> Response:
    return _error(400, error)


async def _changed(_request: Request, error: Exception) -> Response:
    return _error(409, error)


async def _unavailable(_request: Request, error: Exception) -> Response:
    return _error(503, error)


async def _busy(_request: Request, _: Exception) -> Response:
    return _error(503, "too many questions about the past wait; try again", {"Retry-After": "1"})
