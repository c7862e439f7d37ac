"""Passwords, certificates and addresses, right and wrong; a real Mosquitto checks them."""

import socket
from pathlib import Path
from typing import Any

import pytest

from serd.errors import PublishError, SettingsError
from serd.mqtt.access import Access, read_password
from serd.mqtt.limits import BrokerLimits
from serd.mqtt.link import MAX_PAYLOAD_BYTES
from serd.mqtt.receiving import BoundedClient
from serd.mqtt.settings import Settings
from serd.publishers.mqtt import create
from serd.settings.loader import load_settings
from serd.settings.template import settings_as_toml
from testkit.brokers import Certificates, Listener, make_certificates, mosquitto, wait_until
from testkit.made_events import make_event
from testkit.publishing import CONTEXT, EVENT, open_publisher, publishing, settings_for
from testkit.websocket_gate import websocket_gate

SECRET = "correct horse battery staple"  # noqa: S105
USER, PASSWORD = "pi", "right"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A password file whose first line is the password."""
    path = tmp_path / "password"
    path.write_text(f"{SECRET}\nsecond line\n")
    return path


@pytest.fixture
def credentials(tmp_path: Path) -> dict[str, str]:
    """The environment of a service with LoadCredential=mqtt-password:..."""
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "mqtt-password").write_text("from systemd\n")
    return {"CREDENTIALS_DIRECTORY": str(folder)}


def test_sources_of_the_password_in_their_order(file: Path, credentials: dict[str, str]) -> None:
    """The settings, else the file's first line, else systemd's credential, else none."""
    given = Settings(user="pi", password="given")  # noqa: S106
    named = Settings(user="pi", password_file=str(file))
    assert read_password(given, credentials) == "given"
    assert read_password(named, credentials) == SECRET
    assert read_password(Settings(user="pi"), credentials) == "from systemd"
    assert read_password(Settings(user="pi"), {}) == ""
    assert read_password(Settings(user="pi"), {"CREDENTIALS_DIRECTORY": str(file.parent)}) == ""


def _client_of(access: Access) -> BoundedClient:
    return access.new_client(1, BrokerLimits(), MAX_PAYLOAD_BYTES)


def test_each_connection_reads_the_files_again(file: Path, lines: list[str]) -> None:
    """A new password is used; while the file is missing the latest one is, with one line in the log."""
    access = Access(Settings(user="pi", password_file=str(file)), name="pi", will=None)
    assert _client_of(access).password == SECRET
    rotated = "rotated"
    file.write_text(f"{rotated}\n")
    assert _client_of(access).password == rotated
    file.unlink()
    assert [_client_of(access).password for _ in range(2)] == [rotated, rotated]
    (line,) = lines
    assert line.startswith("[mqtt] password_file")
    assert line.endswith("the earlier one stays in use")


def test_a_change_of_any_file_is_noticed(certificates: Certificates, tmp_path: Path, file: Path) -> None:
    """Password, authority, certificate and key; a file that is rewritten with its content is none."""
    authority = tmp_path / "ca.pem"
    authority.write_bytes(certificates.ca.read_bytes())
    settings = Settings(user="pi", password_file=str(file), tls=True, ca_file=str(authority))
    access = Access(settings, name="pi", will=None)
    authority.write_bytes(certificates.ca.read_bytes())
    assert not access.refresh()
    authority.write_bytes(certificates.ca.read_bytes() * 2)
    assert access.refresh()
    file.write_text("rotated\n")
    assert access.refresh()
    assert not access.refresh()


def test_a_credential_without_a_user_is_ignored(credentials: dict[str, str]) -> None:
    """MQTT has no password without a user."""
    assert read_password(Settings(), credentials) == ""


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (None, "No such file"),
        (b"", "is empty"),
        (b"\nx", "is empty"),
        (b"\xff", "is not UTF-8 text"),
        (b"x" * 70_000, "longer first line"),
    ],
)
def test_a_bad_password_file_is_named(tmp_path: Path, body: bytes | None, reason: str) -> None:
    """Missing, empty, binary or too long: the error gives the key and the path, never the contents."""
    path = tmp_path / "password"
    if body is not None:
        path.write_bytes(body)
    with pytest.raises(SettingsError, match=rf"\[mqtt\] password_file = '.*password' .*{reason}"):
        read_password(Settings(user="pi", password_file=str(path)))


def test_the_password_is_never_shown(tmp_path: Path, file: Path, credentials: dict[str, str]) -> None:
    """Neither the text of the settings, nor their repr, nor ``config show`` holds a password."""
    toml = tmp_path / "serd.toml"
    toml.write_text(f'[mqtt]\nhost = "b"\nuser = "pi"\npassword_file = "{file}"\n')
    named = load_settings(toml, environment=credentials)
    toml.write_text(f'[mqtt]\nhost = "b"\nuser = "pi"\npassword = "{SECRET}"\n')
    given = load_settings(toml, environment=credentials)
    for settings in (named, given):
        assert SECRET not in repr(settings) + settings_as_toml(settings)
        assert "from systemd" not in repr(settings) + settings_as_toml(settings)
    assert f'password_file = "{file}"' in settings_as_toml(named)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """An authority for the tests, and the certificates that it signed."""
    return make_certificates(tmp_path_factory.mktemp("ca"))


def test_a_wrong_password_is_logged_once_and_named_at_close(
    lines: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    """One line without the password, more attempts, and a PublishError in the end."""
    with mosquitto(user=USER, password=PASSWORD) as broker:
        publisher = open_publisher(settings_for(broker, user=USER, password=PASSWORD[::-1]))
        publisher.publish(make_event())
        wait_until(lambda: broker.log.count("not authorised") >= 2, "a second attempt")
        with pytest.raises(PublishError) as caught:
            publisher.close(0.5)
    expected = "not authorised; check [mqtt] user and password"
    address = f"127.0.0.1:{broker.port}"
    assert lines == [f"broker {address} refuses the connection: {expected}; trying again"]
    assert str(caught.value) == f"1 event was not acknowledged by broker {address}: {expected}"
    assert PASSWORD[::-1] not in capfd.readouterr().err


def test_the_right_user_and_password_connect() -> None:
    """With the right password events arrive."""
    with mosquitto(user=USER, password=PASSWORD) as broker, Listener(broker) as listener:
        with publishing(settings_for(broker, user=USER, password=PASSWORD)) as publisher:
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
    """A broker that asks for a client certificate gets it."""
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
    """A certificate of another authority is refused, with one line in the log."""
    other = make_certificates(tmp_path / "other")
    with mosquitto(certificates=certificates) as broker:
        publisher = open_publisher(settings_for(broker, tls=True, ca_file=str(other.ca)))
        publisher.publish(make_event())
        wait_until(lambda: lines, "the line")
        with pytest.raises(PublishError, match="TLS certificate is not accepted"):
            publisher.close(0.5)
    assert len(lines) == 1
    assert "[mqtt] ca_file must name the authority" in lines[0]


@pytest.mark.parametrize(
    ("made", "advice"),
    [
        ({"valid_days": (-2, -1)}, "renew it at the broker, if this machine's clock, which says 20"),
        ({"valid_days": (1, 2)}, "check that this machine's clock, which says 20"),
        ({"host": "elsewhere"}, "set [mqtt] host to a name that is in the certificate"),
    ],
)
def test_each_fault_of_a_certificate_has_its_advice(
    tmp_path: Path, lines: list[str], made: dict[str, Any], advice: str
) -> None:
    """One that has expired, one that is not valid yet and one of another name are told apart."""
    certificates = make_certificates(tmp_path, **made)
    with mosquitto(certificates=certificates) as broker:
        publisher = open_publisher(settings_for(broker, tls=True, ca_file=str(certificates.ca)))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert advice in lines[0]
    assert "ca_file" not in lines[0]


@pytest.mark.parametrize("is_encrypted", [False, True])
def test_websockets_carry_mqtt(certificates: Certificates, *, is_encrypted: bool) -> None:
    """With ``transport = "websockets"`` events arrive as over TCP, also with TLS."""
    made = certificates if is_encrypted else None
    tls = {"tls": True, "ca_file": str(certificates.ca)} if is_encrypted else {}
    with (
        mosquitto() as broker,
        websocket_gate(broker.host, broker.port, made) as port,
        Listener(broker) as listener,
    ):
        settings = Settings(host="localhost", port=port, transport="websockets", **tls)
        with publishing(settings) as publisher:
            publisher.publish(make_event())
        wait_until(lambda: listener.ids(EVENT) == [1], "the event")


# paho leaves the socket of a failed handshake to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_port_without_websockets_is_named(lines: list[str]) -> None:
    """If the broker speaks TCP alone, the line names the settings of websockets."""
    with mosquitto() as broker:
        publisher = open_publisher(settings_for(broker, transport="websockets"))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "does not speak websockets on this port" in lines[0]
    assert '[mqtt] websocket_path, or set transport = "tcp"' in lines[0]


def test_a_port_of_websockets_is_named(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the port speaks websockets alone, and waits for a greeting, the line names the transport."""
    monkeypatch.setattr("serd.mqtt.link.ANSWER_S", 0.1)
    with mosquitto() as broker, websocket_gate(broker.host, broker.port) as port:
        publisher = open_publisher(Settings(host="localhost", port=port))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "is [mqtt] transport the one of this port?" in lines[0]


