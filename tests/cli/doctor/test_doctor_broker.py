"""``serd doctor`` checks the connection to the broker step by step."""

from dataclasses import replace
from pathlib import Path

import pytest

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.broker import broker_findings
from serd.mqtt.settings import Settings as MqttSettings
from testkit.brokers import free_port, make_certificates, mosquitto
from testkit.doctor import only
from testkit.publishing import settings_for

USER, PASSWORD = "pi", "right"
STEPS = ("name", "TCP", "TLS", "login", "publish", "subscribe")


def steps(settings: MqttSettings) -> tuple[str, Finding | None]:
    """The verdict of each step as a character, and the finding that failed."""
    findings = list(broker_findings(settings, "pi", {}))
    assert [finding.check for finding in findings] == [f"broker: {step}" for step in STEPS]
    characters = {Verdict.OK: "+", Verdict.FAIL: "!", Verdict.SKIPPED: "-"}
    failed = next((each for each in findings if each.verdict is Verdict.FAIL), None)
    return "".join(characters[finding.verdict] for finding in findings), failed


def test_all_steps_pass_at_a_working_broker() -> None:
    """TLS is off and skipped; no retained message is left."""
    with mosquitto() as broker:
        assert steps(settings_for(broker)) == ("++-+++", None)
        assert broker.retained("#") == {}


def test_all_steps_pass_with_tls(tmp_path: Path) -> None:
    """The finding has the TLS version and the end of the certificate."""
    certificates = make_certificates(tmp_path)
    with mosquitto(user=USER, password=PASSWORD, certificates=certificates) as broker:
        settings = settings_for(
            broker, user=USER, password=PASSWORD, tls=True, ca_file=str(certificates.ca)
        )
        assert steps(settings) == ("++++++", None)
        tls = list(broker_findings(settings, "pi", {}))[2]
        assert tls.text.startswith("TLSv1.")
        assert "valid until" in tls.text


def test_each_step_that_fails_is_named(tmp_path: Path) -> None:
    """An unknown name, a closed port, a wrong authority, a missing file, a wrong password."""
    unknown = MqttSettings(host="no-such-host.invalid")
    pattern, failed = steps(unknown)
    assert pattern == "!-----"
    assert failed is not None
    assert "name is not known" in failed.text

    pattern, failed = steps(MqttSettings(host="127.0.0.1", port=free_port()))
    assert pattern == "+!----"
    assert failed is not None
    assert "no broker runs there" in failed.text

    certificates = make_certificates(tmp_path / "right")
    other = make_certificates(tmp_path / "wrong")
    with mosquitto(user=USER, password=PASSWORD, certificates=certificates) as broker:
        settings = settings_for(
            broker, user=USER, password=PASSWORD, tls=True, ca_file=str(certificates.ca)
        )
        for changes, pattern, part in (
            ({"ca_file": str(other.ca)}, "++!---", "[mqtt] ca_file"),
            ({"ca_file": str(tmp_path / "none.pem")}, "++!---", "No such file"),
            ({"password": "wrong"}, "+++!--", "check [mqtt] user and password"),
            ({"tls": False, "ca_file": ""}, "++-!--", "is TLS set on both sides"),
        ):
            got, failed = steps(replace(settings, **changes))  # type: ignore[arg-type]
            assert failed is not None
            assert (got, part in failed.text) == (pattern, True), failed.text
            assert "wrong" not in failed.text.replace("/wrong/", "/")


def test_an_access_list_that_refuses_the_topics_is_detected() -> None:
    """An MQTT 3.1.1 broker acknowledges messages that it drops, so the subscription must show it."""
    with mosquitto() as broker:
        access = broker.folder / "access"
        access.write_text("topic read $SYS/#\n")
        access.chmod(0o600)
        with (broker.folder / "mosquitto.conf").open("a") as settings:
            settings.write(f"acl_file {access}\n")
        broker.restart()
        pattern, failed = steps(settings_for(broker))
        assert pattern == "++-++!"
        assert failed is not None
        assert "read and write serd/#" in failed.text


def test_without_a_host_the_embedded_broker_is_named() -> None:
    """With [mqtt] enabled = false no broker is checked."""
    finding = only(broker_findings(MqttSettings(port=free_port()), "pi", {}))
    assert finding.verdict is Verdict.SKIPPED
    assert "serd starts a broker" in finding.text
    assert only(broker_findings(MqttSettings(enabled=False), "pi", {})).verdict is Verdict.SKIPPED


def test_without_any_broker_the_check_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no broker is named, runs or can be started, the finding says which to install."""
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    finding = only(broker_findings(MqttSettings(port=free_port()), "pi", {}))
    assert finding.verdict is Verdict.FAIL
    assert "apt install mosquitto" in finding.text


def test_without_a_host_the_broker_on_this_machine_is_checked() -> None:
    """The daemon uses the same one; it may be that inside a serd that runs."""
    with mosquitto() as broker:
        assert steps(MqttSettings(port=free_port(), inner_port=broker.port)) == ("++-+++", None)
        assert steps(MqttSettings(port=broker.port)) == ("++-+++", None)
