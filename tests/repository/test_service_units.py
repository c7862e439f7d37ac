"""The units that systemd gets: no complaint, little exposure, and sound and the model still work."""

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
    """What systemd-analyze --user needs: a folder for what runs."""
    return os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)}


def analyze(unit: Path, environment: dict[str, str], *words: str) -> str:
    """All that systemd-analyze says of a unit."""
    scope = ["--user"] if unit == USER else []
    copy = Path(environment["XDG_RUNTIME_DIR"]) / unit.name
    # It looks whether the program is there, and /opt/serd need not be.
    copy.write_text(unit.read_text("utf-8").replace("=/opt/serd/bin/serd ", "=/bin/true "))
    command = ["systemd-analyze", *scope, *words, str(copy)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def exposure(unit: Path, environment: dict[str, str]) -> float:
    """The figure of systemd-analyze security, 0 to 10."""
    said = analyze(unit, environment, "security", "--offline=true")
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", said)
    assert found, said
    return float(found[1])


@pytest.mark.parametrize("unit", [SYSTEM, USER], ids=lambda unit: unit.name)
def test_systemd_has_nothing_to_complain_of(unit: Path, environment: dict[str, str]) -> None:
    """`systemd-analyze verify` is silent: it exits with 0 even where it ignores a key."""
    assert analyze(unit, environment, "verify", "--man=no") == ""


def test_verify_would_complain(environment: dict[str, str], tmp_path: Path) -> None:
    """The test above can fail."""
    broken = tmp_path / "broken.service"
    broken.write_text(SYSTEM.read_text("utf-8").replace("WatchdogSec=", "WachdogSec="))
    assert "WachdogSec" in analyze(broken, environment, "verify", "--man=no")


def test_the_service_is_hardened(
    environment: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """`systemd-analyze security --offline=true` gives 2.0 or less; the README has the figures."""
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


def test_what_would_cost_the_sound_is_not_set() -> None:
    """Each of these is measured or known to take the microphone or the model away."""
    keys = {line.partition("=")[0] for line in SYSTEM.read_text("utf-8").splitlines()}
    assert keys.isdisjoint(
        {"MemoryDenyWriteExecute", "ProtectClock", "PrivateDevices", "ProcSubset", "PrivateNetwork"}
    )
    assert "DeviceAllow=char-alsa rw" in SYSTEM.read_text("utf-8").splitlines()


def test_portaudio_needs_memory_that_the_wall_would_deny() -> None:
    """Why MemoryDenyWriteExecute= is off: the callback fails under it, the model would not."""
    release = tuple(map(int, re.findall(r"\d+", os.uname().release)[:2]))
    if release < (6, 3):
        pytest.skip("the kernel has no PR_SET_MDWE")
    parts = check_sandbox.PARTS
    got = {
        part: check_sandbox.tried(code, check_sandbox.deny_write_execute) for part, code in parts.items()
    }
    assert "Cannot allocate write+execute memory" in got.pop("PortAudio's callback through cffi")
    assert set(got.values()) == {"works"}


def test_the_filter_holds() -> None:
    """What the unit does not allow is denied: the test below would notice."""

    def build() -> None:
        check_sandbox.filter_system_calls(SYSTEM)

    assert "Operation not permitted" in check_sandbox.tried("import os; os.nice(1)", build)
    assert "Operation not permitted" in check_sandbox.tried("import os; os.chroot('/')", build)


def test_a_microphone_is_heard_behind_the_filter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From PulseAudio to Mosquitto, with the system calls of the unit and no others."""
    behind = [daemons.SERD[0], str(ROOT / "scripts" / "check_sandbox.py"), "run"]
    monkeypatch.setattr(daemons, "SERD", [*behind, *daemons.SERD])
    paths = [tmp_path / f"{f0_hz}.wav" for f0_hz in (110, 160, 240)]
    for path in paths:
        voice = synthetic_voice(2.2, seed=0, f0_hz=float(path.stem))
        soundfile.write(path, np.concatenate((silence(0.5), voice, silence(0.5))), 16_000)
    # Where a model is hardly sure, what PulseAudio changes in the sound moves it over its threshold.
    in_files = check_microphone.analyse_files(paths)
    surest = max(paths, key=lambda path: float(in_files[path]["confidence"]))
    (heard,) = check_microphone.hear_all([surest])
    assert heard.n_utterances == 1
    assert heard.emotion_heard == heard.emotion_in_file
