"""The command line: help, version, exit codes, and the commands config and devices."""

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from serd import __version__
from serd.audio.demo import DEMO_PATH
from serd.audio.devices import Microphone
from serd.cli import main
from serd.cli.devices import show
from testkit.daemons import environment, serd


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints program, version, build and model."""
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    program, model = capsys.readouterr().out.splitlines()
    assert program.startswith(f"serd {__version__} (build checkout, Python 3.")
    assert model.startswith("model serd-ravdess8 ")


def test_the_version_is_printed_with_broken_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason is in the line of the model, and the exit code is 0."""
    monkeypatch.setenv("SERD_CONFIG", str(tmp_path / "none.toml"))
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert "model unknown: " in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", ["run", "analyze", "devices", "watch", "history", "config", "discovery"]
)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """--help of each command prints its usage, with exit code 0."""
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert f"serd {command}" in capsys.readouterr().out


@pytest.mark.parametrize("argv", [[], ["fly"], ["run", "--wings"], ["analyze"]])
def test_wrong_usage_has_exit_code_2(argv: list[str]) -> None:
    """No command, an unknown one, an unknown flag and a missing argument."""
    with pytest.raises(SystemExit) as caught:
        main(argv)
    assert caught.value.code == 2


def test_config_init_does_not_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An existing file is overwritten only with --force; the new file passes the check."""
    path = tmp_path / "new" / "serd.toml"
    assert main(["config", "init", str(path)]) == 0
    path.write_text("[node]\nname = 'mine'\n")
    assert main(["config", "init", str(path)]) == 2
    assert "the file exists" in capsys.readouterr().err
    assert "mine" in path.read_text()
    assert main(["config", "init", str(path), "--force"]) == 0
    assert main(["config", "check", str(path)]) == 0
    assert "valid" in capsys.readouterr().out


def test_only_the_owner_can_read_a_new_settings_file(tmp_path: Path) -> None:
    """The file may come to hold a password."""
    path = tmp_path / "serd.toml"
    assert main(["config", "init", str(path)]) == 0
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("before", "after"), [(0o644, 0o600), (0o666, 0o600), (0o640, 0o640)])
def test_a_settings_file_that_all_can_read_becomes_private(
    tmp_path: Path, before: int, after: int
) -> None:
    """An overwritten file keeps the mode only if it is shared with its group alone."""
    path = tmp_path / "serd.toml"
    path.touch()
    path.chmod(before)
    assert main(["config", "init", str(path), "--force"]) == 0
    assert path.stat().st_mode & 0o777 == after


def test_config_init_for_a_service_turns_history_and_page_on(capsys: pytest.CaptureFixture[str]) -> None:
    """A file for `serd run` by hand does not."""
    assert main(["config", "init", "-"]) == 0
    by_hand = tomllib.loads(capsys.readouterr().out)
    assert main(["config", "init", "--service", "-"]) == 0
    service = tomllib.loads(capsys.readouterr().out)
    assert service == by_hand | {"history": {"enabled": True}, "web": {"enabled": True}}


def test_config_check_names_the_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad file is one line on standard error and code 2."""
    path = tmp_path / "serd.toml"
    path.write_text("[mqtt]\nport = 'x'\n")
    assert main(["config", "check", str(path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"serd: error: {path}: [mqtt] port = 'x', expected a whole number"


def test_devices_lists_the_microphones(capsys: pytest.CaptureFixture[str]) -> None:
    """Number, name and default mark of each; without a microphone a line."""
    show([])
    assert capsys.readouterr().out == "No microphone found.\n"
    microphone = Microphone(
        index=3, name="USB Audio", host="ALSA", n_channels=1, rate_hz=44_100, is_default=True
    )
    show([microphone])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["3", "USB", "Audio", "1", "44100", "Hz", "ALSA", "default"]
    assert lines[-2:] == ["[source]", 'input = "USB Audio"']


def test_devices_prints_a_setting_for_each_usable_microphone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Names of brackets are whole, equal names give the number, and one that is no UTF-8 is named."""
    names = ("Mic [left]", "twin", "twin", "k\\xfcche")
    show(
        [
            Microphone(
                index=index, name=name, host="ALSA", n_channels=1, rate_hz=16_000, is_default=False,
                is_usable="xfc" not in name,
            )
            for index, name in enumerate(names)
        ]
    )  # fmt: skip
    out = capsys.readouterr().out
    assert "Mic [left]" in out
    assert "not usable: its name is no UTF-8" in " ".join(out.split())
    assert out.splitlines()[-3:] == ['input = "Mic [left]"', 'input = "1"', 'input = "2"']


def test_devices_runs_on_any_machine(tmp_path: Path) -> None:
    """The exit code is 0 with and without a sound card."""
    with serd("devices", home=tmp_path) as daemon:
        assert daemon.wait() == 0, daemon.log


def test_the_daemon_imports_only_what_it_needs(tmp_path: Path) -> None:
    """It starts without the libraries for tables, the broker, sound files and training."""
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


def test_a_defect_is_an_error_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Any exception that nobody expected gives exit code 1, and its traceback is in the log."""
    monkeypatch.setattr("serd.cli.devices.devices_command", lambda _args: 1 / 0)
    assert main(["devices"]) == 1
    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.getMessage() == "serd devices failed unexpectedly"


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1"])
@pytest.mark.parametrize(
    "command",
    [
        ("discovery", "show", "--node", "Küche"),
        ("run", "--source", "demo.flac", "--fast", "--name", "Küche"),
        ("run", "--source", "demo.flac", "--fast", "--name", "Küche", "--json"),
    ],
)
def test_every_command_writes_in_every_encoding(
    command: tuple[str, ...], encoding: str, tmp_path: Path
) -> None:
    """A name that the encoding lacks ends no command, and JSON keeps it."""
    (tmp_path / "demo.flac").write_bytes(DEMO_PATH.read_bytes())
    words = [str(tmp_path / word) if word == "demo.flac" else word for word in command]
    extra = {"PYTHONIOENCODING": encoding, "SERD_MQTT_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, "-m", "serd", *words],
        env=environment(tmp_path, extra),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr
    output = done.stdout.decode(encoding)
    if command[0] == "discovery":
        assert json.loads(output)["device"]["name"] == "serd Küche"
    elif "--json" in command:
        assert {json.loads(line)["source"] for line in output.splitlines()} == {"Küche"}
    else:
        assert "* utterance" in output.splitlines()[0]
