"""Stands before all pages: it checks where a request comes from, and what it may do.

too many requests         429    a token bucket for each address
a foreign Host            421    else a page of another site could reach serd by DNS rebinding
a foreign Origin          403    a page of another site may neither ask nor change anything
no session                401    if there is a password, for all but the page that asks for it
a change without a token  403
"""

import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from http.cookies import CookieError, SimpleCookie
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serd.publishers.web.access import Access
from serd.publishers.web.limits import RateLimiter

COOKIE: Final = "serd_session"
TOKEN_HEADER: Final = "x-csrf-token"  # noqa: S105 - its name
OPEN_PATHS: Final = frozenset(
    ("/", "/static/login.js", "/static/style.css", "/static/texts.json", "/static/icon.svg",
     "/static/texts.js", "/api/v1/login")
)  # fmt: skip
"""Paths that need no session: those of the page that asks for the password."""
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " media-src 'self'; connect-src 'self'; base-uri 'self'; form-action 'self'; frame-ancestors 'self'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """An ASGI application that rejects requests that are not allowed."""

    def __init__(self, app: ASGIApp, access: Access, limiter: RateLimiter, further_names: str) -> None:
        """Guard an application.

        Args:
            app: the application.
            access: checks sessions and tokens.
            limiter: counts the requests of each address.
            further_names: names of proxies, separated by spaces or commas.
        """
        self._app = app
        self._access = access
        self._limiter = limiter
        self._proxies = frozenset(further_names.lower().replace(",", " ").split())
        self._names = self._proxies | _own_names()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        cookie = session_of(headers)
        scope["session"] = cookie
        refusal = self._refusal(scope, headers, cookie)
        app = self._app if refusal is None else refusal
        await app(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope, headers: Mapping[str, str], cookie: str) -> JSONResponse | None:
        """The answer that rejects a request; None if it is allowed."""
        client = scope.get("client")
        if not self._limiter.takes(client[0] if client else ""):
            return _refused(429, "too many requests; wait a second", close=True)
        host = headers.get("host", "")
        if not self._is_own(host):
            return _refused(
                421, f"serd is not known as {host[:100]!r}; add that name to [web] names", close=True
            )
        if foreign := self._foreign_page(headers, host, scope["path"]):
            return _refused(403, foreign)
        is_session = self._access.is_session(cookie)
        scope["is_session"] = is_session
        if not is_session and scope["path"] not in OPEN_PATHS:
            return _refused(401, "log in first")
        is_change = scope["method"] not in {"GET", "HEAD"}
        if is_change and is_session and scope["path"] != "/api/v1/login":
            token = headers.get(TOKEN_HEADER, "")
            if not token.isascii() or not hmac.compare_digest(token, self._access.token(cookie)):
                return _refused(403, f"the header {TOKEN_HEADER} needs the token of /api/v1/session")
        return None

    def _is_own(self, host: str) -> bool:
        """Whether the Host header names this machine: by a name of it, or by any address in numbers."""
        name = _hostname(host)
        if name in self._names:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True

    def _foreign_page(self, headers: Mapping[str, str], host: str, path: str) -> str:
        """Why a request of another page is refused; empty for the own page, or none."""
        origin = headers.get("origin")
        # Chromium gives an origin for scripts too, and without them no page could show the reason.
        if origin is not None and not path.startswith("/static/"):
            try:
                netloc = urlsplit(origin).netloc.lower()
            except ValueError:
                netloc = ""
            if netloc and (netloc == host.lower() or _hostname(netloc) in self._proxies):
                return ""
            return (
                f"serd knows its page as {host[:100]!r}, got a request of the page {origin[:100]!r}; "
                "behind a proxy, add its name to [web] names"
            )
        # A link on another page may open this one, but no page may read or embed what is here.
        is_foreign = headers.get("sec-fetch-site") in {"cross-site", "same-site"}
        if is_foreign and headers.get("sec-fetch-mode") != "navigate":
            return "pages of other sites have no access"
        return ""


def _own_names() -> frozenset[str]:
    """Names of this machine: localhost, and the host name with and without .local."""
    name = socket.gethostname().lower()
    short = name.partition(".")[0]
    return frozenset({"localhost", name, short, f"{short}.local"}) - {"", ".local"}


def session_of(headers: Mapping[str, str]) -> str:
    """The session in the cookies of a request; empty without one."""
    try:
        morsel = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


def _hostname(host: str) -> str:
    """A Host header without its port, in lower case; an IPv6 address without its brackets."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def _refused(status: int, reason: str, *, close: bool = False) -> JSONResponse:
    headers = {"Cache-Control": "no-store"} | ({"Connection": "close"} if close else {})
    return JSONResponse({"error": reason}, status, headers)


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    """Add the headers that each answer has."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            extra = [(name.lower().encode(), value.encode()) for name, value in _HEADERS.items()]
            extra.append((b"date", formatdate(usegmt=True).encode()))
            message["headers"] = [*message.get("headers", ()), *extra]
        await send(message)

    return send_with_headers
