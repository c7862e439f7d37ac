"""Who may use the page: password, sessions, and the tokens of changes.

A session is a signed cookie, so that a restart of serd ends none. Its key is in the state folder, and a
change of the password ends all sessions.
"""

import contextlib
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from serd.audio.private_files import write_private
from serd.errors import PublishError

KEY_FILE: Final = "web.key"
"""The file in the state folder."""
SESSION_S: Final = 30 * 86_400.0
"""Time after which one has to log in again, in seconds."""
MAX_PASSWORD_CHARS: Final = 1000
_KEY_BYTES: Final = 32


def read_key(folder: Path | None) -> bytes:
    """The key of the sessions, 32 bytes; made if there is none.

    Args:
        folder: the state folder; None for a key that ends with the process.

    Raises:
        PublishError: the file cannot be read or written.
    """
    key = secrets.token_bytes(_KEY_BYTES)
    if folder is None:
        return key
    path = folder / KEY_FILE
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            with path.open("rb") as file:
                present = file.read(_KEY_BYTES + 1)
            if len(present) == _KEY_BYTES:
                return present
        write_private(path, key)
    except OSError as exc:
        raise PublishError(f"[web] {path}: cannot be used: {exc.strerror}") from exc
    return key


class Access:
    """Checks passwords and sessions."""

    def __init__(self, password_hash: str, key: bytes, wall: Callable[[], float] = time.time) -> None:
        """Everyone has access if there is no password.

        Args:
            password_hash: the hash, as ``hash_password`` makes it; empty for no password.
            key: the key of the sessions.
            wall: the wall clock, in seconds since 1970.
        """
        self.needs_password = bool(password_hash)
        """Whether there is a password."""
        self._password_hash = password_hash
        self._key = hmac.digest(key, password_hash.encode(), hashlib.sha256)
        self._wall = wall

    def accepts(self, password: str) -> bool:
        """Whether a password is right; it takes about 50 ms and 19 MB for a moment."""
        import argon2  # noqa: PLC0415

        if not self.needs_password or len(password) > MAX_PASSWORD_CHARS:
            return False
        try:
            return argon2.PasswordHasher().verify(self._password_hash, password)
        except (argon2.exceptions.VerificationError, argon2.exceptions.InvalidHashError):
            return False

    def new_session(self) -> str:
        """The cookie of somebody who has logged in."""
        content = f"{int(self._wall() + SESSION_S)}.{secrets.token_hex(8)}"
        return f"{content}.{self._signature(content)}"

    def is_session(self, cookie: str) -> bool:
        """Whether a cookie is a session that has not ended; always without a password."""
        if not self.needs_password:
            return True
        content, _, signature = cookie.rpartition(".")
        end = content.partition(".")[0]
        return (
            cookie.isascii()
            and hmac.compare_digest(signature, self._signature(content))
            and end.isdecimal()
            and int(end) > self._wall()
        )

    def token(self, cookie: str) -> str:
        """The token that a change in this session must carry, which pages of other sites cannot read."""
        return self._signature(f"change {cookie if self.needs_password else ''}")

    def _signature(self, content: str) -> str:
        return hmac.digest(self._key, content.encode(), hashlib.sha256).hex()


def hash_password(password: str) -> str:
    """The hash of a password for the settings: Argon2id with 19 MiB, 2 passes and 1 lane.

    OWASP gives these parameters for small machines (Password Storage Cheat Sheet, 2023).
    """
    import argon2  # noqa: PLC0415

    return argon2.PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1).hash(password)
