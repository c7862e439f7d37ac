"""The embedded broker, tested with Mosquitto's clients."""

import asyncio
import contextlib
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import paho.mqtt.client
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from serd.daemon.supervisor import RestartSettings, Supervisor
from serd.errors import LibraryError, PublishError
from serd.mqtt.broker import LOOPBACK, EmbeddedBroker, ProbeResult, find_or_start, local_broker, probe
from serd.publishers import Context
from serd.publishers.mqtt import Settings
from testkit.brokers import (
    DEADLINE_S,
    Listener,
    MosquittoBroker,
    free_port,
    logged_lines,
    mosquitto,
    program,
    wait_until,
)
from testkit.made_events import make_event
from testkit.memory import peak_bytes
from testkit.publishing import open_publisher
from testkit.scripted_broker import ScriptedBroker

USER, PASSWORD = "pi", "right"
CONTEXT = Context(node="pi", sources=("mic",), threads=Supervisor())


@contextlib.contextmanager
def found(settings: Settings) -> Iterator[tuple[str, int, EmbeddedBroker | None]]:
    """Host and port that are found for the settings; a broker that was started is stopped."""
    host, port, broker = find_or_start(settings, Supervisor())
    try:
        yield host, port, broker
    finally:
        if broker is not None:
            broker.stop(DEADLINE_S)


@pytest.fixture
def embedded() -> Iterator[MosquittoBroker]:
    """The embedded broker, with the methods of the test broker."""
    broker = EmbeddedBroker(free_port(), Supervisor())
    yield MosquittoBroker(LOOPBACK, broker.port, Path("/nonexistent"))
    broker.stop(DEADLINE_S)


@pytest.fixture
def foreign_port() -> Iterator[int]:
    """A port whose server is no broker."""
    with socket.create_server((LOOPBACK, 0)) as server:
        server.settimeout(0.05)
        ending = threading.Event()

        def answer() -> None:
            while not ending.is_set():
                with contextlib.suppress(TimeoutError), server.accept()[0] as connection:
                    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    connection.recv(100)

        thread = threading.Thread(target=answer)
        thread.start()
        yield server.getsockname()[1]
        ending.set()
        thread.join()


def test_it_listens_on_loopback_alone(embedded: MosquittoBroker) -> None:
    """``ss -ltn`` shows the port on 127.0.0.1 and on no other address."""
    done = subprocess.run([program("ss"), "-ltnH"], capture_output=True, text=True, check=True)
    addresses = [line.split()[3] for line in done.stdout.splitlines()]
    own = [address for address in addresses if address.endswith(f":{embedded.port}")]
    assert own == [f"127.0.0.1:{embedded.port}"]


