"""`serd doctor` finds what is wrong, says what to do, and its exit code can be relied on."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from serd.cli import main
from serd.config import Settings, load_settings
from serd.doctor import Case, Finding, Verdict, examine
from serd.doctor.broker import broker_findings
from serd.doctor.findings import examined
from serd.doctor.parts import model_findings, state_folder_findings, voice_findings
from serd.doctor.service import service_findings
from serd.doctor.sound import device_findings, portaudio_findings, source_findings
from serd.mqtt.settings import Settings as MqttSettings
from serd.runtime import ModelSettings
from serd.sources import SourceSettings
from serd.voice import VoiceSettings
from tests.brokers import MosquittoBroker, free_port, make_certificates, mosquitto
from tests.daemons import SERD
from tests.notify_sockets import notify_socket
from tests.pulse import virtual_microphone

BLOCK_SAMPLES = 480
USER, WORD = "pi", "right"


class FakePortAudio:
    """Stands in for the module sounddevice: a microphone that gives the same block, again and again."""

    class PortAudioError(Exception):
        """What sounddevice raises."""

    def __init__(self, *, value: int = 1000, name: str = "USB", opens: bool = True) -> None:
        self.default = SimpleNamespace(device=[0, 0])
        self.n_closed = 0
        self._block = np.full(BLOCK_SAMPLES, value, np.int16).tobytes()
        self._name = name
        self._opens = opens

    def _terminate(self) -> None:
        """End the library."""

    def _initialize(self) -> None:
        """Start it."""

    def get_portaudio_version(self) -> tuple[int, str]:
        """As the library says it."""
        return 1246976, "PortAudio V19.6.0-devel, revision 396fe4b669"

    def query_hostapis(self) -> list[dict[str, str]]:
        """One host API."""
        return [{"name": "ALSA"}]

    def query_devices(self) -> list[dict[str, object]]:
        """One microphone, or none."""
        if not self._name:
            return []
        device = {"index": 0, "name": self._name, "hostapi": 0, "max_input_channels": 1}
        return [device | {"default_samplerate": 16_000.0}]

    def RawInputStream(self, **options: Any) -> SimpleNamespace:  # noqa: N802, ANN401
        """A stream that gives five seconds of sound as soon as it starts."""
        if not self._opens:
            raise self.PortAudioError("Device unavailable")

        def start() -> None:
            for _ in range(5 * 16_000 // BLOCK_SAMPLES):
                status = SimpleNamespace(input_overflow=False)
                options["callback"](self._block, BLOCK_SAMPLES, None, status)

        def close(**_: object) -> None:
            self.n_closed += 1

        return SimpleNamespace(start=start, abort=lambda **_: None, close=close)


@pytest.fixture
def microphone(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakePortAudio]:
    """Plugs in a microphone of the given kind."""

    def plug_in(**options: Any) -> FakePortAudio:  # noqa: ANN401
        library = FakePortAudio(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
        return library

    return plug_in


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without settings, on a machine where systemd does not run."""
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


def only(findings: Iterator[Finding]) -> Finding:
    """The one finding that there is."""
    (finding,) = findings
    return finding


def verdicts(findings: Iterator[Finding]) -> dict[str, str]:
    """Each check with its verdict."""
    return {finding.check: finding.verdict.value for finding in findings}


def test_sound_is_measured(microphone: Callable[..., FakePortAudio]) -> None:
    """Three seconds, at the level that they have; the microphone is given back."""
    library = microphone(value=3277)
    assert "PortAudio V19.6.0" in only(portaudio_findings()).text
    assert "0 'USB' (default)" in only(device_findings()).text
    finding = only(source_findings(SourceSettings(), 3.0))
    assert (finding.check, finding.verdict) == ("source mic", Verdict.OK)
    assert "'USB' at 16000 Hz, mono: -20 dBFS over 3.0 s" in finding.text
    assert library.n_closed == 1


def test_digital_silence_is_said(microphone: Callable[..., FakePortAudio]) -> None:
    """A muted microphone opens like any other, and a daemon would be deaf with it."""
    microphone(value=0)
    finding = only(source_findings(SourceSettings(), 3.0))
    assert finding.verdict is Verdict.FAIL
    assert "digital silence for 3.0 s" in finding.text
    assert "muted" in finding.advice


