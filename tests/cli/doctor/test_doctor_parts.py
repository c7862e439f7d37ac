"""``serd doctor`` checks the voice detector, the model, the alerts, the state and the history."""

from collections.abc import Iterator
from pathlib import Path

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.findings import findings_of
from serd.cli.doctor.parts import (
    alert_finding,
    history_findings,
    model_findings,
    mute_findings,
    state_folder_findings,
    voice_findings,
)
from serd.daemon.state import ControlStore
from serd.events.alert import AlertSettings
from serd.events.controls import MUTE, Controls
from serd.model.runtime import ModelSettings
from serd.mqtt.topics import NodeTopics
from serd.publishers.history import Settings as HistorySettings
from serd.speech.vad import VoiceSettings
from testkit.doctor import only
from testkit.made_history import make_history, timed_event


def test_the_voice_detector_and_the_bundled_model_pass() -> None:
    """The finding of the model has its number of emotions and the time of an inference."""
    assert only(voice_findings(VoiceSettings())).verdict is Verdict.OK
    finding = only(model_findings(ModelSettings()))
    assert finding.verdict is Verdict.OK
    assert "8 emotions, one inference in" in finding.text


def test_the_rule_of_an_alert_is_shown() -> None:
    """With its condition and where it holds."""
    alert = AlertSettings(name="at-the-door", source="door")
    finding = only(alert_finding(alert, {"door": ModelSettings()}))
    assert (finding.check, finding.verdict) == ("alert at-the-door", Verdict.OK)
    assert finding.text == "angry >= 0.5, over 60 s at door"


def test_an_alert_on_an_emotion_that_the_model_lacks_fails() -> None:
    """The text names the emotion and those that there are."""
    alert = AlertSettings(when="furious > 0.5")
    finding = only(findings_of("alert angry", lambda: alert_finding(alert, {"door": ModelSettings()})))
    assert finding.verdict is Verdict.FAIL
    assert "got 'furious', expected arousal, valence or one of: neutral, calm" in finding.text


def test_a_broken_model_fails(tmp_path: Path) -> None:
    """The text is that of the daemon's error."""
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"no model")
    finding = only(findings_of("model", lambda: model_findings(ModelSettings(path=str(path)))))
    assert finding.verdict is Verdict.FAIL
    assert "no model card" in finding.text


def test_an_unexpected_error_is_a_finding() -> None:
    """The other checks are not stopped."""

    def check() -> Iterator[Finding]:
        raise ZeroDivisionError("oops")
        yield

    finding = only(findings_of("odd", check))
    assert finding.verdict is Verdict.FAIL
    assert "ZeroDivisionError: oops" in finding.text


def test_the_state_folder_is_created_and_left_empty(tmp_path: Path) -> None:
    """The test file is removed."""
    folder = tmp_path / "deep" / "state"
    finding = only(state_folder_findings({"STATE_DIRECTORY": str(folder)}))
    assert finding.verdict is Verdict.OK
    assert list(folder.iterdir()) == []


def test_a_state_folder_that_cannot_be_created_fails(tmp_path: Path) -> None:
    """A file is in its place, since root can write to every folder."""
    (tmp_path / "file").write_text("")
    finding = only(state_folder_findings({"STATE_DIRECTORY": str(tmp_path / "file" / "state")}))
    assert finding.verdict is Verdict.FAIL
    assert "cannot be written" in finding.text


def test_a_muted_source_fails(tmp_path: Path) -> None:
    """The advice has the topic that ends it; a source that is not muted has no finding."""
    ControlStore(tmp_path).save("mic", MUTE, Controls(mute=True))
    topics = NodeTopics(prefix="serd", node="pi")
    finding = only(mute_findings(["mic", "door"], topics, {"STATE_DIRECTORY": str(tmp_path)}))
    assert finding.verdict is Verdict.FAIL
    assert (finding.check, finding.advice) == ("source mic", "publish OFF to serd/pi/mic/mute/set")


def test_the_history_is_counted(tmp_path: Path) -> None:
    """Nothing is said while it is off; an empty one is fine, and a damaged one fails."""
    environment = {"STATE_DIRECTORY": str(tmp_path)}
    path = tmp_path / "history.db"
    assert list(history_findings(HistorySettings(), environment)) == []
    kept = HistorySettings(enabled=True)
    assert only(history_findings(kept, environment)).text == f"on; nothing is in {path} yet"
    make_history(path, [timed_event(1), timed_event(2, kind="window")])
    finding = only(history_findings(kept, environment))
    assert (finding.verdict, finding.text) == (Verdict.OK, f"{path}, 2 events, 0.0 MB")
    path.write_bytes(b"rubbish" * 1000)
    finding = only(findings_of("history", lambda: history_findings(kept, environment)))
    assert finding.verdict is Verdict.FAIL
    assert "is damaged" in finding.text
