"""``serd history marks``: shows what people have marked, or writes it as a corpus for training."""

import argparse
from pathlib import Path

from serd.audio.paths import expanded, printable
from serd.audio.private_files import write_private
from serd.cli.history.files import find_history
from serd.errors import InputError
from serd.events.event import local_rfc3339
from serd.publishers.history.marks import TABLE_FILE, Mark, Marks, table


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the action to the command line."""
    parser = actions.add_parser(
        "marks",
        help="what was marked right or wrong on the page; as a corpus for training with --out",
        description="Shows which windows were marked on the page. With --out it writes a folder with"
        " their sounds and a table, marks.csv, that python -m train fit --table takes.",
    )
    parser.add_argument("--out", metavar="FOLDER", help="new folder for the table and the sounds")
    parser.set_defaults(command=marks_command)


def marks_command(args: argparse.Namespace) -> int:
    """Print the marks, or write a folder with their sounds and a table that ``train fit --table`` takes.

    Raises:
        InputError: the folder exists, or cannot be written.
        HistoryError: the file cannot be read, or is damaged.
    """
    marks = Marks(find_history())
    found = marks.all()
    if args.out is None:
        for mark in found:
            time = local_rfc3339(mark.time_s)[:19].replace("T", " ")
            print(f"{time}  {mark.source:<8}  {mark.heard} -> {mark.text}")
        print(_sentence(found))
        return 0
    folder = expanded(args.out)
    _write(folder, marks)
    print(f"{_sentence(found)} Those with an emotion are in {printable(folder / TABLE_FILE)}.")
    return 0


def _sentence(marks: list[Mark]) -> str:
    n_named = sum(bool(mark.emotion) for mark in marks)
    return f"{len(marks)} marks, {n_named} of them with an emotion."


def _write(folder: Path, marks: Marks) -> None:
    """Write the table and the sounds of a corpus; only its owner can read them."""
    if folder.exists():
        raise InputError(f"--out {printable(folder)}: it exists; expected the name of a new folder")
    kept = []
    try:
        folder.mkdir(mode=0o700)
        for mark, clip in marks.with_sound():
            write_private(folder / clip.path.name, clip.sound())
            kept.append(mark)
        write_private(folder / TABLE_FILE, table(kept).encode())
    except OSError as exc:
        raise InputError(f"--out {printable(folder)}: cannot be written: {exc.strerror or exc}") from exc
