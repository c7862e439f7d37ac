"""The examples of docs/python.md and the README run unchanged."""

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import soundfile

from serd.audio.demo import DEMO_PATH
from testkit.brokers import mosquitto, wait_until
from testkit.made_events import make_event

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"


def _run(arguments: Sequence[str | Path], cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60.0,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_of_files_prints_the_utterances(tmp_path: Path) -> None:
    """It prints a line for each utterance, and one for the whole file."""
    lines = _run([EXAMPLES / "from_file.py", DEMO_PATH], tmp_path).splitlines()
    assert len(lines) > 2
    assert [line.split()[0] for line in lines[:-1]] == ["utterance"] * (len(lines) - 1)
    assert lines[-1].split()[0] == "file"


def test_the_example_of_arrays_prints_the_emotion_of_the_recording(tmp_path: Path) -> None:
    """The line has the number of events as well."""
    assert re.match(
        r"\d+ events, the whole: \w+ \(\d+%\)\n", _run([EXAMPLES / "from_array.py", DEMO_PATH], tmp_path)
    )


def test_the_example_of_streams_prints_each_event(tmp_path: Path) -> None:
    """There are as many as in the file, without the event of the whole file."""
    n_events = len(_run([EXAMPLES / "from_stream.py", DEMO_PATH], tmp_path).splitlines())
    n_in_array = int(_run([EXAMPLES / "from_array.py", DEMO_PATH], tmp_path).split()[0])
    assert abs(n_events - n_in_array) <= 5, (
        "the example of arrays has the tiny model, which may reject other windows"
    )
    assert n_events > 10


def test_the_example_of_a_subscriber_prints_utterances(tmp_path: Path) -> None:
    """It reads from a real broker, and ignores payloads that are not events."""
    with mosquitto() as broker:
        command = [sys.executable, EXAMPLES / "subscriber.py", "127.0.0.1", str(broker.port)]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        printed = tmp_path / "printed"
        with (
            printed.open("wb") as out,
            subprocess.Popen(command, env=environment, stdout=out) as process,
        ):
            try:

                def is_printed() -> bool:
                    for payload in ("no event", make_event(emotion="happy").to_json()):
                        broker.publish("serd/pi/mic/event", payload)
                    return "\n" in printed.read_text()

                wait_until(is_printed, "an utterance")
            finally:
                process.kill()
    assert printed.read_text().splitlines()[0] == "pi/mic: happy (87%)"


def _snippets(page: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_snippet_runs(page: str, tmp_path: Path) -> None:
    """The snippet of about six lines runs beside a file of that name."""
    (snippet,) = _snippets(page)
    sound, rate = soundfile.read(DEMO_PATH)
    soundfile.write(tmp_path / "talk.mp3", sound, rate)
    (tmp_path / "snippet.py").write_text(snippet)
    assert len(snippet.strip().splitlines()) <= 7
    assert _run(["snippet.py"], tmp_path).strip()
