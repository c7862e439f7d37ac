"""Passwords, certificates and addresses of a real Mosquitto, right and wrong."""

from pathlib import Path

import pytest

from serd.errors import PublishError, SettingsError
from serd.publishers.mqtt import Settings, create
from testkit.brokers import Certificates, Listener, make_certificates, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import CONTEXT, EVENT, open_publisher, publishing, settings_for

USER, WORD = "pi", "right"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority of our own, and what it signed."""
    return make_certificates(tmp_path_factory.mktemp("ca"))


def test_a_wrong_password_is_said_once_and_named_at_close(
    lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """Not authorised: one line, no password in it, tried on, and PublishError in the end."""
    with mosquitto(user=USER, password=WORD) as broker:
        publisher = open_publisher(settings_for(broker, user=USER, password=WORD[::-1]))
        publisher.publish(make_event())
        wait_until(lambda: broker.log.count("not authorised") >= 2, "a second attempt")
        with pytest.raises(PublishError) as caught:
            publisher.close(0.5)
    expected = "not authorised; check [mqtt] user and password"
    address = f"127.0.0.1:{broker.port}"
    assert lines == [f"broker {address} refuses us: {expected}; trying again"]
    assert str(caught.value) == f"1 event was not acknowledged by broker {address}: {expected}"
    assert WORD[::-1] not in capfd.readouterr().err


def test_user_and_password_open_the_door() -> None:
    """With the right password events arrive."""
    with mosquitto(user=USER, password=WORD) as broker, Listener(broker) as listener:
        with publishing(settings_for(broker, user=USER, password=WORD)) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


def test_tls_with_our_own_authority(certificates: Certificates) -> None:
    """With the authority's certificate in ca_file events arrive over TLS."""
    with mosquitto(certificates=certificates) as broker, Listener(broker) as listener:
        settings = settings_for(broker, tls=True, ca_file=str(certificates.ca))
        with publishing(settings) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


def test_tls_with_a_certificate_of_our_own(certificates: Certificates) -> None:
    """A broker that asks for a client's certificate gets it."""
    with mosquitto(certificates=certificates, require_certificate=True) as broker:
        settings = settings_for(
            broker,
            tls=True,
            ca_file=str(certificates.ca),
            cert_file=str(certificates.certificate),
            key_file=str(certificates.key),
        )
        with publishing(settings) as publisher:
            publisher.publish(make_event())


def test_tls_with_a_wrong_authority(
    certificates: Certificates, tmp_path: Path, lines: list[str]
) -> None:
    """A certificate that another authority signed is refused, with a line that says so."""
    other = make_certificates(tmp_path / "other")
    with mosquitto(certificates=certificates) as broker:
        publisher = open_publisher(settings_for(broker, tls=True, ca_file=str(other.ca)))
        publisher.publish(make_event())
        wait_until(lambda: lines, "the line")
        with pytest.raises(PublishError, match="TLS certificate is not accepted"):
            publisher.close(0.5)
    assert len(lines) == 1
    assert "[mqtt] ca_file must name the authority" in lines[0]


@pytest.mark.parametrize("broker_speaks_tls", [True, False])
def test_tls_on_one_side_only(
    certificates: Certificates, lines: list[str], *, broker_speaks_tls: bool
) -> None:
    """Where only one side speaks TLS, the line says that TLS is the matter."""
    with mosquitto(certificates=certificates if broker_speaks_tls else None) as broker:
        publisher = open_publisher(settings_for(broker, tls=not broker_speaks_tls))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "TLS" in lines[0]


def test_a_host_that_does_not_exist(lines: list[str]) -> None:
    """A name that nobody knows is called that."""
    publisher = open_publisher(Settings(host="no-such-broker.invalid"))
    wait_until(lambda: lines, "the line")
    publisher.close(0.5)
    assert "no-such-broker.invalid:1883 cannot be reached" in lines[0]


def test_an_unreadable_certificate_is_a_settings_error(tmp_path: Path) -> None:
    """A ca_file that is missing or no PEM is named with its key at the start."""
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path in (tmp_path / "missing.pem", bad):
        settings = Settings(host="localhost", tls=True, ca_file=str(path))
        with pytest.raises(SettingsError, match=r"\[mqtt\] ca_file = .*\.pem"):
            create(settings, CONTEXT)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("host", {"host": "mqtt://broker"}),
        ("host", {"host": "broker:1883"}),
        ("host", {"host": "a..b"}),
        ("host", {"tls": True}),
        ("port", {"port": 0}),
        ("port", {"port": 70000}),
        ("user", {"password": "secret"}),
        ("key_file", {"host": "b", "tls": True, "cert_file": "c.pem"}),
        ("ca_file", {"host": "b", "ca_file": "ca.pem"}),
        ("prefix", {"prefix": ""}),
        ("prefix", {"prefix": "/serd"}),
        ("prefix", {"prefix": "serd/#"}),
        ("prefix", {"prefix": "$SYS"}),
        ("keepalive_s", {"keepalive_s": 1}),
        ("queue_events", {"queue_events": 0}),
    ],
)
def test_problems_name_the_key(key: str, changes: dict[str, object]) -> None:
    """Each value that cannot work is named by its key; the defaults have no problem."""
    assert not list(Settings().problems())
    settings = Settings(**changes)  # type: ignore[arg-type]
    assert [name for name, _ in settings.problems()] == [key]
    assert "secret" not in repr(list(settings.problems()))