def test_mosquitto_sub_receives_from_mosquitto_pub(embedded: MosquittoBroker) -> None:
    """QoS 1 through wildcards, and retained messages for later subscribers."""
    command = ["stdbuf", "-oL", program("mosquitto_sub"), *embedded.client_options()]
    command += ["-q", "1", "-v", "-t", "serd/+/mic/#", "-C", "2", "-W", "10", "-d"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as subscriber:
        assert subscriber.stdout is not None
        for line in subscriber.stdout:
            if "Subscribed" in line:
                break
        embedded.publish("serd/pi/mic/event", "first")
        embedded.publish("serd/pi/mic/state", "happy", retain=True)
        rest = subscriber.stdout.read()
        assert subscriber.wait(DEADLINE_S) == 0
    assert "serd/pi/mic/event first" in rest
    assert "serd/pi/mic/state happy" in rest
    assert embedded.retained("serd/#") == {"serd/pi/mic/state": "happy"}


def test_it_publishes_wills(embedded: MosquittoBroker) -> None:
    """The will of a client that is killed is published and retained."""
    command = ["stdbuf", "-oL", program("mosquitto_sub"), *embedded.client_options(), "-t", "any"]
    command += ["--will-topic", "serd/pi/status", "--will-payload", "offline"]
    command += ["--will-retain", "--will-qos", "1", "-d"]
    with Listener(embedded) as listener:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
            assert client.stdout is not None
            for line in client.stdout:
                if "Subscribed" in line:
                    break
            client.kill()
        wait_until(lambda: listener.of("serd/pi/status") == ["offline"], "the will")
    assert embedded.retained("serd/#") == {"serd/pi/status": "offline"}


def test_500_events_through_serd_itself(lines: list[str]) -> None:
    """With no broker named, one starts, all events and offline arrive in order, and it ends.

    The listener is there until the end: what the broker has acknowledged it has also handed on.
    """
    publisher = open_publisher(Settings(port=free_port(), inner_port=free_port()), CONTEXT)
    port = int(publisher.address.rpartition(":")[2])
    with Listener(MosquittoBroker(LOOPBACK, port, Path("/nonexistent"))) as listener:
        for number in range(500):
            publisher.publish(make_event(number))
        publisher.close(DEADLINE_S)
        assert listener.ids("serd/pi/mic/event") == list(range(500))
        assert listener.of("serd/pi/status")[-1] == "offline"
    assert probe(LOOPBACK, port) is ProbeResult.NOTHING
    assert lines[0] == (
        "started a broker for this machine alone;"
        f" to listen: mosquitto_sub -h 127.0.0.1 -p {port} -t 'serd/#' -v"
    )
    assert len(lines) == 2


def test_the_command_in_the_line_works(lines: list[str]) -> None:
    """The line that is logged can be pasted into a shell as it is."""
    with found(Settings(port=free_port(), inner_port=free_port())) as (_host, port, _broker):
        command = lines[0].partition("to listen: ")[2]
        broker = MosquittoBroker(LOOPBACK, port, Path("/nonexistent"))
        broker.publish("serd/pi/status", "online", retain=True)
        done = subprocess.run(
            ["sh", "-c", f"{command} -C 1 -W 10"], capture_output=True, text=True, check=True
        )
    assert done.stdout == "serd/pi/status online\n"


def test_a_running_broker_is_used(lines: list[str]) -> None:
    """If a broker answers on the port, none is started."""
    with mosquitto() as broker, found(Settings(port=broker.port)) as (host, port, own):
        assert (host, port, own) == ("localhost", broker.port, None)
    assert lines == [f"using the broker on localhost:{broker.port}"]


def test_no_user_and_password_are_sent_to_a_broker_that_nobody_named() -> None:
    """Whatever listens on the port gets a CONNECT without them."""
    with ScriptedBroker() as broker:
        settings = Settings(port=broker.port, inner_port=free_port(), user=USER, password=PASSWORD)
        assert find_or_start(settings, Supervisor()) == ("localhost", broker.port, None)
    assert len(broker.connects) == 1
    assert not broker.connects[0][7] & 0xC0
    assert PASSWORD.encode() not in broker.connects[0]


def test_the_port_of_the_machines_own_broker_stays_free(lines: list[str]) -> None:
    """A broker that starts later gets its port, while the one inside serd runs on another."""
    with found(Settings(port=free_port(), inner_port=free_port())) as (_host, port, own):
        assert own is not None
        with mosquitto() as broker:
            assert broker.port != port
    assert Settings().inner_port != Settings().port == 1883
    assert f"-p {port} " in lines[0]
    own_settings = Settings(port=free_port())
    with found(replace(own_settings, inner_port=own_settings.port)) as (_host, port, own):
        assert own is not None
        assert port == own_settings.port, "the same port is taken if it is asked for"


def test_the_next_port_is_used_if_another_program_has_the_inner_one(foreign_port: int) -> None:
    """One of the ten after it."""
    with found(Settings(port=free_port(), inner_port=foreign_port)) as (_host, port, own):
        assert own is not None
        assert foreign_port < port <= foreign_port + 10


def test_the_broker_inside_another_serd_is_used(lines: list[str]) -> None:
    """Two daemons without a broker publish to the same one, where ``serd watch`` finds both."""
    settings = Settings(port=free_port(), inner_port=free_port())
    with found(settings) as (_host, port, own), found(settings) as second:
        assert own is not None
        assert second == ("localhost", port, None)
        assert local_broker(settings) == (port, ProbeResult.ACCEPTED)
    assert local_broker(settings) == (settings.port, ProbeResult.NOTHING)
    assert lines[1] == f"using the broker on localhost:{port}"


def test_a_broker_that_refuses_the_login_is_logged_and_another_started(lines: list[str]) -> None:
    """Anonymous clients refused: one warning, and an embedded broker on another port."""
    with (
        mosquitto(user=USER, password=PASSWORD) as broker,
        found(Settings(port=broker.port, inner_port=free_port())) as (_host, port, own),
    ):
        assert own is not None
        assert port != broker.port
        assert probe(LOOPBACK, port, timeout_s=DEADLINE_S) is ProbeResult.ACCEPTED
    assert len(lines) == 2
    assert lines[0].startswith(f"localhost:{broker.port} is not used: the broker there asks for a login")


def test_always_with_the_broker_inside_serd_is_a_warning(tmp_path: Path, lines: list[str]) -> None:
    """It says that events are in memory alone; nothing is written."""
    settings = Settings(port=free_port(), durability="always")
    publisher = open_publisher(settings, replace(CONTEXT, state_folder=tmp_path / "state"))
    publisher.publish(make_event())
    publisher.close(DEADLINE_S)
    assert sum("keeps events in memory alone" in line for line in lines) == 1
    assert not (tmp_path / "state").exists()


def test_a_port_in_use_is_logged_and_another_used(foreign_port: int, lines: list[str]) -> None:
    """A web server on the port: one warning, and an embedded broker on another port."""
    with found(Settings(port=foreign_port, inner_port=free_port())) as (_host, port, own):
        assert own is not None
        assert port != foreign_port
    assert "does not answer as an MQTT broker" in lines[0]


def test_probe_gives_up_on_a_silent_port() -> None:
    """A server that accepts and never answers is waited for as long as given, not longer."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        assert probe(LOOPBACK, port, timeout_s=0.2) is ProbeResult.OTHER


def test_no_broker_starts_when_one_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a host in the settings nothing is probed and nothing started."""

    def forbidden(_settings: Settings) -> None:
        raise AssertionError("a broker was looked for")

    monkeypatch.setattr("serd.mqtt.broker.find_or_start", forbidden)
    publisher = open_publisher(Settings(host=LOOPBACK, port=free_port()), CONTEXT)
    publisher.close(0.3)


def test_stop_leaves_no_thread_and_no_noise(capfd: pytest.CaptureFixture[str]) -> None:
    """With clients connected, one of them silent, stop ends in time and prints nothing."""
    before = set(threading.enumerate())
    for _ in range(3):
        broker = EmbeddedBroker(free_port(), Supervisor())
        as_test_broker = MosquittoBroker(LOOPBACK, broker.port, Path("/nonexistent"))
        with Listener(as_test_broker), socket.create_connection((LOOPBACK, broker.port)):
            as_test_broker.publish("serd/pi/status", "online", retain=True)
            broker.stop(3.0)
        assert set(threading.enumerate()) <= before
        assert probe(LOOPBACK, broker.port) is ProbeResult.NOTHING
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_rubbish_on_the_port_is_quiet_and_harmless(
    embedded: MosquittoBroker, capfd: pytest.CaptureFixture[str]
) -> None:
    """After clients that speak no MQTT or hang up, the broker runs and has printed nothing."""
    for rubbish in (b"", b"GET / HTTP/1.1\r\n\r\n", b"\x10\xff\xff\xff\xff", b"\x00" * 64):
        with socket.create_connection((LOOPBACK, embedded.port)) as connection:
            connection.sendall(rubbish)
    assert probe(LOOPBACK, embedded.port, timeout_s=DEADLINE_S) is ProbeResult.ACCEPTED
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def _publish_packet(n_bytes: int) -> bytes:
    """A PUBLISH packet of QoS 0 with a payload of ``n_bytes``."""
    left, length = n_bytes + 3, b""
    while left > 0x7F:
        length += bytes([left & 0x7F | 0x80])
        left >>= 7
    return b"\x30" + length + bytes([left]) + b"\x00\x01a" + b"x" * n_bytes


def _connected(port: int, name: bytes) -> socket.socket:
    """A client that has a session."""
    client = socket.create_connection((LOOPBACK, port), DEADLINE_S)
    client.sendall(b"\x10" + bytes([12 + len(name)]) + b"\x00\x04MQTT\x04\x02\x00\x00\x00")
    client.sendall(bytes([len(name)]) + name)
    assert client.recv(4) == b"\x20\x02\x00\x00"
    return client


def _is_cut(client: socket.socket) -> bool:
    """Whether the broker closes the connection."""
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def test_the_number_of_clients_is_bounded(embedded: MosquittoBroker, lines: list[str]) -> None:
    """Beyond 50 connections, a further one is refused and one line logged; those that exist go on."""
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(_connected(embedded.port, b"c%d" % number)) for number in range(50)
        ]
        for _ in range(3):
            with socket.create_connection((LOOPBACK, embedded.port), DEADLINE_S) as refused:
                assert _is_cut(refused)
        clients[0].sendall(b"\xc0\x00")
        assert clients[0].recv(2) == b"\xd0\x00"
    wait_until(lambda: probe(LOOPBACK, embedded.port) is ProbeResult.ACCEPTED, "room for a client")
    assert len([line for line in lines if "more than 50 clients" in line]) == 1


