"""The command line as a whole: help, versions, exit codes and the small commands."""

import subprocess
import sys
from pathlib import Path

import pytest

from serd import __version__
from serd.audio.microphone import Microphone
from serd.cli import main
from serd.cli.devices import show
from testkit.daemons import environment, serd


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version names program and version."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out == f"serd {__version__}\n"


@pytest.mark.parametrize("command", ["run", "analyze", "devices", "watch", "config", "discovery"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each command ends with 0 and says what it does."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"serd {command}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["fly"], ["run", "--wings"], ["analyze"]])
def test_wrong_use_is_code_2(argv: list[str]) -> None:
    """What the command line does not understand ends with 2."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_config_init_writes_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is there is kept, unless --force is given; what is written passes the check."""
    path = tmp_path / "new" / "serd.toml"
    assert main(["config", "init", str(path)]) == 0
    path.write_text("[node]\nname = 'mine'\n")
    assert main(["config", "init", str(path)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert "mine" in path.read_text()
    assert main(["config", "init", str(path), "--force"]) == 0
    assert main(["config", "check", str(path)]) == 0
    assert "fine" in capsys.readouterr().out


def test_config_check_names_the_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad file is one line on standard error and code 2."""
    path = tmp_path / "serd.toml"
    path.write_text("[mqtt]\nport = 'x'\n")
    assert main(["config", "check", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"serd: error: {path}: [mqtt] port = 'x', expected a whole number"


def test_devices_lists_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Number, name and which is the default; without a microphone a line that says so."""
    show([])
    assert capsys.readouterr().out == "No microphone found.\n"
    microphone = Microphone(
        index=3, name="USB Audio", host="ALSA", n_channels=1, rate_hz=44_100, is_default=True
    )
    show([microphone])
    row = capsys.readouterr().out.splitlines()[1].split()
    assert row == ["3", "USB", "Audio", "1", "44100", "Hz", "ALSA", "default"]


def test_devices_runs_on_any_machine(tmp_path: Path) -> None:
    """With sound card or without, the list ends with 0."""
    with serd("devices", home=tmp_path) as daemon:
        assert daemon.wait() == 0, daemon.log


def test_only_what_a_command_needs_is_imported(tmp_path: Path) -> None:
    """The daemon's start loads no table drawing, no broker, no sound files and nothing of training."""
    program = (
        "import sys, serd.cli.run; from serd.model.runtime import ModelSettings, load_model;"
        "load_model(ModelSettings());"
        "heavy = {'tensorflow', 'keras', 'scipy', 'sklearn', 'librosa', 'matplotlib', 'rich', 'amqtt',"
        " 'asyncio', 'multiprocessing', 'soundfile', 'soxr', 'serd.cli.doctor'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
