"""What ``serd doctor`` says of the parts inside: voice detector, model, state folder."""

from collections.abc import Iterator
from pathlib import Path

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.findings import examined
from serd.cli.doctor.parts import model_findings, state_folder_findings, voice_findings
from serd.model.runtime import ModelSettings
from serd.speech.vad import VoiceSettings
from testkit.doctor import only


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
