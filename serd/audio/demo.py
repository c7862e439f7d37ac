"""The bundled recording, which serd plays where there is no microphone, and the intended emotions."""

import csv
from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent.parent / "data"
DEMO_PATH: Final = _FOLDER / "demo.flac"
"""Clips of CREMA-D, joined by scripts/make_demo.py."""
TRUTH_PATH: Final = _FOLDER / "demo.csv"
"""Start, end, speaker and emotion of each clip."""


def demo_emotions() -> list[str]:
    """The intended emotion of each clip, in order."""
    with TRUTH_PATH.open(newline="", encoding="utf-8") as file:
        return [row["emotion"] for row in csv.DictReader(file)]


def demo_note() -> str:
    """A line for the log: what the recording is, and what to expect from it."""
    emotions = demo_emotions()
    return (
        f"the bundled recording is acted speech: {len(emotions)} actors of CREMA-D portray, in turn,"
        f" {', '.join(emotions)}"
    )