def test_one_bit_of_noise_is_no_digital_silence(microphone: Callable[..., FakePortAudio]) -> None:
    """A quiet room is no defect."""
    microphone(value=1)
    assert only(source_findings(SourceSettings(), 1.0)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("options", "wanted", "words"),
    [
        ({"opens": False}, "default", ["does not open", "Device unavailable", "group audio"]),
        ({}, "webcam", ["no microphone 'webcam'", "'USB'"]),
        ({"name": ""}, "default", ["no microphone found"]),
    ],
)
def test_a_microphone_that_cannot_be_had_is_said(
    microphone: Callable[..., FakePortAudio],
    options: Mapping[str, Any],
    wanted: str,
    words: list[str],
) -> None:
    """With what to do."""
    microphone(**options)
    look = source_findings(SourceSettings(input=wanted), 1.0)
    finding = only(examined("source mic", lambda: look))
    assert finding.verdict is Verdict.FAIL
    assert all(word in f"{finding.text} {finding.advice}" for word in words), finding


def test_without_portaudio_the_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once: the list of microphones only says that it cannot be had."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    finding = only(examined("PortAudio", portaudio_findings))
    assert finding.verdict is Verdict.FAIL
    assert "sudo apt-get install libportaudio2" in finding.text
    assert only(device_findings()).verdict is Verdict.SKIPPED


def test_no_microphone_is_no_defect_of_a_machine_that_reads_files(
    microphone: Callable[..., FakePortAudio],
) -> None:
    """Only the source that wants one fails; a file is opened and measured too, standard input not."""
    microphone(name="")
    assert only(device_findings()).verdict is Verdict.SKIPPED
    demo = only(source_findings(SourceSettings(input="demo"), 3.0))
    assert demo.verdict is Verdict.OK
    assert "dBFS over 3.0 s" in demo.text
    assert only(source_findings(SourceSettings(input="-"), 3.0)).verdict is Verdict.SKIPPED


def test_the_parts_inside_work() -> None:
    """The voice detector and the model that comes with serd, with one inference."""
    assert only(voice_findings(VoiceSettings())).verdict is Verdict.OK
    finding = only(model_findings(ModelSettings()))
    assert finding.verdict is Verdict.OK
    assert "8 emotions, one inference in" in finding.text


def test_a_broken_model_is_said(tmp_path: Path) -> None:
    """In the words of the daemon's own error."""
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"no model")
    finding = only(examined("model", lambda: model_findings(ModelSettings(path=str(path)))))
    assert finding.verdict is Verdict.FAIL
    assert "no model card" in finding.text


def test_an_unexpected_error_stops_nobody() -> None:
    """A defect in one check is a finding too."""

    def look() -> Iterator[Finding]:
        raise ZeroDivisionError("oops")
        yield

    finding = only(examined("odd", look))
    assert finding.verdict is Verdict.FAIL
    assert "ZeroDivisionError: oops" in finding.text


def test_the_state_folder_is_made_and_left_empty(tmp_path: Path) -> None:
    """Where systemd or the user wants it."""
    folder = tmp_path / "deep" / "state"
    finding = only(state_folder_findings({"STATE_DIRECTORY": str(folder)}))
    assert finding.verdict is Verdict.OK
    assert list(folder.iterdir()) == []


def test_a_state_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """A file in its place, here; root may write anywhere else."""
    (tmp_path / "file").write_text("")
    finding = only(state_folder_findings({"STATE_DIRECTORY": str(tmp_path / "file" / "state")}))
    assert finding.verdict is Verdict.FAIL
    assert "cannot be written" in finding.text


RUNNING = """LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=enabled
NRestarts=2
WatchdogUSec=30s
StatusText=happy=0.8
"""
STEPS = ("name", "TCP", "TLS", "login", "publish", "subscribe")


def steps(settings: MqttSettings) -> tuple[str, Finding | None]:
    """The verdicts of the steps, a letter each, and the one that failed."""
    findings = list(broker_findings(settings, "pi"))
    assert [finding.check for finding in findings] == [f"broker: {step}" for step in STEPS]
    letters = {Verdict.OK: "+", Verdict.FAIL: "!", Verdict.SKIPPED: "-"}
    failed = next((each for each in findings if each.verdict is Verdict.FAIL), None)
    return "".join(letters[finding.verdict] for finding in findings), failed


