"""Every command of the README and the documents runs."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import soundfile

from serd import __version__
from serd.audio.demo import DEMO_PATH
from testkit.brokers import mosquitto
from testkit.documents import Command, Machine, commands_of, documented_commands
from testkit.made_history import make_history, timed_event

COMMANDS = documented_commands()
ONCE = list({each.text: each for each in COMMANDS}.values())
"""Commands that several documents have are run once."""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with a broker, a voice in place of a microphone, a history and an archive."""
    home = tmp_path_factory.mktemp("home")
    with mosquitto() as broker:
        machine = Machine(
            home,
            {
                "SERD_MQTT_HOST": broker.host,
                "SERD_MQTT_PORT": str(broker.port),
                "SERD_SOURCE_INPUT": "demo",
                "SERD_SCREEN_ENABLED": "false",
                "SERD_WEB_PORT": "0",
            },
        )
        sound, _ = soundfile.read(DEMO_PATH, frames=16_000, dtype="int16")
        (home / "voice.pcm").write_bytes(sound.tobytes())
        soundfile.write(machine.work / "interview.flac", sound, 16_000)
        soundfile.write(machine.work / "own.tflite", sound, 16_000, format="WAV")
        (machine.work / f"serd-{__version__}-py3-none-any.whl").touch()
        (home / "archive" / "calls").mkdir(parents=True)
        shutil.copy(machine.work / "interview.flac", home / "archive" / "calls")
        make_history(home / ".local/state/serd/history.db", [timed_event()])
        yield machine


@pytest.mark.parametrize("command", ONCE, ids=str)
def test_a_command_of_the_documents_runs(machine: Machine, command: Command) -> None:
    """Its exit code is 0."""
    done = machine.run(command)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_commands_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of sh blocks each line, of console blocks what follows the prompt; comments are none."""
    assert len(COMMANDS) > 60
    with capsys.disabled():
        print(f"\n{len(COMMANDS)} commands of {len({each.page for each in COMMANDS})} documents")
    page = tmp_path / "page.md"
    page.write_text("```sh\na \\\n  b   # c\n# d\n```\n```console\n$ e\nf\n```\n```text\ng\n```\n")
    assert [each.text for each in commands_of(page, tmp_path)] == ["a    b", "e"]


def test_a_wrong_command_would_be_found(machine: Machine) -> None:
    """An unknown flag, target, unit or file fails."""
    for text in (
        "serd run --wings",
        "serd service install --wings",
        "make fly",
        "sudo systemctl start sredd",
        "docker compose -f none.yaml up",
        "pip install 'serd[wings]'",
        "cat none.flac | serd run --source -",
    ):
        assert machine.run(Command(page="", line=0, text=text)).returncode != 0, text
