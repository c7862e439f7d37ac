"""What ``serd doctor`` says of PortAudio, the microphones and the sources."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from serd.audio.source import SourceSettings
from serd.cli.doctor import Verdict
from serd.cli.doctor.findings import examined
from serd.cli.doctor.sound import device_findings, portaudio_findings, source_findings
from testkit.doctor import FakePortAudio, only


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
