"""The systemd units are valid and hardened, and leave sound and the model working."""

import ctypes.util
import os
import re
import subprocess
from pathlib import Path

import check_microphone
import check_sandbox
import numpy as np
import pytest
import soundfile

from testkit import daemons
from testkit.voices import silence, synthetic_voice

ROOT = Path(__file__).parents[2]
SYSTEM = ROOT / "systemd" / "serd.service"
USER = ROOT / "systemd" / "serd-user.service"
MAX_EXPOSURE = 2.0


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """The environment of systemd-analyze --user, with a runtime folder."""
    return os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}


def analyze(unit: Path, environment: dict[str, str], *arguments: str) -> str:
    """The output of systemd-analyze for a unit."""
    scope = ["--user"] if unit == USER else []
    copy = Path(environment["XDG_RUNTIME_DIR"]) / unit.name
    # It checks that the program exists, and /opt/serd may not.
    copy.write_text(unit.read_text("utf-8").replace("=/opt/serd/bin/serd ", "=/bin/true "))
    command = ["systemd-analyze", *scope, *arguments, str(copy)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def exposure(unit: Path, environment: dict[str, str]) -> float:
    """The exposure level by systemd-analyze security, 0 to 10."""
    output = analyze(unit, environment, "security", "--offline=true")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", output)
    assert found, output
    return float(found[1])


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=lambda unit: unit.name)
def test_the_units_are_valid(unit: Path, environment: dict[str, str]) -> None:
    """`systemd-analyze verify` prints nothing; its exit code is 0 even if it ignores a key."""
    assert analyze(unit, environment, "verify", "--man=no") == ""


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=lambda unit: unit.name)
def test_the_units_start_after_the_broker_of_the_machine(unit: Path) -> None:
    """Else serd would not find it, and start the one inside serd."""
    (after,) = re.findall(r"^After=(.*)$", unit.read_text("utf-8"), re.MULTILINE)
    assert "mosquitto.service" in after.split()


def test_an_invalid_unit_would_be_found(environment: dict[str, str], tmp_path: Path) -> None:
    """`systemd-analyze verify` names an unknown key."""
    broken = tmp_path / "broken.service"
    broken.write_text(SYSTEM.read_text("utf-8").replace("WatchdogSec=", "WachdogSec="))
    assert "WachdogSec" in analyze(broken, environment, "verify", "--man=no")


def test_the_service_is_hardened(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`systemd-analyze security --offline=true` gives 2.0 or less; the README has the values."""
    readme = (SYSTEM.parent / "README.md").read_text("utf-8")
    version = subprocess.run(
        ["systemd-analyze", "--version"], capture_output=True, text=True, check=True
    )
    is_debian_12s = version.stdout.startswith("systemd 252 ")
    for unit in (SYSTEM, USER):
        figure = exposure(unit, environment)
        with capsys.disabled():
            print(f"\nsystemd-analyze security: exposure of {unit.name} is {figure}")
        assert f"{unit.name}` has {figure}" in readme or not is_debian_12s
    assert exposure(SYSTEM, environment) <= MAX_EXPOSURE


def test_settings_that_break_sound_or_the_model_are_not_set() -> None:
    """Each of these keys is known to block the microphone or the model."""
    keys = {line.partition("=")[0] for line in SYSTEM.read_text("utf-8").splitlines()}
    assert keys.isdisjoint(
        {"MemoryDenyWriteExecute", "ProtectClock", "PrivateDevices", "ProcSubset", "PrivateNetwork"}
    )
    assert "DeviceAllow=char-alsa rw" in SYSTEM.read_text("utf-8").splitlines()


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=lambda unit: unit.name)
def test_the_start_waits_for_no_network(unit: Path) -> None:
    """Without a network, the daemon hears and keeps its events."""
    lines = [line for line in unit.read_text("utf-8").splitlines() if not line.startswith("#")]
    assert "network-online.target" not in "\n".join(lines)


def test_the_documents_agree_about_the_password() -> None:
    """Root alone reads the file that the unit passes on, and no document names it as password_file."""
    text = SYSTEM.read_text("utf-8")
    credential = re.search(r"^LoadCredential=mqtt-password:(\S+)$", text, re.MULTILINE)
    assert credential is not None
    readme, mqtt = ((ROOT / name).read_text("utf-8") for name in ("systemd/README.md", "docs/mqtt.md"))
    assert f"install -m 600 /dev/stdin {credential[1]}" in readme
    for document in (readme, mqtt):
        assert credential[1] in document
        assert not re.search(rf'password_file = "{credential[1]}"', document)
    # A password file of the system's settings would have to be readable to the service's user.
    assert not re.search(r'password_file = "/etc/', readme + mqtt)


@pytest.fixture(scope="module")
def calls() -> set[str]:
    """The system calls that the unit allows."""
    if ctypes.util.find_library("seccomp") is None:
        pytest.skip("libseccomp is not installed")
    return check_sandbox.allowed_calls(SYSTEM)


def test_every_part_works_in_the_sandbox(calls: set[str], capsys: pytest.CaptureFixture[str]) -> None:
    """MemoryDenyWriteExecute= is off because PortAudio's callback fails under it; the rest works."""
    release = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if release < (6, 3):
        pytest.skip("the kernel has no PR_SET_MDWE")
    assert check_sandbox.main([]) == 0
    printed = capsys.readouterr().out
    assert "Cannot allocate write+execute memory" in printed
    assert printed.count("works") == 2 * len(check_sandbox.PARTS) - 1


def test_a_part_that_fails_in_the_sandbox_is_found(
    calls: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check has exit code 1 if a part needs a call that the unit does not allow."""
    monkeypatch.setattr(check_sandbox, "PARTS", {"nice": "import os; os.nice(1)"})
    assert check_sandbox.main([]) == 1


def test_the_system_call_filter_denies_other_calls(calls: set[str]) -> None:
    """A call that the unit does not allow fails, so the test below is meaningful."""

    def apply() -> None:
        check_sandbox.filter_system_calls(calls)

    assert "Operation not permitted" in check_sandbox.outcome("import os; os.nice(1)", apply)
    assert "Operation not permitted" in check_sandbox.outcome("import os; os.chroot('/')", apply)


def test_a_microphone_works_under_the_system_call_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From PulseAudio to Mosquitto, with only the system calls of the unit."""
    filtered = [daemons.SERD[0], str(ROOT / "scripts" / "check_sandbox.py"), "run"]
    monkeypatch.setattr(daemons, "SERD", [*filtered, *daemons.SERD])
    paths = [tmp_path / f"{f0_hz}.wav" for f0_hz in (110, 160, 300)]
    for path in paths:
        voice = synthetic_voice(2.2, seed=0, f0_hz=float(path.stem))
        soundfile.write(path, np.concatenate((silence(0.5), voice, silence(0.5))), 16_000)
    # PulseAudio changes the sound a little, which can tip an uncertain decision.
    in_files = check_microphone.analyze_files(paths)
    surest = max(paths, key=lambda path: float(in_files[path]["confidence"]))
    (clip,) = check_microphone.play_all([surest])
    assert clip.n_utterances == 1
    assert clip.emotion_played == clip.emotion_in_file