def test_a_silent_client_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection without a CONNECT packet ends; one with a session stays."""
    monkeypatch.setattr("serd.mqtt.broker._CONNECT_S", 0.3)
    broker = EmbeddedBroker(0, Supervisor())
    try:
        with (
            _connected(broker.port, b"c") as client,
            socket.create_connection((LOOPBACK, broker.port), DEADLINE_S) as silent,
        ):
            silent.sendall(b"\x10\x20")
            assert _is_cut(silent)
            client.sendall(b"\xc0\x00")
            assert client.recv(2) == b"\xd0\x00"
    finally:
        broker.stop(DEADLINE_S)


def test_the_size_of_a_packet_is_bounded(embedded: MosquittoBroker) -> None:
    """200 kB pass; a larger packet ends the connection, even before it arrives."""
    for packet in (_publish_packet(300_000), b"\x30\x80\x80\x80\x7f\x00\x01a"):
        with _connected(embedded.port, b"c") as client:
            with contextlib.suppress(ConnectionError):
                client.sendall(packet)
            assert _is_cut(client)
    with Listener(embedded) as listener, _connected(embedded.port, b"c") as client:
        client.sendall(_publish_packet(200_000))
        wait_until(lambda: listener.of("a") == ["x" * 200_000], "the message")


def _subscribed(port: int, name: bytes, qos: int) -> socket.socket:
    """A client with a subscription to the topic "a"."""
    client = _connected(port, name)
    client.sendall(b"\x82\x06\x00\x01\x00\x01a" + bytes([qos]))
    assert client.recv(5)[:1] == b"\x90"
    return client


@pytest.mark.parametrize("qos", [0, 1])
def test_a_subscriber_that_does_not_read_is_disconnected(
    embedded: MosquittoBroker, lines: list[str], qos: int
) -> None:
    """Of 30 MB for it, a few wait; the one that reads gets every message."""
    with (
        _subscribed(embedded.port, b"deaf", qos) as deaf,
        Listener(embedded) as listener,
        _connected(embedded.port, b"c") as client,
        peak_bytes() as peak,
    ):
        for number in range(150):
            client.sendall(_publish_packet(200_000))
            wait_until(lambda: len(listener.of("a")) == number + 1, "the message")  # noqa: B023
            listener.messages[:] = [replace(each, payload="") for each in listener.messages]
        deaf.settimeout(DEADLINE_S)
        with contextlib.suppress(ConnectionError):
            while deaf.recv(1_000_000):
                pass
    assert lines == ["a client of the broker inside serd reads too slowly: it is disconnected"]
    assert peak[0] < 20_000_000


def test_a_subscriber_that_acknowledges_nothing_is_disconnected(
    embedded: MosquittoBroker, lines: list[str]
) -> None:
    """It reads, but the messages in flight to it must be kept."""
    with (
        _subscribed(embedded.port, b"mute", 1) as mute,
        _connected(embedded.port, b"c") as client,
    ):
        for number in range(1, 4001):
            client.sendall(b"\x32\x06\x00\x01a" + number.to_bytes(2) + b"x")
        client.settimeout(DEADLINE_S)
        mute.settimeout(DEADLINE_S)
        with contextlib.suppress(ConnectionError):
            while mute.recv(1_000_000):
                pass
    assert lines == ["a client of the broker inside serd reads too slowly: it is disconnected"]


def test_retained_messages_are_bounded(embedded: MosquittoBroker, lines: list[str]) -> None:
    """Too many and too long ones are passed on and not retained; a value that is there can change."""
    embedded.publish("serd/pi/mic/state", "happy", retain=True)
    client = paho.mqtt.client.Client(CallbackAPIVersion.VERSION2)
    client.connect(embedded.host, embedded.port)
    client.loop_start()
    for number in range(12):
        client.publish(f"long/{number}", bytes(200_000), qos=1, retain=True)
    infos = [client.publish(f"many/{number}", "x", qos=1, retain=True) for number in range(2000)]
    for info in infos:
        info.wait_for_publish(DEADLINE_S)
    client.publish("long/0", b"", qos=1, retain=True).wait_for_publish(DEADLINE_S)
    client.publish("serd/pi/mic/state", "sad", qos=1, retain=True).wait_for_publish(DEADLINE_S)
    client.disconnect()
    client.loop_stop()
    retained = embedded.retained("#")
    assert len([topic for topic in retained if topic.startswith("long/")]) == 8
    assert 100 < len(retained) < 1000
    assert retained["serd/pi/mic/state"] == "sad"
    assert lines == ["the broker inside serd has no room for more retained messages"]


def test_the_wait_for_subscribers_ends_in_time() -> None:
    """One that does not read does not hold up the end."""
    broker = EmbeddedBroker(0, Supervisor())
    with _subscribed(broker.port, b"deaf", 1), _connected(broker.port, b"c") as client:
        for _ in range(8):
            client.sendall(_publish_packet(200_000))
        began_s = time.monotonic()
        broker.drain(0.5)
        broker.stop(2.0)
        assert time.monotonic() - began_s < 3.0
    assert probe(LOOPBACK, broker.port) is ProbeResult.NOTHING


def test_stop_takes_two_seconds_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it may take: with a client that does not read, and a library that hangs."""

    async def hang(_self: object) -> None:
        await asyncio.sleep(60.0)

    monkeypatch.setattr("amqtt.broker.Broker.shutdown", hang)
    broker = EmbeddedBroker(0, Supervisor())
    with _connected(broker.port, b"deaf") as client:
        client.sendall(b"\x82\x06\x00\x01\x00\x01a\x00")
        assert client.recv(5)[:1] == b"\x90"
        for _ in range(100):
            client.sendall(_publish_packet(100_000))
        began_s = time.monotonic()
        broker.stop(20.0)
        assert time.monotonic() - began_s < 2.5
    wait_until(lambda: probe(LOOPBACK, broker.port) is ProbeResult.NOTHING, "the end of the broker")


