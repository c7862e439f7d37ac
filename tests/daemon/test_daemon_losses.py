"""No event of the daemon is lost if the daemon or its broker fails."""

import signal
import time
from pathlib import Path

import numpy as np
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.labels import NONE
from serd.mqtt.link import STEADY_S
from testkit.brokers import Listener, MosquittoBroker, mosquitto, wait_until
from testkit.daemons import Daemon, events
from testkit.piped_daemon import (
    AVAILABILITY,
    EVENT,
    N_UTTERANCES,
    QUICK,
    SLOW_S,
    STATUS,
    UTTERANCE_S,
    end,
    five_minutes,
    ids,
    quiet_between,
    running,
    utterance,
    wait_for_ids,
    wait_for_output,
    write_sound,
)
from testkit.voices import quiet_room, synthetic_voice


class TestNoEventIsLost:
    """A subscriber receives every event that the daemon has printed."""

    def test_killed_twice_while_the_broker_is_down(self, tmp_path: Path) -> None:
        """Durability "always": every printed id arrives, in order; earlier events are marked."""
        sound = tmp_path / "five minutes.wav"
        soundfile.write(sound, five_minutes(), SAMPLE_RATE_HZ)
        settings = f'{QUICK}[mqtt]\ndurability = "always"\n'
        arguments = ("--source", sound, "--fast")
        printed: list[str] = []
        with mosquitto() as broker, Listener(broker) as listener:
            broker.stop()
            for _ in range(2):
                with running(broker, tmp_path, *arguments, settings=settings) as daemon:
                    wait_for_output(daemon, 100)
                    daemon.process.kill()
                    assert daemon.wait() == -signal.SIGKILL
                assert len(daemon.output) < 2 * N_UTTERANCES
                printed += ids(daemon.output)
            n_before = len(printed)
            broker.start()
            wait_until(lambda: listener.n_subscribed == 2, "the listener's second subscription")
            with running(broker, tmp_path, *arguments, settings=settings) as daemon:
                assert daemon.wait(SLOW_S) == 0, daemon.log
            assert len(daemon.output) == 2 * N_UTTERANCES
            printed += ids(daemon.output)
            wait_for_ids(listener, printed)
            arrived = events(listener.of(EVENT))
        first = list(dict.fromkeys(event["id"] for event in arrived))
        assert [each for each in first if each in set(printed)] == printed
        # An event is stored before it is printed, and each kill may come in between.
        assert len(first) <= len(printed) + 2
        replayed = {event["id"] for event in arrived if event.get("replayed")}
        assert set(printed[:n_before]) <= replayed
        assert not list((tmp_path / "serd").glob("spool.db*"))

    def test_broker_down_in_the_middle(self, tmp_path: Path) -> None:
        """Durability "offline": all 500 ids arrive, in order and none twice; the middle is marked."""
        n_part = round(UTTERANCE_S * SAMPLE_RATE_HZ) * (N_UTTERANCES // 3)
        first, middle, last = np.split(five_minutes(), [n_part, 2 * n_part])
        n_events = 2 * (N_UTTERANCES // 3)
        with (
            mosquitto() as broker,
            Listener(broker) as listener,
            running(broker, tmp_path, "--source", "-") as daemon,
        ):
            write_sound(daemon, first)
            wait_for_output(daemon, n_events)
            wait_for_ids(listener, ids(daemon.output))
            broker.stop()
            daemon.wait_for_log("lost ")
            write_sound(daemon, middle)
            wait_for_output(daemon, 2 * n_events)
            assert (tmp_path / "serd" / "spool.db").exists()
            broker.start()
            wait_for_ids(listener, ids(daemon.output))
            write_sound(daemon, last)
            assert end(daemon) == 0, daemon.log
            printed = ids(daemon.output)
            wait_for_ids(listener, printed)
            arrived = events(listener.of(EVENT))
        assert len(printed) == 2 * N_UTTERANCES
        assert [event["id"] for event in arrived] == printed
        replayed = [event["id"] for event in arrived if event.get("replayed")]
        assert replayed == printed[n_events : 2 * n_events]


def test_the_broker_starts_late_and_is_restarted_repeatedly(tmp_path: Path) -> None:
    """One session at a time, no lost event, and the retained state is right after each restart."""
    n_restarts = 5
    with mosquitto() as broker, Listener(broker) as listener:
        broker.stop()
        with running(broker, tmp_path, "--source", "-") as daemon:
            daemon.wait_for_log("cannot be reached")
            with quiet_between(daemon):
                for number in range(1 + n_restarts):
                    broker.stop()
                    write_sound(daemon, utterance())
                    wait_for_output(daemon, 2 * number + 2)
                    broker.start()
                    wait_until(lambda: n_connections(daemon) == number + 1, "the connection", SLOW_S)  # noqa: B023
                    steady_s = time.monotonic() + STEADY_S
                    wait_until(lambda: has_retained_state(broker, daemon), "the retained topics", SLOW_S)
                    wait_for_ids(listener, ids(daemon.output))
                    # Connections that do not last make the pauses grow, which is tested elsewhere.
                    time.sleep(max(0.0, steady_s - time.monotonic()))
            assert end(daemon) == 0, daemon.log
        wait_until(lambda: listener.of(STATUS)[-1] == "offline", "the status offline")
        assert list(dict.fromkeys(ids(listener.of(EVENT)))) == ids(daemon.output)
        log = broker.log
    assert log.count("as serd-n-") == 1 + n_restarts
    assert "already connected" not in log
    assert n_connections(daemon) == 1 + n_restarts


def n_connections(daemon: Daemon) -> int:
    """Number of connections in the log of the daemon."""
    return sum("connected to broker" in line for line in daemon.log)


def has_retained_state(broker: MosquittoBroker, daemon: Daemon) -> bool:
    """Whether the broker retains exactly the state of the daemon that listens, and a mood."""
    recognized = [each["emotion"] for each in events(daemon.output) if each["emotion"] != "uncertain"]
    retained = broker.retained("serd/#")
    has_mood = retained.pop("serd/n/mic/mood", "") != ""
    return has_mood and retained == {
        STATUS: "online",
        AVAILABILITY: "online",
        "serd/n/mic/problem": NONE,
        "serd/n/mic/state": recognized[-1] if recognized else NONE,
        "serd/n/mic/speech": "OFF",
        "serd/n/mic/mute": "OFF",
        "serd/n/mic/threshold": "0",
        "serd/n/mic/cooldown": "0",
    }


def test_a_wrong_password_is_one_log_line_and_the_daemon_runs_on(tmp_path: Path) -> None:
    """It recognizes, prints and stores events, and never logs the password."""
    wrong = "Tr0ub4dor"
    with mosquitto(user="pi", password="right") as broker:  # noqa: S106
        extra = {"SERD_MQTT_USER": "pi", "SERD_MQTT_PASSWORD": wrong}
        with running(broker, tmp_path, "--source", "-", **extra) as daemon:
            daemon.wait_for_log("not authorised; check [mqtt] user and password")
            write_sound(daemon, utterance())
            wait_for_output(daemon, 2)
            assert daemon.stop() == 0
        assert "2 events are kept in" in daemon.log[-1]
        assert sum("not authorised" in line for line in daemon.log[:-1]) == 1
        assert not any(wrong in line or "Traceback" in line for line in daemon.log)
        with (
            Listener(broker) as listener,
            running(
                broker, tmp_path, "--source", "-", **extra | {"SERD_MQTT_PASSWORD": "right"}
            ) as restarted,
        ):
            wait_for_ids(listener, ids(daemon.output))
            assert restarted.stop() == 0, restarted.log


def test_a_pipe_that_stays_open_without_sound_is_offline(tmp_path: Path) -> None:
    """Speech is OFF and the state none as with a lost microphone; the next bytes bring it back."""
    with (
        mosquitto() as broker,
        Listener(broker) as listener,
        running(broker, tmp_path, "--source", "-") as daemon,
    ):
        write_sound(daemon, np.concatenate((quiet_room(1.0), synthetic_voice(2.0))))
        wait_until(lambda: listener.of("serd/n/mic/speech")[-1:] == ["ON"], "an utterance", SLOW_S)
        wait_until(lambda: listener.of(AVAILABILITY)[-1:] == ["offline"], "the loss", SLOW_S)
        wait_until(lambda: listener.of("serd/n/mic/speech")[-1:] == ["OFF"], "no speech")
        wait_until(lambda: listener.of("serd/n/mic/state")[-1:] == [NONE], "no state")
        reason = "standard input gave no sound for 5 s"
        wait_until(lambda: listener.of("serd/n/mic/problem")[-1:] == [reason], "the reason")
        write_sound(daemon, utterance())
        wait_until(lambda: listener.of(AVAILABILITY)[-1:] == ["online"], "its return")
        wait_until(lambda: listener.of("serd/n/mic/problem")[-1:] == [NONE], "no reason any more")
        assert end(daemon) == 0
    assert daemon.log.count("serd: standard input gave no sound for 5 s; trying again") == 1
