"""``serd run`` in a process of its own, on one core, fed through a pipe or with files."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from serd.errors import OperationError


def environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """No settings of whoever runs the bench, and a state folder that is gone afterwards."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("SERD_")}
    kept |= {"HOME": str(home), "XDG_CONFIG_HOME": str(home), "XDG_STATE_HOME": str(home)}
    kept["SERD_SCREEN_ENABLED"] = "false"  # as under systemd, where no line is written for people
    return kept | dict(extra or {})


@contextlib.contextmanager
def daemon(
    arguments: Sequence[object],
    *,
    home: Path,
    core: int,
    extra: Mapping[str, str] | None = None,
) -> Iterator["subprocess.Popen[bytes]"]:
    """A running daemon whose standard input is a pipe; it is killed at the end of the block.

    Args:
        arguments: behind ``serd run``.
        home: for its settings and state.
        core: the one that it runs on.
        extra: more environment variables.

    Raises:
        OperationError: it ended by itself, and not well.
    """
    home.mkdir(parents=True, exist_ok=True)
    command = ["taskset", "-c", str(core), sys.executable, "-m", "serd", "run", *map(str, arguments)]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment(home, extra),
        )
    try:
        yield process
        if process.poll() not in {None, 0}:
            raise OperationError(
                f"serd run ended with code {process.returncode}: {(home / 'log').read_text()[-500:]}"
            )
    finally:
        process.kill()
        assert process.stdin is not None  # noqa: S101
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        process.wait()