def settings_for(broker: MosquittoBroker, **changes: Any) -> MqttSettings:  # noqa: ANN401
    return replace(MqttSettings(host=broker.host, port=broker.port), **changes)


def test_the_way_to_a_broker_holds() -> None:
    """All steps but TLS, which is off; nothing retained is left behind."""
    with mosquitto() as broker:
        assert steps(settings_for(broker)) == ("++-+++", None)
        assert broker.retained("#") == {}


def test_the_way_through_tls_holds(tmp_path: Path) -> None:
    """With version and end of the certificate."""
    certificates = make_certificates(tmp_path)
    with mosquitto(user=USER, password=WORD, certificates=certificates) as broker:
        settings = settings_for(broker, user=USER, password=WORD, tls=True, ca_file=str(certificates.ca))
        assert steps(settings) == ("++++++", None)
        tls = list(broker_findings(settings, "pi"))[2]
        assert tls.text.startswith("TLSv1.")
        assert "valid until" in tls.text


def test_each_step_that_fails_is_named(tmp_path: Path) -> None:
    """An unknown name, a closed port, a wrong authority, a missing file, a wrong password."""
    unknown = MqttSettings(host="no-such-host.invalid")
    picture, failed = steps(unknown)
    assert picture == "!-----"
    assert failed is not None
    assert "name is not known" in failed.text

    picture, failed = steps(MqttSettings(host="127.0.0.1", port=free_port()))
    assert picture == "+!----"
    assert failed is not None
    assert "no broker runs there" in failed.text

    certificates = make_certificates(tmp_path / "right")
    other = make_certificates(tmp_path / "wrong")
    with mosquitto(user=USER, password=WORD, certificates=certificates) as broker:
        settings = settings_for(broker, user=USER, password=WORD, tls=True, ca_file=str(certificates.ca))
        for changes, picture, words in (
            ({"ca_file": str(other.ca)}, "++!---", "[mqtt] ca_file"),
            ({"ca_file": str(tmp_path / "none.pem")}, "++!---", "No such file"),
            ({"password": "wrong"}, "+++!--", "check [mqtt] user and password"),
            ({"tls": False, "ca_file": ""}, "++-!--", "is TLS set on both sides"),
        ):
            got, failed = steps(replace(settings, **changes))  # type: ignore[arg-type]
            assert failed is not None
            assert (got, words in failed.text) == (picture, True), failed.text
            assert "wrong" not in failed.text.replace("/wrong/", "/")


def test_an_access_list_that_forbids_the_topics_is_noticed() -> None:
    """The broker acknowledges what it throws away (MQTT 3.1.1): only the way back shows it."""
    with mosquitto() as broker:
        access = broker.folder / "access"
        access.write_text("topic read $SYS/#\n")
        access.chmod(0o600)
        with (broker.folder / "mosquitto.conf").open("a") as settings:
            settings.write(f"acl_file {access}\n")
        broker.restart()
        picture, failed = steps(settings_for(broker))
        assert picture == "++-++!"
        assert failed is not None
        assert "read and write serd/#" in failed.text


def test_without_a_named_broker_the_one_inside_is_named() -> None:
    """And one that is turned off is not looked for."""
    finding = only(broker_findings(MqttSettings(port=free_port()), "pi"))
    assert finding.verdict is Verdict.SKIPPED
    assert "serd starts one" in finding.text
    assert only(broker_findings(MqttSettings(enabled=False), "pi")).verdict is Verdict.SKIPPED


def test_without_a_named_broker_that_of_this_machine_is_taken() -> None:
    """As the daemon takes it."""
    with mosquitto() as broker:
        assert steps(MqttSettings(port=broker.port)) == ("++-+++", None)


@pytest.mark.parametrize(
    ("said", "verdict", "words"),
    [
        (None, "skipped", "does not run here"),
        ("", "skipped", "does not run here"),
        ("LoadState=not-found\nActiveState=inactive\n", "skipped", "sudo make install-service"),
        ("LoadState=bad-setting\nActiveState=inactive\n", "fail", "does not load"),
        (
            RUNNING,
            "ok",
            "active (running), enabled, watchdog 30s, 2 restarts: happy=0.8",
        ),
        ("LoadState=loaded\nActiveState=inactive\nSubState=dead\n", "skipped", "systemctl start serd"),
        ("LoadState=loaded\nActiveState=failed\nSubState=failed\n", "fail", "failed (failed)"),
        ("LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n", "fail", "auto-restart"),
    ],
)
def test_the_unit_is_asked_for(said: str | None, verdict: str, words: str) -> None:
    """In the words of systemctl show."""
    finding = next(service_findings({}, lambda _command: said))
    assert finding.check == "service"
    assert finding.verdict == verdict
    assert words in finding.text


