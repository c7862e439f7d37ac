"""What a broker sends is bounded before it takes memory."""

import socket
import subprocess

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from serd.mqtt.link import MAX_PAYLOAD_BYTES
from serd.mqtt.receiving import BoundedClient, OversizedPacket
from testkit.brokers import DEADLINE_S, MosquittoBroker, mosquitto, program, wait_until
from testkit.memory import peak_bytes
from testkit.publishing import publishing, settings_for

HUGE_BYTES = 20_000_000
MUTE, THRESHOLD = "serd/pi/mic/mute/set", "serd/pi/mic/threshold/set"


def retain(broker: MosquittoBroker, topic: str, payload: bytes) -> None:
    """Publish a retained message of any size."""
    command = [program("mosquitto_pub"), *broker.client_options(), "-q", "1", "-r", "-t", topic, "-s"]
    subprocess.run(command, input=payload, check=True, timeout=DEADLINE_S)


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
def test_a_huge_retained_message_takes_no_memory(protocol: str, lines: list[str]) -> None:
    """The other topics work; over MQTT 3.1.1 one line names the topic, then left out."""
    received: list[tuple[str, bytes]] = []
    with mosquitto() as broker:
        retain(broker, MUTE, bytes(HUGE_BYTES))
        with peak_bytes() as peak, publishing(settings_for(broker, protocol=protocol)) as publisher:
            publisher.subscribe(THRESHOLD, lambda *message: received.append(message))
            if protocol == "3.1.1":
                wait_until(lambda: publisher.n_reconnects == 1, "the second connection")
            wait_until(lambda: THRESHOLD in broker.log.rpartition("as serd-pi")[2], "the topics")
            broker.publish(THRESHOLD, "0.5")
            wait_until(lambda: received, "the command")
            n_reconnects = publisher.n_reconnects
        log = broker.log
    assert received == [(THRESHOLD, b"0.5")]
    assert peak[0] < HUGE_BYTES / 10
    losses = [line for line in lines if line.startswith("lost")]
    assert (len(losses), n_reconnects) == ((1, 1) if protocol == "3.1.1" else (0, 0))
    assert all(f"no subscription to {MUTE}; trying again" in line for line in losses)
    assert log.count(f" 1 {MUTE}") == 1


def test_a_command_of_more_than_a_kilobyte_is_dropped(lines: list[str]) -> None:
    """It does not reach the handler, the connection stays, and the next command arrives."""
    received: list[bytes] = []
    with mosquitto() as broker, publishing(settings_for(broker)) as publisher:
        publisher.subscribe(MUTE, lambda _topic, payload: received.append(payload))
        wait_until(lambda: MUTE in broker.log, "the subscription")
        broker.publish(MUTE, "x" * (MAX_PAYLOAD_BYTES + 1))
        broker.publish(MUTE, "x" * MAX_PAYLOAD_BYTES)
        wait_until(lambda: received, "the command")
        assert received == [b"x" * MAX_PAYLOAD_BYTES]
        assert publisher.n_reconnects == 0
    assert len(lines) == 1


def client_that_reads(part: socket.socket, max_packet_bytes: int) -> BoundedClient:
    """A client whose connection is a socket of this process."""
    client = BoundedClient(
        client_id="c",
        protocol=MQTTProtocolVersion.MQTTv311,
        transport="tcp",
        max_packet_bytes=max_packet_bytes,
    )
    client._sock = part  # noqa: SLF001
    return client


@pytest.mark.parametrize("n_at_a_time", [1, 2, 5, 300])
def test_the_topic_is_known_however_slowly_it_arrives(n_at_a_time: int) -> None:
    """One byte too long is too long, and no byte after the topic is waited for."""
    topic = b"serd/pi/mic/mute/set"
    head = b"\x30\xe9\x07" + len(topic).to_bytes(2) + topic  # 1001 bytes
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        client = client_that_reads(near, 1000)
        for start in range(0, len(head), n_at_a_time):
            assert client.oversized is None
            far.sendall(head[start : start + n_at_a_time])
            for _ in range(n_at_a_time):
                client.loop_read()
        assert client.oversized == OversizedPacket(1001, topic.decode())
        assert client.socket() is None


def test_a_packet_of_the_longest_length_is_read() -> None:
    """A message of exactly the limit arrives whole."""
    received: list[bytes] = []
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        client = client_that_reads(near, 1000)
        client.on_message = lambda _client, _data, message: received.append(message.payload)
        far.sendall(b"\x30\xe8\x07\x00\x01a" + b"x" * 997)
        wait_until(lambda: client.loop_read() == 0 and received, "the message")
    assert received == [b"x" * 997]
    assert client.oversized is None
