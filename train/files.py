"""Files that are whole or not there."""

from pathlib import Path


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that its name only ever stands for all of the content.

    Args:
        path: where; folders above it are made.
        content: all of it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