def test_the_watchdog_of_this_process_is_named(tmp_path: Path) -> None:
    """Where the doctor runs as a service itself."""

    def watchdog(variables: dict[str, str]) -> Finding:
        return list(service_findings(variables, lambda _command: None))[1]

    with notify_socket(tmp_path) as manager:
        variables = {"NOTIFY_SOCKET": manager.address}
        assert "without WatchdogSec" in watchdog(variables).text
        finding = watchdog(variables | {"WATCHDOG_USEC": "30000000"})
        assert finding.verdict is Verdict.OK
        assert "each 30 s" in finding.text
        assert manager.waiting() == []
    assert watchdog({}).verdict is Verdict.SKIPPED


def case(home: Path, settings: Settings | None, problem: str = "") -> Case:
    return Case(
        settings=settings,
        path=None,
        problem=problem,
        environment={"HOME": str(home)},
        listen_s=0.5,
    )


def test_all_that_the_daemon_stands_on_is_checked(
    microphone: Callable[..., FakePortAudio], home: Path
) -> None:
    """In the order in which the daemon needs it."""
    microphone()
    settings = load_settings(environment={}, flags={("mqtt", "port"): free_port()})
    assert verdicts(examine(case(home, settings))) == {
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


def test_broken_settings_hide_what_depends_on_them(
    microphone: Callable[..., FakePortAudio], home: Path
) -> None:
    """The rest is checked all the same."""
    microphone()
    got = verdicts(examine(case(home, None, "serd.toml: unknown section [mqqt]")))
    assert got["settings"] == "fail"
    assert got["PortAudio"] == got["state folder"] == "ok"
    assert got["sources"] == got["model"] == got["broker"] == "skipped"


def test_the_command_says_that_all_is_well(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line a check, and exit code 0."""
    microphone()
    with mosquitto() as broker:
        code = main(["doctor", "--host", broker.host, "--port", str(broker.port)])
    lines = capsys.readouterr().out.splitlines()
    assert code == 0, lines
    assert lines[-1] == "All is well."
    assert any(line.startswith("OK    broker: subscribe") for line in lines)
    assert any(line.startswith("-     broker: TLS") for line in lines)
    assert (home / ".local" / "state" / "serd").is_dir()


def test_the_command_says_what_to_do(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """FAIL, what was found, what to do; exit code 1."""
    microphone(value=0)
    assert main(["doctor", "--port", str(free_port())]) == 1
    lines = capsys.readouterr().out.splitlines()
    (number,) = (number for number, line in enumerate(lines) if line.startswith("FAIL"))
    assert "digital silence" in lines[number]
    assert "to do:" in lines[number + 1]
    assert lines[-1] == "1 of 10 checks failed."


def test_bad_settings_end_with_2(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As everywhere in serd."""
    microphone()
    path = home / "serd.toml"
    path.write_text("[mqtt]\nport = 0\n")
    assert main(["doctor", "--config", str(path)]) == 2
    assert "[mqtt] port" in capsys.readouterr().out


def test_json_is_one_object(
    microphone: Callable[..., FakePortAudio], home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """For programs: version, whether all is well, and each check; no password in it."""
    microphone()
    path = home / "serd.toml"
    path.write_text('[mqtt]\nhost = "127.0.0.1"\nuser = "pi"\npassword = "hidden"\n')
    code = main(["doctor", "--json", "--config", str(path), "--port", str(free_port())])
    printed = capsys.readouterr().out
    body = json.loads(printed)
    assert code == 1
    assert body["ok"] is False
    failed = [check["check"] for check in body["checks"] if check["verdict"] == "fail"]
    assert failed == ["broker: TCP"]
    assert set(body["checks"][0]) == {"check", "verdict", "text", "advice"}
    assert "hidden" not in printed


def test_a_virtual_microphone_on_which_nothing_plays_is_silent(home: Path) -> None:
    """The whole way through PortAudio, ALSA and PulseAudio: it opens, and only zeros come."""
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