def test_a_port_that_gives_no_answer_is_named(lines: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """If the port takes the connection and keeps quiet, the line names the settings of a port."""
    monkeypatch.setattr("serd.mqtt.link.ANSWER_S", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        publisher = open_publisher(Settings(host="127.0.0.1", port=silent.getsockname()[1]))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "no answer; is it an MQTT broker, is TLS set on both sides or on neither" in lines[0]
    assert "is [mqtt] transport the one of this port?" in lines[0]


@pytest.mark.parametrize("broker_speaks_tls", [True, False])
def test_tls_on_one_side_only(
    certificates: Certificates, lines: list[str], *, broker_speaks_tls: bool
) -> None:
    """If only one side speaks TLS, the line names TLS."""
    with mosquitto(certificates=certificates if broker_speaks_tls else None) as broker:
        publisher = open_publisher(settings_for(broker, tls=not broker_speaks_tls))
        wait_until(lambda: lines, "the line")
        publisher.close(0.5)
    assert "TLS" in lines[0]


def test_a_host_that_does_not_exist(lines: list[str]) -> None:
    """An unknown host name is named in the log."""
    publisher = open_publisher(Settings(host="no-such-broker.invalid"))
    wait_until(lambda: lines, "the line")
    publisher.close(0.5)
    assert "no-such-broker.invalid:1883 cannot be reached" in lines[0]


def test_an_unreadable_certificate_is_a_settings_error(tmp_path: Path) -> None:
    """A ca_file that is missing or not a PEM file is an error at the start that names the key."""
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate")
    for path, reason in ((tmp_path / "missing.pem", "No such file"), (bad, "not a PEM file")):
        settings = Settings(host="localhost", tls=True, ca_file=str(path))
        with pytest.raises(SettingsError, match=rf"\[mqtt\] ca_file = .*\.pem.*: {reason}"):
            create(settings, CONTEXT)


@pytest.mark.parametrize(
    ("key", "changes"),
    [
        ("host", {"host": "mqtt://broker"}),
        ("host", {"host": "broker:1883"}),
        ("host", {"host": "a..b"}),
        ("host", {"tls": True}),
        ("host", {"user": "pi", "password": "secret"}),
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
        ("store_after_s", {"store_after_s": 0.0}),
        ("store_after_s", {"store_after_s": float("nan")}),
    ],
)
def test_problems_name_the_key(key: str, changes: dict[str, object]) -> None:
    """Each value that cannot work is named by its key; the defaults have no problem."""
    assert not list(Settings().problems())
    settings = Settings(**changes)  # type: ignore[arg-type]
    assert [name for name, _ in settings.problems()] == [key]
    assert "secret" not in repr(list(settings.problems()))
