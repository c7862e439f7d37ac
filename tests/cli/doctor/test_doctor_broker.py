"""What ``serd doctor`` says of each step of the way to a broker."""

from dataclasses import replace
from pathlib import Path

from serd.cli.doctor import Finding, Verdict
from serd.cli.doctor.broker import broker_findings
from serd.mqtt.settings import Settings as MqttSettings
from testkit.brokers import free_port, make_certificates, mosquitto
from testkit.doctor import only
from testkit.publishing import settings_for

USER, WORD = "pi", "right"
STEPS = ("name", "TCP", "TLS", "login", "publish", "subscribe")


def steps(settings: MqttSettings) -> tuple[str, Finding | None]:
    """The verdicts of the steps, a letter each, and the one that failed."""
    findings = list(broker_findings(settings, "pi"))
    assert [finding.check for finding in findings] == [f"broker: {step}" for step in STEPS]
    letters = {Verdict.OK: "+", Verdict.FAIL: "!", Verdict.SKIPPED: "-"}
    failed = next((each for each in findings if each.verdict is Verdict.FAIL), None)
    return "".join(letters[finding.verdict] for finding in findings), failed


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
