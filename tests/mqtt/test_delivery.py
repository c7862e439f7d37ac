"""The queue behind the MQTT publisher loses no event, with a state folder and a real Mosquitto."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_spool import make_spool

from serd.errors import PublishError
from serd.publishers.mqtt import SPOOL_FILE, Settings
from testkit.brokers import (
    DEADLINE_S,
    Listener,
    MosquittoBroker,
    free_port,
    mosquitto,
    wait_until,
)
from testkit.made_events import make_event
from testkit.publishing import EVENT, STATUS, child, open_publisher, publishing, settings_for, storing
from testkit.scripted_broker import Publish, ScriptedBroker, puback


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state folder that does not exist yet."""
    return tmp_path / "state"


@pytest.fixture
def broker() -> Iterator[MosquittoBroker]:
    """A Mosquitto of the test's own."""
    with mosquitto() as running:
        yield running


def payloads(listener: Listener) -> list[tuple[int, bool]]:
    """Number of each event received, and whether it is marked as replayed."""
    bodies = (json.loads(text) for text in listener.of(EVENT))
    return [(int(body["id"]), body.get("replayed", False)) for body in bodies]


def leave(listener: Listener) -> None:
    """Wait for the publisher's last message."""
    wait_until(lambda: listener.of(STATUS)[-1:] == ["offline"], "the goodbye")


def ids_on_disk(folder: Path) -> list[int]:
    """Ids of the events that the next start would find if the daemon were killed now."""
    with tempfile.TemporaryDirectory() as name:
        for suffix in ("", "-wal"):
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(folder / f"{SPOOL_FILE}{suffix}", name)
        spool = make_spool(Path(name) / SPOOL_FILE)
        ids = [int(each.id) for each in spool.read(10_000)] if spool.exists else []
        spool.close()
    return ids


class TestHalfOpenConnection:
    """durability = "offline", and a connection that looks up while nothing is acknowledged."""

    @pytest.mark.parametrize("n_acknowledged", [0, 12])
    def test_a_kill_loses_only_the_latest_events(self, folder: Path, n_acknowledged: int) -> None:
        """The broker answers pings alone: after ``store_after_s`` all events outlive kill -9."""
        events: list[Publish] = []

        def script(publish: Publish) -> bytes:
            if publish.topic == EVENT:
                events.append(publish)
            return puback(publish) if len(events) <= n_acknowledged else b""

        with ScriptedBroker(script) as broker:
            with child(broker, folder, range(390), durability="offline") as daemon:
                daemon.read(390)
                expected = list(range(n_acknowledged, 390))
                wait_until(lambda: ids_on_disk(folder) == expected, "the events on the disk")
                daemon.kill()
            assert ids_on_disk(folder) == expected
            assert len(broker.connects) == 1


