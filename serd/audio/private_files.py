"""Files that only their owner can read."""

import os
from pathlib import Path


def write_private(path: Path, content: bytes | memoryview, *, is_synced: bool = False) -> None:
    """Write a new file with the mode 0600, whatever the umask, in place of one that is there.

    A link of that name is replaced, and never followed.

    Args:
        path: the file, in a folder that exists.
        content: its bytes.
        is_synced: whether they are on the disk at the return, so that they survive a power cut.

    Raises:
        OSError: it cannot be written.
    """
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        if is_synced:
            file.flush()
            os.fsync(file.fileno())
