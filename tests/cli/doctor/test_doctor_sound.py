"""``serd doctor`` checks PortAudio, the microphones and the sources."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from serd.audio.source import SourceSettings
from serd.cli.doctor import Verdict
from serd.cli.doctor.findings import findings_of
from serd.cli.doctor.sound import device_findings, portaudio_findings, source_findings
from testkit.doctor import FakePortAudio, only


def test_sound_is_measured(microphone: Callable[..., FakePortAudio]) -> None:
    """The finding has length and level of the sound; the microphone is closed."""
    library = microphone(value=3277)
    assert "PortAudio V19.6.0" in only(portaudio_findings()).text
    assert "0 'USB' (default)" in only(device_findings()).text
    finding = only(source_findings(SourceSettings(), 3.0))
    assert (finding.check, finding.verdict) == ("source mic", Verdict.OK)
    assert "'USB' at 16000 Hz, mono: -20 dBFS over 3.0 s" in finding.text
    assert library.n_closed == 1


def test_digital_silence_fails(microphone: Callable[..., FakePortAudio]) -> None:
    """A muted microphone opens without an error, so only its sound can show it."""
    microphone(value=0)
    finding = only(source_findings(SourceSettings(), 3.0))
    assert finding.verdict is Verdict.FAIL
    assert "digital silence for 3.0 s" in finding.text
    assert "muted" in finding.advice


def test_an_offset_is_named_and_not_part_of_the_level(
    microphone: Callable[..., FakePortAudio],
) -> None:
    """A tenth of full scale under sound of -40 dBFS."""
    microphone(value=328, offset=3277)
    finding = only(source_findings(SourceSettings(), 3.0))
    assert finding.verdict is Verdict.OK
    assert "-40 dBFS over 3.0 s; an offset of -20 dBFS (10 % of full scale)" in finding.text


def test_an_offset_alone_fails(microphone: Callable[..., FakePortAudio]) -> None:
    """A constant is no sound."""
    microphone(value=0, offset=500)
    finding = only(source_findings(SourceSettings(), 3.0))
    assert finding.verdict is Verdict.FAIL
    assert "no sound for 3.0 s; an offset of -36 dBFS" in finding.text


def test_one_bit_of_noise_passes(microphone: Callable[..., FakePortAudio]) -> None:
    """A quiet room is no problem."""
    microphone(value=1)
    assert only(source_findings(SourceSettings(), 1.0)).verdict is Verdict.OK


@pytest.mark.parametrize(
    ("options", "name", "parts"),
    [
        ({"opens": False}, "default", ["does not open", "Device unavailable", "group audio"]),
        ({}, "webcam", ["no microphone 'webcam'", "'USB'"]),
        ({"name": ""}, "default", ["no microphone found"]),
    ],
)
def test_a_microphone_that_does_not_open_fails(
    microphone: Callable[..., FakePortAudio],
    options: Mapping[str, Any],
    name: str,
    parts: list[str],
) -> None:
    """The finding has the reason and the advice."""
    microphone(**options)
    check = source_findings(SourceSettings(input=name), 1.0)
    finding = only(findings_of("source mic", lambda: check))
    assert finding.verdict is Verdict.FAIL
    assert all(part in f"{finding.text} {finding.advice}" for part in parts), finding


def test_without_portaudio_its_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The check of PortAudio fails once; the check of microphones is skipped."""
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    finding = only(findings_of("PortAudio", portaudio_findings))
    assert finding.verdict is Verdict.FAIL
    assert "sudo apt-get install libportaudio2" in finding.text
    assert only(device_findings()).verdict is Verdict.SKIPPED


def test_without_a_microphone_other_sources_pass(
    microphone: Callable[..., FakePortAudio],
) -> None:
    """Only a source that needs one fails; the demo is measured, and standard input is skipped."""
    microphone(name="")
    assert only(device_findings()).verdict is Verdict.SKIPPED
    demo = only(source_findings(SourceSettings(input="demo"), 3.0))
    assert demo.verdict is Verdict.OK
    assert "dBFS over 3.0 s" in demo.text
    assert only(source_findings(SourceSettings(input="-"), 3.0)).verdict is Verdict.SKIPPED
