"""The files of the page, which are read once: HTML, one style sheet, modules of JavaScript, texts."""

import gzip
import hashlib
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}
_PREFIX: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){0,10}/?")
_BASE: Final = b'<base href="./">'


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    content_type: str
    """Type of the content."""
    plain: bytes
    """The content."""
    packed: bytes
    """The content, compressed with gzip."""
    tag: str
    """Changes with the content."""


@cache
def assets() -> Mapping[str, Asset]:
    """All files by name."""
    return {path.name: _asset(path) for path in _FOLDER.iterdir() if path.suffix in _TYPES}


def _asset(path: Path) -> Asset:
    plain = path.read_bytes()
    tag = f'"{hashlib.sha256(plain).hexdigest()[:16]}"'
    return Asset(_TYPES[path.suffix], plain, gzip.compress(plain, mtime=0), tag)


def static(request: Request) -> Response:
    """A file by its name; only names of files that were read at the start are found."""
    asset = assets().get(request.path_params["name"])
    if asset is None or asset.content_type.startswith("text/html"):
        return Response("There is no such file.\n", 404, media_type="text/plain")
    headers = {"Cache-Control": "no-cache", "ETag": asset.tag, "Vary": "Accept-Encoding"}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(status_code=304, headers=headers)
    return _packed(request, asset, headers)


def document(request: Request, name: str, status: int = 200) -> Response:
    """A page of HTML, whose relative addresses begin where a proxy has put it."""
    asset = assets()[name]
    if prefix := prefix_of(request):
        base = f'<base href="{html.escape(prefix)}/">'.encode()
        plain = asset.plain.replace(_BASE, base)
        asset = Asset(asset.content_type, plain, gzip.compress(plain, 1, mtime=0), asset.tag)
    response = _packed(request, asset, {"Cache-Control": "no-store", "Vary": "Accept-Encoding"})
    response.status_code = status
    return response


def prefix_of(request: Request) -> str:
    """The path below which a proxy shows the page, without a slash at the end; empty for none."""
    for name in ("x-ingress-path", "x-forwarded-prefix"):
        prefix = request.headers.get(name, "")
        if prefix and _PREFIX.fullmatch(prefix):
            return prefix.rstrip("/")
    return ""


def _packed(request: Request, asset: Asset, headers: Mapping[str, str]) -> Response:
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(asset.plain, headers=dict(headers), media_type=asset.content_type)
    return Response(
        asset.packed,
        headers={**headers, "Content-Encoding": "gzip"},
        media_type=asset.content_type,
    )
