"""Mosquitto on a free port, with optional password and TLS, and a subscriber to it."""

import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

DEADLINE_S = 15.0
"""Time limit for something that must happen, in seconds."""


def wait_until(condition: Callable[[], object], description: str, timeout_s: float = DEADLINE_S) -> None:
    """Wait until a condition holds.

    Args:
        condition: called repeatedly.
        description: description of the condition, for the error message.
        timeout_s: time limit, in seconds.

    Raises:
        AssertionError: the condition did not hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:g} s in vain: {description}")
        time.sleep(0.01)


@contextlib.contextmanager
def logged_lines() -> Iterator[list[str]]:
    """The messages that serd logs from INFO up; the list grows as they are logged, from any thread."""
    messages: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("serd")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


def free_port() -> int:
    """A port on which nothing listens at the moment."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        port: int = trial.getsockname()[1]
        return port


def program(name: str) -> str:
    """The path of an installed program.

    Raises:
        AssertionError: it is not installed; tests do not skip for that.
    """
    folders = [os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"]
    path = shutil.which(name, path=os.pathsep.join(folders))
    assert path, f"{name} is not installed: apt-get install mosquitto mosquitto-clients openssl"
    return path


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """A certificate authority, and a certificate and key that it signed, as PEM files."""

    ca: Path
    certificate: Path
    key: Path


def make_certificates(
    folder: Path, *, host: str = "localhost", valid_days: tuple[int, int] = (-1, 2)
) -> Certificates:
    """Make a certificate authority in ``folder``, and a certificate.

    Args:
        folder: of all files; it is created.
        host: name in the certificate.
        valid_days: from when and until when the certificate is valid, in days from now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    made = Certificates(ca=folder / "ca.pem", certificate=folder / "cert.pem", key=folder / "key.pem")
    ca_key, request, extensions = folder / "ca.key", folder / "cert.csr", folder / "ext.cnf"
    extensions.write_text(f"subjectAltName=DNS:{host},IP:127.0.0.1\n")
    settings = folder / "ca.cnf"
    settings.write_text(
        f"[ca]\ndefault_ca = ca_\n[ca_]\ndatabase = {folder}/index\nserial = {folder}/serial\n"
        f"new_certs_dir = {folder}\ndefault_md = sha256\npolicy = policy\n"
        "[policy]\ncommonName = supplied\n"
    )
    (folder / "index").touch()
    now = datetime.now(UTC)
    start, end = (f"{now + timedelta(days=days):%y%m%d%H%M%SZ}" for days in valid_days)
    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    _openssl("req", "-x509", *new_key, "-days", "2", "-subj", "/CN=serd test authority",
             "-keyout", ca_key, "-out", made.ca)  # fmt: skip
    _openssl("req", *new_key, "-subj", f"/CN={host}", "-keyout", made.key, "-out", request)
    _openssl("ca", "-batch", "-notext", "-config", settings, "-rand_serial",
             "-startdate", start, "-enddate", end, "-in", request, "-cert", made.ca,
             "-keyfile", ca_key, "-extfile", extensions, "-out", made.certificate)  # fmt: skip
    return made


def _openssl(*args: "str | Path") -> None:
    done = subprocess.run(
        [program("openssl"), *map(str, args)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@dataclass
class MosquittoBroker:
    """A Mosquitto process; ``stop`` and ``start`` keep its port and its retained messages."""

    host: str
    port: int
    folder: Path
    user: str = ""
    password: str = ""
    ca: Path | None = None
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def start(self) -> None:
        """Start on the port, and return once it listens.

        Raises:
            AssertionError: it ended, or does not listen in time.
        """
        command = [program("mosquitto"), "-c", str(self.folder / "mosquitto.conf")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: self._listens() or not self.is_running, f"Mosquitto on {self.port}")
        assert self.is_running, f"Mosquitto ended:\n{self.log}"

    def stop(self) -> None:
        """End the process; retained messages are on the disk."""
        process, self._process = self._process, None
        if process is None:
            return
        deadline = time.monotonic() + DEADLINE_S
        while time.monotonic() < deadline:
            # Mosquitto may miss a SIGTERM sent just after it started to listen, so this repeats it.
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(1.0)
                return
        process.kill()
        process.wait()

    def restart(self) -> None:
        """Stop and start again on the same port."""
        self.stop()
        self.start()

    def signal(self, number: int) -> None:
        """Send a signal: SIGSTOP freezes the process, SIGKILL ends it without closing connections."""
        assert self._process is not None
        self._process.send_signal(number)

    def save(self) -> None:
        """Write sessions and retained messages to the disk, so that they outlive SIGKILL."""
        database = self.folder / "mosquitto.db"
        database.unlink(missing_ok=True)
        self.signal(signal.SIGUSR1)
        wait_until(database.exists, "the saved state")

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def log(self) -> str:
        """The log of Mosquitto so far."""
        return (self.folder / "log").read_text(errors="replace")

    def client_options(self) -> list[str]:
        """The options with which mosquitto_sub and mosquitto_pub connect."""
        options = ["-h", self.host, "-p", str(self.port)]
        if self.user:
            options += ["-u", self.user, "-P", self.password]
        if self.ca is not None:
            options += ["--cafile", str(self.ca)]
        return options

    def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish one message with QoS 1."""
        command = [program("mosquitto_pub"), *self.client_options(), "-q", "1"]
        command += ["-t", topic, "-m", payload, *(["-r"] if retain else [])]
        subprocess.run(command, check=True, timeout=DEADLINE_S)

    def retained(self, topic_filter: str) -> dict[str, str]:
        """Retained messages by topic, read with mosquitto_sub."""
        command = [program("mosquitto_sub"), *self.client_options(), "-q", "1", "-v"]
        command += ["-t", topic_filter, "--retained-only", "-W", "1"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
        lines = (line.partition(" ") for line in done.stdout.splitlines())
        return {topic: payload for topic, _, payload in lines}

    def _listens(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), 0.2).close()
        except OSError:
            return False
        return True


@contextlib.contextmanager
def mosquitto(
    *,
    user: str = "",
    password: str = "",
    certificates: Certificates | None = None,
    require_certificate: bool = False,
    access: str = "",
    max_packet_bytes: int = 0,
) -> Iterator[MosquittoBroker]:
    """Run a Mosquitto until the block is left.

    Args:
        user: the only user with access; empty gives everyone access.
        password: of the user.
        certificates: with these the port accepts TLS only.
        require_certificate: whether clients must have a certificate of the same authority.
        access: rules as in Mosquitto's acl_file; empty allows everything.
        max_packet_bytes: longest packet that the broker takes; 0 for no limit.
    """
    with tempfile.TemporaryDirectory(prefix="serd-mosquitto-") as name:
        folder = Path(name)
        host = "localhost" if certificates else "127.0.0.1"
        ca = certificates.ca if certificates else None
        broker = MosquittoBroker(host, free_port(), folder, user, password, ca)
        options = [
            # Started by root it would become another user, without access to this folder.
            f"user {'root' if os.geteuid() == 0 else 'mosquitto'}",
            f"listener {broker.port} 127.0.0.1",
            f"persistence true\npersistence_location {folder}/",
            f"allow_anonymous {'false' if user else 'true'}",
            "log_dest stderr",
            *(f"log_type {kind}" for kind in ("error", "warning", "notice", "information")),
            "log_type subscribe",
            # A listener that reconnects must not miss messages beyond the default of 1000.
            "max_queued_messages 100000",
        ]
        if max_packet_bytes:
            options.append(f"max_packet_size {max_packet_bytes}")
        if user:
            passwords = folder / "passwords"
            command = [program("mosquitto_passwd"), "-b", "-c", str(passwords), user, password]
            subprocess.run(command, check=True, capture_output=True)
            options.append(f"password_file {passwords}")
        if access:
            rules = folder / "access"
            rules.write_text(access)
            rules.chmod(0o600)
            options.append(f"acl_file {rules}")
        if certificates:
            options += [f"cafile {certificates.ca}", f"certfile {certificates.certificate}"]
            options += [f"keyfile {certificates.key}"]
            options += [f"require_certificate {'true' if require_certificate else 'false'}"]
        (folder / "mosquitto.conf").write_text("\n".join(options) + "\n")
        try:
            broker.start()
            yield broker
        finally:
            broker.stop()


@dataclass(frozen=True)
class ReceivedMessage:
    """One message at a subscriber."""

    topic: str
    payload: str
    is_retained: bool


class Listener:
    """A subscriber to all topics, with a session that keeps messages while the broker restarts."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self.messages: list[ReceivedMessage] = []
        self.n_subscribed = 0
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id=f"listener-{id(self)}", clean_session=False
        )
        self._client.reconnect_delay_set(0.1, 0.1)  # type: ignore[arg-type]  # it takes floats
        if broker.user:
            self._client.username_pw_set(broker.user, broker.password)
        if broker.ca is not None:
            self._client.tls_set(str(broker.ca))
        self._client.on_connect = lambda client, *_: client.subscribe("#", qos=1)
        self._client.on_subscribe = lambda *_: self._on_subscribe()
        self._client.on_message = lambda _client, _data, message: self._on_message(message)
        self._client.connect_async(broker.host, broker.port)

    def __enter__(self) -> "Listener":
        self._client.loop_start()
        wait_until(lambda: self.n_subscribed, "the subscription")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        with contextlib.suppress(AttributeError):
            self._client.loop_stop()

    def of(self, topic: str) -> list[str]:
        """The payloads on a topic, in order of arrival."""
        return [message.payload for message in tuple(self.messages) if message.topic == topic]

    def ids(self, topic: str) -> list[int]:
        """The ids of the events on a topic as numbers, in order of first arrival."""
        return list(dict.fromkeys(int(json.loads(payload)["id"]) for payload in self.of(topic)))

    def _on_message(self, message: MQTTMessage) -> None:
        received = ReceivedMessage(
            message.topic, message.payload.decode(errors="replace"), message.retain
        )
        # A broker that restarted before it got the acknowledgement sends the message again, marked so.
        if not (message.dup and received in self.messages):
            self.messages.append(received)

    def _on_subscribe(self) -> None:
        self.n_subscribed += 1
