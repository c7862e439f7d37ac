"""``python -m train`` in a process of its own, without paying for TensorFlow's import each time.

A process has one TensorFlow, and some tests kill theirs or limit what it may write. They are forked from
a server that has imported TensorFlow and done nothing with it.
"""

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

from train.cli import main
from train.data.clips import numbered

_LIMIT_S = 900.0
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["train.fit.fitting", "train.article.training", "matplotlib.figure"])


def train(
    *arguments: object, before: Callable[[], None] | None = None, timeout_s: float = _LIMIT_S
) -> "CompletedProcess[str]":
    """Run a command to its end.

    Args:
        arguments: what is typed behind ``python -m train``.
        before: called in the process first; a function of a module, since it is pickled.
        timeout_s: how long it may take, in seconds.

    Raises:
        TimeoutError: it took longer, and was killed.
    """
    words = [str(each) for each in arguments]
    with tempfile.TemporaryDirectory() as folder:
        said = [Path(folder) / name for name in ("out", "err")]
        process = _CONTEXT.Process(target=_run, args=(words, before, *said))
        process.start()
        process.join(timeout_s)
        code = process.exitcode
        if code is None:
            process.kill()
            process.join()
            raise TimeoutError(f"train {' '.join(words)}: not done after {timeout_s:g} s")
        process.close()
        out, err = (path.read_text("utf-8") for path in said)
    return CompletedProcess(words, code, out, err)


def have_two_folds() -> None:
    """A protocol for three actors, one of whom it leaves alone."""
    from train.cli import ablate, fit  # noqa: PLC0415
    from train.data import protocols  # noqa: PLC0415
    from train.fit import plan  # noqa: PLC0415

    two = {"two": (numbered(1), numbered(2))}
    protocols.PROTOCOLS = two  # type: ignore[misc]
    fit.SPLIT_PROTOCOLS = tuple(two)  # type: ignore[attr-defined]
    ablate.ACTOR_PROTOCOLS = tuple(two)  # type: ignore[attr-defined]
    plan.left_alone = lambda _name: numbered(3)  # type: ignore[attr-defined]


def have_two_texts() -> None:
    """The protocol ``text`` with a fold for the first two actors in place of those of ``dev5``."""
    from train.data import protocols  # noqa: PLC0415

    protocols.PROTOCOLS = {  # type: ignore[misc]
        "dev5": (numbered(1), numbered(2)),
        "article": (numbered(3),),
    }


def _run(words: list[str], before: Callable[[], None] | None, out: Path, err: Path) -> None:
    """What the process does: what ``python -m train`` would, its output into files."""
    for stream, path in ((sys.stdout, out), (sys.stderr, err)):
        stream.flush()
        file = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.dup2(file, stream.fileno())
        os.close(file)
    if before is not None:
        before()
    sys.exit(main(words))