class TestAlways:
    """durability = "always": not even kill -9 loses an event."""

    def test_500_events_and_two_kills_while_the_broker_is_away(
        self, broker: MosquittoBroker, folder: Path
    ) -> None:
        """Every published event arrives, in order, marked; repeats are allowed, but there are none."""
        began_s = time.monotonic()
        published: list[int] = []
        with Listener(broker) as listener:
            broker.stop()
            for start in (0, 1000):
                with child(broker, folder, range(start, start + 1000)) as daemon:
                    daemon.read(170)
                    daemon.kill()
                    published += daemon.published
            with child(broker, folder, range(2000, 2160)) as daemon:
                daemon.read(160)
                broker.start()
                wait_until(lambda: 2159 in listener.ids(EVENT), "the last event")
                published += daemon.published
                took_s = time.monotonic() - began_s
            ids = listener.ids(EVENT)
        assert len(published) >= 500
        assert ids == sorted(ids)
        assert set(published) <= set(ids)
        # One event a kill may be on the disk although publish has not returned.
        assert len(ids) - len(published) <= 2
        assert all(is_replayed for _, is_replayed in payloads(listener))
        print(f"{len(published)} events, two kills: {took_s:.1f} s")

    def test_a_kill_with_the_broker_there_repeats_but_loses_nothing(
        self, broker: MosquittoBroker, folder: Path
    ) -> None:
        """Killed while events flow: the next run first sends the unacknowledged ones, marked."""
        with Listener(broker) as listener:
            with child(broker, folder, range(10_000)) as daemon:
                daemon.read(300)
                daemon.kill()
                published = daemon.published
            with publishing(settings_for(broker, durability="always"), storing(folder)) as publisher:
                publisher.publish(make_event(20_000))
            leave(listener)
        ids = listener.ids(EVENT)
        assert ids == sorted(ids)
        assert set(published) <= set(ids)
        assert payloads(listener)[-1][0] == 20_000

    def test_each_event_is_on_the_disk_when_publish_returns(self, folder: Path) -> None:
        """Even without a broker."""
        settings = Settings(host="127.0.0.1", port=free_port(), durability="always")
        publisher = open_publisher(settings, storing(folder))
        for number in range(20):
            publisher.publish(make_event(number))
            assert publisher.n_spooled == number + 1
        with pytest.raises(PublishError, match="20 events are kept in"):
            publisher.close(0.5)

    def test_events_that_were_never_kept_waiting_are_not_marked(
        self, broker: MosquittoBroker, folder: Path
    ) -> None:
        """A moment on the disk is no replay, and in the end the folder is empty."""
        with Listener(broker) as listener:
            with publishing(settings_for(broker, durability="always"), storing(folder)) as publisher:
                for number in range(100):
                    publisher.publish(make_event(number))
            leave(listener)
            assert payloads(listener) == [(number, False) for number in range(100)]
        assert list(folder.iterdir()) == []


class TestOffline:
    """durability = "offline": nothing is written while the broker is there."""

    def test_500_events_while_the_broker_is_away(self, broker: MosquittoBroker, folder: Path) -> None:
        """All arrive, in order, before newer ones, marked, and none twice."""
        with Listener(broker) as listener:
            with publishing(settings_for(broker), storing(folder)) as publisher:
                publisher.publish(make_event(0))
                wait_until(lambda: listener.ids(EVENT) == [0], "the first event")
                assert not folder.exists()
                broker.stop()
                for number in range(1, 501):
                    publisher.publish(make_event(number))
                wait_until(lambda: publisher.n_spooled == 500, "500 events on the disk")
                began_s = time.monotonic()
                broker.start()
                wait_until(lambda: 500 in listener.ids(EVENT), "the last event")
                took_s = time.monotonic() - began_s
                publisher.publish(make_event(501))
            leave(listener)
            expected = [(0, False), *((number, True) for number in range(1, 501)), (501, False)]
            assert payloads(listener) == expected
        assert (publisher.n_dropped, publisher.n_spooled) == (0, 0)
        assert list(folder.iterdir()) == []
        print(f"500 events from the disk, with the reconnection: {took_s:.1f} s")

    def test_events_left_at_the_end_are_sent_after_the_next_start(
        self, broker: MosquittoBroker, folder: Path, lines: list[str]
    ) -> None:
        """Closed without a broker: the error names the file, and the next run sends the events."""
        broker.stop()
        publisher = open_publisher(settings_for(broker), storing(folder))
        for number in range(30):
            publisher.publish(make_event(number))
        with pytest.raises(PublishError) as caught:
            publisher.close(0.5)
        file = folder / SPOOL_FILE
        assert str(caught.value) == (
            f"30 events are kept in {file} and go out at the next start;"
            f" broker 127.0.0.1:{broker.port}: connection refused, no broker runs there"
        )
        broker.start()
        with Listener(broker) as listener:
            with publishing(settings_for(broker), storing(folder)) as publisher:
                wait_until(lambda: publisher.n_in_flight or 29 in listener.ids(EVENT), "the connection")
                publisher.publish(make_event(30))
            leave(listener)
            assert payloads(listener) == [*((number, True) for number in range(30)), (30, False)]
        assert "30 events of an earlier run are sent first" in lines
        assert not file.exists()

    def test_a_frozen_broker_at_the_end(self, broker: MosquittoBroker, folder: Path) -> None:
        """Events in flight at the end are stored as well, within the time to close."""
        with Listener(broker) as listener:
            publisher = open_publisher(settings_for(broker), storing(folder))
            publisher.publish(make_event(0))
            wait_until(lambda: listener.ids(EVENT) == [0], "the first event")
        broker.signal(signal.SIGSTOP)
        for number in range(1, 81):
            publisher.publish(make_event(number))
        began_s = time.monotonic()
        with pytest.raises(PublishError, match="80 events are kept in "):
            publisher.close(1.5)
        assert time.monotonic() - began_s < DEADLINE_S
        assert publisher.n_spooled == 80
        broker.signal(signal.SIGCONT)

    def test_without_a_state_folder_it_is_an_error(self, broker: MosquittoBroker) -> None:
        """In memory alone, unacknowledged events are lost, and the error says so."""
        broker.stop()
        publisher = open_publisher(settings_for(broker))
        publisher.publish(make_event(1))
        with pytest.raises(PublishError, match="1 event was not acknowledged"):
            publisher.close(0.5)

    def test_more_than_the_memory_holds(self, broker: MosquittoBroker, folder: Path) -> None:
        """A broker that is frozen for a while: beyond queue_events they go to the disk, none is lost."""
        with Listener(broker) as listener:
            with publishing(settings_for(broker, queue_events=20), storing(folder)) as publisher:
                publisher.publish(make_event(0))
                wait_until(lambda: listener.ids(EVENT) == [0], "the first event")
                broker.signal(signal.SIGSTOP)
                for number in range(1, 301):
                    publisher.publish(make_event(number))
                wait_until(lambda: publisher.n_spooled > 200, "the disk")
                broker.signal(signal.SIGCONT)
                wait_until(lambda: 300 in listener.ids(EVENT), "the last event")
            leave(listener)
            assert payloads(listener) == [(number, False) for number in range(301)]
        assert publisher.n_dropped == 0