def test_it_starts_again_on_its_port_after_a_failure() -> None:
    """Clients that were connected are cut off, and can connect again."""
    supervisor = Supervisor(restarts=RestartSettings(first_pause_s=0.01))
    broker = EmbeddedBroker(0, supervisor)
    with (
        logged_lines(),
        Listener(MosquittoBroker(LOOPBACK, broker.port, Path("/nonexistent"))) as listener,
    ):
        loop = broker._loop  # noqa: SLF001
        assert loop is not None
        loop.call_soon_threadsafe(sys.exit, 3)
        wait_until(supervisor.n_restarts, "the restart")
        wait_until(lambda: probe(LOOPBACK, broker.port) is ProbeResult.ACCEPTED, "the broker")
        wait_until(lambda: listener.n_subscribed == 2, "the client")
    broker.stop(5.0)
    assert not supervisor.states()


def test_a_start_that_fails_is_a_publish_error() -> None:
    """The error of a port that is in use gives the address."""
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(PublishError, match=rf"does not start on 127\.0\.0\.1:{port}: "):
            EmbeddedBroker(port, Supervisor())


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr, done.stderr
    return done.stdout


def test_libraries_load_only_when_needed() -> None:
    """Settings of all publishers can be read without paho, amqtt or asyncio being imported."""
    loaded = _run(
        """
        import sys
        import serd.publishers.mqtt, serd.publishers.jsonlines, serd.publishers.screen
        print([name for name in ("paho", "amqtt", "asyncio", "rich") if name in sys.modules])
        """
    )
    assert loaded == "[]\n"


