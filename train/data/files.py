"""Files that are written completely or not at all, and digests of files."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from serd.errors import InputError, OperationError


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it never exists with part of the content.

    Args:
        path: the file; missing folders are created.
        content: its content.

    Raises:
        OperationError: it cannot be written; an earlier file is unchanged.
    """
    write_pieces(path, (content,))


def write_pieces(path: Path, pieces: Iterable[bytes]) -> None:
    """Write a file as ``write_whole`` does, with one piece in memory at a time.

    Args:
        path: the file; missing folders are created.
        pieces: its content, in order.

    Raises:
        OperationError: it cannot be written; an earlier file is unchanged.
    """
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with unfinished.open("wb") as file:
                file.writelines(pieces)
            unfinished.replace(path)
        except BaseException:  # Ctrl-C, too, leaves no half behind
            with contextlib.suppress(OSError):
                unfinished.unlink()
            raise
    except OSError as exc:
        raise OperationError(f"{path}: cannot be written: {exc.strerror or exc}") from exc


def content_digests(paths: Iterable[Path]) -> list[str]:
    """SHA-256 of the bytes of each file, on all processors; empty for one that cannot be read."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(_content_digest, paths))


def _content_digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def read_json(path: Path) -> dict[str, Any]:
    """An object from a JSON file.

    Raises:
        InputError: it cannot be read, or is no JSON object.
    """
    try:
        body = json.loads(path.read_text("utf-8"))
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror or exc}") from exc
    except ValueError as exc:
        raise InputError(f"{path}: no JSON: {exc}") from exc
    if not isinstance(body, dict):
        raise InputError(f"{path}: no JSON object")
    return body


def write_json(path: Path, body: object) -> None:
    """Write indented JSON as ``write_whole`` does.

    Raises:
        OperationError: it cannot be written; an earlier file is unchanged.
    """
    write_whole(path, (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode())