class TestDisk:
    """A disk that is full or broken: one line in the log, and the daemon runs on."""

    def test_a_broken_file(self, broker: MosquittoBroker, folder: Path, lines: list[str]) -> None:
        """Rubbish in place of the spool is logged and moved aside, and events flow."""
        folder.mkdir()
        (folder / SPOOL_FILE).write_text("rubbish" * 1000)
        with Listener(broker) as listener:
            with publishing(settings_for(broker, durability="always"), storing(folder)) as publisher:
                for number in range(20):
                    publisher.publish(make_event(number))
            leave(listener)
            assert listener.ids(EVENT) == list(range(20))
        assert [text for text in lines if "broken" in text] == [
            line for line in lines if line.startswith(f"{folder / SPOOL_FILE} is broken (file is not")
        ]
        assert [each.name for each in folder.iterdir()] == ["spool.db.broken-1"]

    @pytest.mark.skipif(os.geteuid() != 0, reason="a small disk of its own needs root to mount it")
    def test_a_full_disk(
        self,
        broker: MosquittoBroker,
        folder: Path,
        lines: list[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """128 kB for 400 events: one line, the rest waits in memory, and in the end all arrive."""
        monkeypatch.setattr("serd.mqtt.outage.RETRY_S", 0.2)
        folder.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", str(folder)]
        if subprocess.run(mount, check=False, capture_output=True).returncode:
            pytest.skip("no tmpfs can be mounted here")
        try:
            with Listener(broker) as listener:
                broker.stop()
                with publishing(settings_for(broker), storing(folder)) as publisher:
                    for number in range(400):
                        publisher.publish(make_event(number))
                        time.sleep(0.001)
                    wait_until(lambda: any("disk is full" in text for text in lines), "the line")
                    assert 0 < publisher.n_spooled < 400
                    broker.start()
                    wait_until(lambda: 399 in listener.ids(EVENT), "the last event")
                leave(listener)
                assert [number for number, _ in payloads(listener)] == list(range(400))
            about = "events cannot be stored on the disk and wait in memory"
            full = f"{about}: {folder / SPOOL_FILE}: the disk is full"
            assert [text for text in lines if "disk is full" in text] == [full]
        finally:
            subprocess.run(["umount", "-l", str(folder)], check=True)

    def test_a_state_folder_that_cannot_be_created(
        self, broker: MosquittoBroker, tmp_path: Path, lines: list[str]
    ) -> None:
        """A folder that cannot be created: one line in the log, and events flow all the same."""
        (tmp_path / "file").write_text("")
        with Listener(broker) as listener:
            settings = settings_for(broker, durability="always")
            with publishing(settings, storing(tmp_path / "file")) as publisher:
                for number in range(20):
                    publisher.publish(make_event(number))
            leave(listener)
            assert listener.ids(EVENT) == list(range(20))
        assert sum("cannot be stored on the disk" in text for text in lines) == 1


class TestOtherMessages:
    """Retained values, transient messages and subscriptions."""

    def test_retained_values_are_sent_again(self, broker: MosquittoBroker) -> None:
        """A broker that forgot its values gets the latest ones after its restart."""
        with publishing(settings_for(broker)) as publisher:
            publisher.retain("serd/pi/mic/mute", "OFF")
            publisher.retain("serd/pi/mic/threshold", "0.35")
            wait_until(lambda: "serd/pi/mic/mute" in broker.retained("#"), "the values")
            broker.stop()
            (broker.folder / "mosquitto.db").unlink()
            publisher.retain("serd/pi/mic/mute", "ON")
            broker.start()
            expected = {STATUS: "online"}
            expected |= {"serd/pi/mic/mute": "ON", "serd/pi/mic/threshold": "0.35"}
            wait_until(lambda: broker.retained("#") == expected, "all values")

    def test_transient_messages_are_dropped_while_the_broker_is_away(
        self, broker: MosquittoBroker
    ) -> None:
        """They are neither sent later nor retained."""
        with Listener(broker) as listener, publishing(settings_for(broker)) as publisher:
            wait_until(lambda: listener.of(STATUS) == ["online"], "the connection")
            publisher.send("serd/pi/stats", "1")
            wait_until(lambda: listener.of("serd/pi/stats") == ["1"], "the first")
            broker.stop()
            wait_until(lambda: publisher.n_attempts > 1, "an attempt")
            publisher.send("serd/pi/stats", "2")
            broker.start()

            def is_third_received() -> bool:
                publisher.send("serd/pi/stats", "3")
                return "3" in listener.of("serd/pi/stats")

            wait_until(is_third_received, "the third")
            assert set(listener.of("serd/pi/stats")) == {"1", "3"}
            assert "serd/pi/stats" not in broker.retained("#")

    def test_handlers_receive_their_topics(self, broker: MosquittoBroker, lines: list[str]) -> None:
        """Subscribed before and after the connection; a handler that fails does not stop the others."""
        received: list[tuple[str, bytes]] = []

        def fail(topic: str, payload: bytes) -> None:
            raise ValueError(topic)

        def note(topic: str, payload: bytes) -> None:
            received.append((topic, payload))

        with publishing(settings_for(broker)) as publisher:
            publisher.subscribe("serd/pi/mic/mute/set", fail)
            publisher.subscribe("serd/pi/mic/mute/set", note)
            wait_until(lambda: "mute/set" in broker.log, "the first subscription")
            publisher.subscribe("homeassistant/status", note)
            wait_until(lambda: "homeassistant/status" in broker.log, "the second")
            broker.publish("serd/pi/mic/mute/set", "ON")
            broker.publish("homeassistant/status", "online")
            wait_until(lambda: len(received) == 2, "both messages")
        assert received == [("serd/pi/mic/mute/set", b"ON"), ("homeassistant/status", b"online")]
        assert lines.count("a message on serd/pi/mic/mute/set could not be handled") == 1
        assert broker.log.count("mute/set") == 1


def test_a_message_that_no_broker_accepts_does_not_block_the_others(
    broker: MosquittoBroker, folder: Path, lines: list[str]
) -> None:
    """A topic with a wildcard and a text that is not Unicode are logged and dropped."""
    with Listener(broker) as listener:
        with publishing(settings_for(broker, durability="always"), storing(folder)) as publisher:
            publisher.retain("serd/+/mute", "ON")
            publisher.publish(make_event(1, node="half a pair: \ud83d"))
            publisher.publish(make_event(2))
            wait_until(lambda: listener.ids(EVENT) == [2], "the other event")
        leave(listener)
    assert publisher.n_refused == 1
    assert sum("does not accept" in text for text in lines) == 2
