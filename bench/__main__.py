"""``python -m bench [PART...]``: compares serd with the alternatives; ``make bench`` runs all parts."""

import argparse
import contextlib
import json
import logging
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from bench import profile
from bench.context import FULL, QUICK, ROOT, Context
from bench.parts import PARTS
from bench.report import markdown, sections
from bench.sound import Sound, made_sound, recorded_sound
from bench.system import machine, versions
from bench.tables import draw
from serd.errors import InputError, SerdError
from train.data.files import write_whole

DOCS: Final = ROOT / "docs"
ELSEWHERE: Final = ROOT / "build" / "bench"
"""Folder of quick and partial runs, which are not for the documents."""
NAME: Final = "benchmarks"

_log = logging.getLogger("bench")


def main(argv: Sequence[str]) -> int:
    """Measure, print the report, and write it as JSON and Markdown.

    Returns:
        The exit code.
    """
    args = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.INFO, stream=sys.stderr)
    try:
        if args.flame is not None:
            profile.write_flame_graph(args.flame, FULL.profile_s)
            return 0
        run = json.loads(_read(args.render)) if args.render else _measure(args)
        is_whole = not run["is_quick"] and set(run["parts"]) == set(PARTS)
        folder = args.out or (DOCS if is_whole else ELSEWHERE)
        console = Console()
        for section in sections(run):
            draw(section, console)
        write_whole(folder / f"{NAME}.json", (json.dumps(run, indent=1) + "\n").encode())
        write_whole(folder / f"{NAME}.md", markdown(run).encode())
    except SerdError as exc:
        _log.error("bench: %s", exc)
        return exc.exit_code
    _log.info("wrote %s and %s.json", folder / f"{NAME}.md", NAME)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of: {', '.join(PARTS)}; all of them")
    parser.add_argument("--quick", action="store_true", help="short, to test the benchmarks")
    parser.add_argument(
        "--sound", type=Path, metavar="FOLDER", help="recordings, in place of made sound"
    )
    parser.add_argument("--before", metavar="COMMIT", help="an earlier serd to compare with")
    parser.add_argument(
        "--out", type=Path, metavar="FOLDER", help="for JSON and page; docs for a full run"
    )
    parser.add_argument(
        "--render", type=Path, metavar="JSON", help="write the page of an earlier run again"
    )
    parser.add_argument(
        "--flame", type=Path, metavar="SVG", help="only draw the flame graph of the pipeline"
    )
    return parser


def _measure(args: argparse.Namespace) -> dict[str, Any]:
    names = args.parts or list(PARTS)
    for name in names:
        if name not in PARTS:
            raise InputError(f"no part {name!r}, expected some of: {', '.join(PARTS)}")
    workload = QUICK if args.quick else FULL
    sound = _sound(args.sound, workload.n_scenes, workload.scene_s)
    run: dict[str, Any] = {
        "is_quick": args.quick,
        "command": " ".join(["python -m bench", *_arguments(args)]),
        "machine": machine(),
        "versions": versions(),
        "sound": {"origin": sound.origin, "duration_s": sound.duration_s},
        "before": args.before,
        "parts": {},
    }
    with tempfile.TemporaryDirectory(prefix="serd-bench-") as name, _checkout(args.before) as before:
        for part in names:
            started_s = time.monotonic()
            folder = Path(name) / part
            folder.mkdir()
            _log.info("%s", part)
            context = Context(
                workload=workload,
                sound=sound,
                folder=folder,
                before=before,
                say=lambda text: _log.info("  %s", text),
            )
            run["parts"][part] = dict(PARTS[part].measure(context))
            _log.info("  took %.0f s", time.monotonic() - started_s)
    return run


def _sound(folder: Path | None, n_scenes: int, scene_s: float) -> Sound:
    return recorded_sound(folder, n_scenes, scene_s) if folder else made_sound(n_scenes, scene_s)


def _arguments(args: argparse.Namespace) -> Iterator[str]:
    yield from args.parts
    if args.quick:
        yield "--quick"
    if args.sound:
        yield f"--sound {args.sound.name}"
    if args.before:
        yield f"--before {args.before}"


@contextlib.contextmanager
def _checkout(commit: str | None) -> Iterator[Path | None]:
    """The files of an earlier commit in a temporary folder; None without a commit.

    Raises:
        InputError: the commit does not exist.
    """
    if commit is None:
        yield None
        return
    command = ["git", "archive", commit, "serd", "models"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise InputError(f"--before {commit}: {done.stderr.decode().strip()}")
    with tempfile.TemporaryDirectory(prefix="serd-before-") as name:
        with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
            archive.extractall(name, filter="data")
        yield Path(name)


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError as exc:
        raise InputError(f"{path}: cannot be read: {exc.strerror}") from exc


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
