"""``serd doctor`` runs its checks, prints findings with advice, and sets the exit code."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from serd.audio import folders
from serd.cli import main
from serd.cli.doctor import CheckContext, Finding, run_checks
from serd.daemon.state import ControlStore
from serd.events.controls import MUTE, Controls
from serd.settings import files
from serd.settings.loader import Settings, load_settings
from testkit.brokers import free_port, mosquitto
from testkit.daemons import SERD
from testkit.doctor import FakePortAudio
from testkit.pulse import virtual_microphone

USER, PASSWORD = "serd", "right"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, on a machine without systemd."""
    programs = tmp_path / "bin"
    programs.mkdir()
    systemctl = programs / "systemctl"
    systemctl.write_text("#!/bin/sh\nexit 1\n")
    systemctl.chmod(0o755)
    for name in list(os.environ):
        if name.startswith("SERD_") or name in {"STATE_DIRECTORY", "XDG_STATE_HOME", "NOTIFY_SOCKET"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", os.pathsep.join((str(programs), os.environ["PATH"])))
    return tmp_path


def verdicts(findings: Iterator[Finding]) -> dict[str, str]:
    """Each check with its verdict."""
    return {finding.check: finding.verdict.value for finding in findings}


def context(home: Path, settings: Settings | None, problem: str = "") -> CheckContext:
    """The context of a user with this home."""
    return CheckContext(
        settings=settings,
        path=None,
        problem=problem,
        environment={"HOME": str(home)},
        listen_s=0.5,
    )


def test_every_part_of_the_daemon_is_checked(
    microphone: Callable[..., FakePortAudio], home: Path
) -> None:
    """The order is that in which the daemon needs the parts."""
    microphone()
    settings = load_settings(environment={}, flags={("mqtt", "port"): free_port()})
    assert verdicts(run_checks(context(home, settings))) == {
        "settings": "ok",
        "PortAudio": "ok",
        "microphones": "ok",
        "source mic": "ok",
        "voice detector": "ok",
        "model": "ok",
        "state folder": "ok",
        "broker": "skipped",
        "service": "skipped",
        "watchdog": "skipped",
    }


def test_wrong_settings_skip_the_checks_that_need_them(
    microphone: Callable[..., FakePortAudio], home: Path
) -> None:
    """The other checks are run."""
    microphone()
    got = verdicts(run_checks(context(home, None, "serd.toml: unknown section [mqqt]")))
    assert got["settings"] == "fail"
    assert got["PortAudio"] == got["state folder"] == "ok"
    assert got["sources"] == got["model"] == got["broker"] == "skipped"


def test_the_command_reports_success(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a check, and exit code 0."""
    microphone()
    with mosquitto() as broker:
        code = main(["doctor", "--host", broker.host, "--port", str(broker.port)])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0, lines
    assert lines[-1] == "All checks passed."
    assert any(line.startswith("OK    broker: subscribe") for line in lines)
    assert any(line.startswith("-     broker: TLS") for line in lines)
    assert (home / ".local" / "state" / "serd").is_dir()


def test_the_command_reports_a_failure_with_advice(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line with FAIL and the finding, a line with the advice, and exit code 1."""
    microphone(value=0)
    assert main(["doctor", "--port", str(free_port())]) == 1
    lines = capsys.readouterr().out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("FAIL"))
    assert "digital silence" in lines[number]
    assert "to do:" in lines[number + 1]
    assert lines[-1] == "1 of 10 checks failed."


def test_the_settings_of_the_machine_are_checked_with_the_state_of_its_service(
    microphone: Callable[..., FakePortAudio],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its state folder, with its mute and its history, and its password, for root as well."""
    microphone()
    service = home / "service"
    service.mkdir()
    (service / "mqtt-password").write_text(f"{PASSWORD}\n")
    (service / "mqtt-password").chmod(0o600)
    monkeypatch.setattr(files, "SERVICE_SETTINGS", service / "serd.toml")
    monkeypatch.setattr(files, "CREDENTIAL_FILE", service / "mqtt-password")
    monkeypatch.setattr(folders, "SERVICE_FOLDER", service)
    ControlStore(service).save("mic", MUTE, Controls(mute=True))
    with mosquitto(user=USER, password=PASSWORD) as broker:
        (service / "serd.toml").write_text(
            f'[history]\nenabled = true\n[mqtt]\nuser = "{USER}"\n'
            f'host = "{broker.host}"\nport = {broker.port}\n'
        )
        assert main(["doctor", "--json"]) == 1
    checks = {each["check"]: each for each in json.loads(capsys.readouterr().out)["checks"]}
    assert checks["state folder"]["text"].startswith(f"{service}, ")
    assert checks["history"]["text"] == f"on; nothing is in {service}/history.db yet"
    assert checks["broker: login"]["text"] == f"as {USER!r}"
    assert [name for name, each in checks.items() if each["verdict"] == "fail"] == ["source mic"]
    assert not (home / ".local").exists()


def test_wrong_settings_have_exit_code_2(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The error names the setting."""
    microphone()
    path = home / "serd.toml"
    path.write_text("[mqtt]\nport = 0\n")
    assert main(["doctor", "--config", str(path)]) == 2
    assert "[mqtt] port" in capsys.readouterr().out


def test_json_is_one_object(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the version, the overall result and each check, and no password."""
    microphone()
    path = home / "serd.toml"
    path.write_text('[mqtt]\nhost = "127.0.0.1"\nuser = "pi"\npassword = "hidden"\n')
    path.chmod(0o600)
    code = main(["doctor", "--json", "--config", str(path), "--port", str(free_port())])
    printed = capsys.readouterr().out
    body = json.loads(printed)
    assert code == 1
    assert body["ok"] is False
    failed = [check["check"] for check in body["checks"] if check["verdict"] == "fail"]
    assert failed == ["broker: TCP"]
    assert set(body["checks"][0]) == {"check", "verdict", "text", "advice"}
    assert "hidden" not in printed


def test_a_virtual_microphone_without_sound_is_silent(home: Path) -> None:
    """Through PortAudio, ALSA and PulseAudio it opens and gives only zeros."""
    with virtual_microphone() as microphone:
        done = subprocess.run(
            [*SERD, "doctor", "--json", "--source", "pulse", "--port", str(free_port())],
            env=os.environ | microphone.variables,
            capture_output=True,
            text=True,
            check=False,
        )
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert done.returncode == 1
    assert checks["source mic"]["verdict"] == "fail"
    assert "'pulse' at 16000 Hz, mono: digital silence for 3.0 s" in checks["source mic"]["text"]
    assert "pulse" in checks["microphones"]["text"]