def test_without_its_library_the_broker_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the missing package, and the setting that makes it needless."""
    monkeypatch.delitem(sys.modules, "serd.mqtt.bounded_broker", raising=False)
    monkeypatch.setitem(sys.modules, "amqtt.broker", None)
    with pytest.raises(LibraryError, match=r"apt install mosquitto.*\[mqtt\] host.*pip install amqtt"):
        EmbeddedBroker(free_port(), Supervisor())


def test_memory_of_the_broker_is_small() -> None:
    """Starting it and 500 messages through it add less than 30 MB of memory, without any warning."""
    grown = _run(
        """
        import re, time
        from pathlib import Path
        import paho.mqtt.client
        from serd.daemon.supervisor import RestartSettings, Supervisor
        from serd.mqtt.broker import EmbeddedBroker
        from testkit.brokers import Listener, MosquittoBroker, free_port, wait_until
        from testkit.made_events import make_event
        from serd.publishers import Context
        from serd.publishers.mqtt import Settings, MqttPublisher

        def rss_kb():
            return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])

        before = rss_kb()
        broker = EmbeddedBroker(free_port(), Supervisor())
        started = rss_kb()
        settings = Settings(host="127.0.0.1", port=broker.port)
        with Listener(MosquittoBroker(settings.host, settings.port, Path("/"))) as listener:
            context = Context(node="pi", sources=("mic",), threads=Supervisor())
            publisher = MqttPublisher(settings, context)
            publisher.start()
            began = time.monotonic()
            for number in range(500):
                publisher.publish(make_event(number))
            wait_until(lambda: len(listener.messages) >= 501, "all messages")
            took_s = time.monotonic() - began
            print(started - before, rss_kb() - before, f"{took_s:.2f}")
            publisher.close(5.0)
            broker.stop(5.0)
        """
    )
    started_kb, grown_kb, took_s = map(float, grown.split())
    print(f"start +{started_kb / 1000:.1f} MB, after 500 +{grown_kb / 1000:.1f} MB, {took_s} s")
    assert grown_kb < 30_000
