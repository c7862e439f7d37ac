"""What all endpoints share: the JSON that a request carries, and the headers that an answer sets."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from serd.errors import InputError
from serd.publishers.web.access import SESSION_S
from serd.publishers.web.assets import prefix_of

MAX_BODY_BYTES: Final = 16_384
NO_STORE: Final = {"Cache-Control": "no-store"}
"""The headers of an answer that no cache keeps."""

Endpoint = Callable[[Request], Awaitable[Response]]
"""Answers the requests of one address."""


def cookie_attributes(request: Request) -> dict[str, Any]:
    """Attributes of the cookie of a session."""
    is_https = "https" in {request.url.scheme, request.headers.get("x-forwarded-proto")}
    return {
        "max_age": int(SESSION_S),
        "path": f"{prefix_of(request)}/",
        "secure": is_https,
        "httponly": True,
        "samesite": "strict",
    }


async def read_body(request: Request, keys: dict[str, type]) -> dict[str, Any]:
    """The JSON object in a request, which has some keys and no others.

    Raises:
        InputError: it is none, is too large, or has other keys or types.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise InputError("expected Content-Type: application/json")
    content = bytearray()
    try:
        async for part in request.stream():
            content += part
            if len(content) > MAX_BODY_BYTES:
                raise InputError(f"expected at most {MAX_BODY_BYTES} bytes")
    except ClientDisconnect as exc:
        raise InputError("the request is not complete") from exc
    try:
        body = json.loads(content)
    except (ValueError, RecursionError) as exc:
        raise InputError("expected JSON in UTF-8") from exc
    if not isinstance(body, dict) or set(body) != set(keys):
        raise InputError(f"expected an object with the keys {', '.join(keys)}")
    for key, kind in keys.items():
        if not isinstance(body[key], kind):
            raise InputError(f"{key}: expected {'a text' if kind is str else kind.__name__}")
        if isinstance(body[key], str) and not is_utf8(body[key]):
            raise InputError(f"{key}: expected a text in UTF-8")
    return body


def is_utf8(text: str) -> bool:
    """Whether a text has no half of a surrogate pair, which JSON can name."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
