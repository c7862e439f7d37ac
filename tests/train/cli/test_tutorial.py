"""The commands of docs/tutorial.md, run in their order on made-up recordings, print what it shows."""

import csv
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile
from article_tree import write_voice
from trainings import train

from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.labels import EMOTIONS
from testkit.imports import ROOT
from testkit.voices import quiet_room, synthetic_voice

_BLOCK: Final = re.compile(r"```(sh|text)\n(.*?)```", re.DOTALL)
_NUMBER: Final = re.compile(r"[-+]?\d[\d,.]*")
_ACTORS: Final = (1, 2, 21, 22, 23, 24)
_SPEAKERS: Final = {"anna": "female", "ben": "male", "cleo": "female", "dan": "male"}
_EMOTIONS: Final = ("neutral", "happy", "angry")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """A command of the tutorial."""

    words: list[str]
    """What is typed."""
    shown: list[str]
    """Lines that the tutorial shows of what it prints; none is "..."."""


def _steps() -> list[Step]:
    """The commands with the lines behind each."""
    blocks = _BLOCK.findall((ROOT / "docs" / "tutorial.md").read_text("utf-8"))
    steps: list[Step] = []
    for kind, content in blocks:
        if kind == "sh":
            lines = content.replace("\\\n", " ").splitlines()
            steps += [Step(words=shlex.split(line), shown=[]) for line in lines]
        else:
            lines = [line.strip() for line in content.splitlines()]
            steps[-1].shown.extend(line for line in lines if line not in {"", "..."})
    return steps


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """RAVDESS with six actors, and own recordings of four people with their table."""
    for actor in _ACTORS:
        for emotion in range(1, 9):
            name = f"03-01-{emotion:02d}-01-01-01-{actor:02d}"
            write_voice(tmp_path / "ravdess" / f"Actor_{actor:02d}", name)
    with (tmp_path / "own.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["file", "emotion", "speaker", "gender"])
        for number, (speaker, gender) in enumerate(_SPEAKERS.items()):
            for place, emotion in enumerate(_EMOTIONS):
                path = Path("own") / f"{speaker}-{emotion}-1.wav"
                _write_own(tmp_path / path, f0_hz=110.0 + 30.0 * place + 7.0 * number)
                table.writerow([path.as_posix(), emotion, speaker, gender])
    return tmp_path


def _write_own(path: Path, *, f0_hz: float) -> None:
    """A voice of its own pitch in a quiet room."""
    voice = synthetic_voice(1.4, seed=int(f0_hz), f0_hz=f0_hz)
    sound = np.concatenate((quiet_room(0.5), voice, quiet_room(0.5, seed=1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, SAMPLE_RATE_HZ)


def _run(words: list[str], home: Path) -> "subprocess.CompletedProcess[str]":
    """A command in the folder of the tutorial; a training is a smoke run."""
    match words:
        case ["python", "-m", "train", "fit", *rest]:
            return train("fit", *rest, "--quick", before=partial(os.chdir, home))
        case ["python", "-m", "train", *rest]:
            return train(*rest, before=partial(os.chdir, home))
        case ["serd", *rest]:
            return subprocess.run(
                [sys.executable, "-m", "serd", *rest],
                cwd=home,
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
        case _:
            raise AssertionError(words)


def _pattern(line: str) -> str:
    """A line in which any number, any emotion and any width of the columns will do."""

    def any_figure(word: str) -> str:
        if word in EMOTIONS:
            return r"\w+"
        return _NUMBER.pattern.join(map(re.escape, _NUMBER.split(word)))

    return r"\s+".join(map(any_figure, line.split()))


def test_the_nine_commands_print_what_the_tutorial_shows(home: Path) -> None:
    """Each ends well, in order, and prints each line that is shown, whatever its figures are."""
    steps = _steps()
    assert len(steps) == 9
    for step in steps:
        done = _run(step.words, home)
        assert done.returncode == 0, (step.words, done.stderr)
        assert step.shown, f"{step.words}: the tutorial does not show what it prints"
        for line in step.shown:
            assert re.search(_pattern(line), done.stdout), (step.words, line, done.stdout)
