"""The whole daemon at a real broker: nothing lost, nothing wrong retained, no command that harms it.

Sound comes through standard input wherever a test must know what has been heard by now.
"""

import json
import random
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import pytest
import soundfile
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from serd.audio import SAMPLE_RATE_HZ, Samples
from serd.controls import CONTROLS, MAX_COOLDOWN_S, Controls, changed, control_texts
from serd.discovery import discovery_topic
from serd.discovery_settings import DiscoverySettings
from serd.errors import InputError
from serd.labels import NONE
from serd.mqtt.link import STEADY_S
from tests.brokers import DEADLINE_S, Listener, MosquittoBroker, mosquitto, wait_until
from tests.daemons import Daemon, events, serd
from tests.mqtt_page import first_column, retained_names
from tests.voices import quiet_room, synthetic_voice

N_UTTERANCES: Final = 250
"""Each brings a window and an utterance event."""
UTTERANCE_S: Final = 1.2
QUICK: Final = """
[segmenter]
pause_s = 0.2
hangover_s = 0.35
min_speech_s = 0.3
"""
"""Settings with which somebody who says a short word each 1.2 s makes two events of each."""
EVENT, STATUS = "serd/n/mic/event", "serd/n/status"
AVAILABILITY = "serd/n/mic/availability"
SLOW_S: Final = 4 * DEADLINE_S
"""For what takes seconds even on an idle machine."""


@pytest.fixture(scope="module")
def five_minutes() -> Samples:
    """250 short words, in 300 s of sound: 500 events with ``QUICK`` settings."""
    voices = [synthetic_voice(0.75, seed=number, f0_hz=100.0 + 15.0 * number) for number in range(10)]
    words = [
        np.concatenate((voices[number % 10], quiet_room(UTTERANCE_S - 0.75, seed=number)))
        for number in range(N_UTTERANCES)
    ]
    return np.concatenate(words)


@pytest.fixture(scope="module")
def word(five_minutes: Samples) -> Samples:
    """One of them, with the quiet that ends it: two events."""
    return five_minutes[: round(UTTERANCE_S * SAMPLE_RATE_HZ)]


@contextmanager
def running(
    broker: MosquittoBroker, home: Path, *arguments: object, settings: str = QUICK, **extra: str
) -> Iterator[Daemon]:
    """A daemon named n that prints its events, with its settings in ``home``."""
    file = home / "serd.toml"
    file.write_text(settings)
    with serd("run", "--json", "--node", "n", "--host", broker.host, "--port", broker.port, "--config",
              file, *arguments, home=home, stdin=subprocess.PIPE, extra=extra) as daemon:  # fmt: skip
        yield daemon


def say(daemon: Daemon, sound: Samples) -> None:
    """Write sound to standard input."""
    assert daemon.process.stdin is not None
    daemon.process.stdin.write(sound.tobytes())
    daemon.process.stdin.flush()


def end(daemon: Daemon) -> int:
    """End standard input; the exit code."""
    assert daemon.process.stdin is not None
    daemon.process.stdin.close()
    return daemon.wait()


def ids(lines: Sequence[str]) -> list[str]:
    """Id of the event in each line, in order."""
    return [event["id"] for event in events(list(lines))]


def wait_for_output(daemon: Daemon, n_events: int) -> None:
    """Wait until the daemon has printed so many events or more."""
    wait_until(lambda: len(daemon.output) >= n_events, f"{n_events} events", SLOW_S)


def wait_for_ids(listener: Listener, printed: Sequence[str]) -> None:
    """Wait until all printed ids have come to the listener, in whatever order."""
    wait_until(lambda: set(printed) <= set(ids(listener.of(EVENT))), "all printed events", SLOW_S)


class TestNoEventIsLost:
    """What the daemon has printed reaches a subscriber, whatever becomes of broker and daemon."""

    def test_killed_twice_while_the_broker_is_away(self, five_minutes: Samples, tmp_path: Path) -> None:
        """Durability "always": every printed id arrives, in order; what was heard before is marked."""
        sound = tmp_path / "five minutes.wav"
        soundfile.write(sound, five_minutes, SAMPLE_RATE_HZ)
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
            wait_until(lambda: listener.n_subscribed == 2, "the listener's return")
            with running(broker, tmp_path, *arguments, settings=settings) as daemon:
                assert daemon.wait(SLOW_S) == 0, daemon.log
            assert len(daemon.output) == 2 * N_UTTERANCES
            printed += ids(daemon.output)
            wait_for_ids(listener, printed)
            arrived = events(listener.of(EVENT))
        first = list(dict.fromkeys(event["id"] for event in arrived))
        assert [each for each in first if each in set(printed)] == printed
        # An event is kept before it is printed: each kill may come in between.
        assert len(first) <= len(printed) + 2
        replayed = {event["id"] for event in arrived if event.get("replayed")}
        assert set(printed[:n_before]) <= replayed
        assert not list((tmp_path / "serd").glob("spool.db*"))

    def test_broker_away_for_the_middle(self, five_minutes: Samples, tmp_path: Path) -> None:
        """Durability "offline": all 500 ids arrive, in order and none twice; the middle is marked."""
        n_part = round(UTTERANCE_S * SAMPLE_RATE_HZ) * (N_UTTERANCES // 3)
        first, middle, last = np.split(five_minutes, [n_part, 2 * n_part])
        n_events = 2 * (N_UTTERANCES // 3)
        with (
            mosquitto() as broker,
            Listener(broker) as listener,
            running(broker, tmp_path, "--source", "-") as daemon,
        ):
            say(daemon, first)
            wait_for_output(daemon, n_events)
            wait_for_ids(listener, ids(daemon.output))
            broker.stop()
            daemon.wait_for_log("lost ")
            say(daemon, middle)
            wait_for_output(daemon, 2 * n_events)
            assert (tmp_path / "serd" / "spool.db").exists()
            broker.start()
            wait_for_ids(listener, ids(daemon.output))
            say(daemon, last)
            assert end(daemon) == 0, daemon.log
            printed = ids(daemon.output)
            wait_for_ids(listener, printed)
            arrived = events(listener.of(EVENT))
        assert len(printed) == 2 * N_UTTERANCES
        assert [event["id"] for event in arrived] == printed
        replayed = [event["id"] for event in arrived if event.get("replayed")]
        assert replayed == printed[n_events : 2 * n_events]


def test_the_broker_comes_late_and_is_restarted_again_and_again(word: Samples, tmp_path: Path) -> None:
    """One session at a time, no lost event, and each time the retained topics say what holds."""
    n_restarts = 5
    with mosquitto() as broker, Listener(broker) as listener:
        broker.stop()
        with running(broker, tmp_path, "--source", "-") as daemon:
            daemon.wait_for_log("cannot be reached")
            for number in range(1 + n_restarts):
                broker.stop()
                say(daemon, word)
                wait_for_output(daemon, 2 * number + 2)
                broker.start()
                wait_until(lambda: n_connections(daemon) == number + 1, "the connection", SLOW_S)  # noqa: B023
                steady_s = time.monotonic() + STEADY_S
                wait_until(lambda: daemon_is_told(broker, daemon), "the retained topics", SLOW_S)
                wait_for_ids(listener, ids(daemon.output))
                # Connections that do not last make the pauses grow, which is tested elsewhere.
                time.sleep(max(0.0, steady_s - time.monotonic()))
            assert end(daemon) == 0, daemon.log
        wait_until(lambda: listener.of(STATUS)[-1] == "offline", "the goodbye")
        assert list(dict.fromkeys(ids(listener.of(EVENT)))) == ids(daemon.output)
        log = broker.log
    assert log.count("as serd-n-") == 1 + n_restarts
    assert "already connected" not in log
    assert n_connections(daemon) == 1 + n_restarts


def n_connections(daemon: Daemon) -> int:
    """How often it was let in, as it says itself."""
    return sum("connected to broker" in line for line in daemon.log)


def daemon_is_told(broker: MosquittoBroker, daemon: Daemon) -> bool:
    """Whether the broker retains exactly what must stand there while the daemon listens."""
    named = [each["emotion"] for each in events(daemon.output) if each["emotion"] != "uncertain"]
    return broker.retained("serd/#") == {
        STATUS: "online",
        AVAILABILITY: "online",
        "serd/n/mic/state": named[-1] if named else NONE,
        "serd/n/mic/speech": "OFF",
        "serd/n/mic/mute": "OFF",
        "serd/n/mic/threshold": "0.35",
        "serd/n/mic/cooldown": "0",
    }


class TestAfterTheEnd:
    """What mosquitto_sub reads once the daemon is gone."""

    def test_every_retained_topic_of_the_page(self, word: Samples, tmp_path: Path) -> None:
        """Both offline, nobody speaks, the controls, and the description for Home Assistant."""
        with mosquitto() as broker:
            with running(broker, tmp_path, "--source", "-") as daemon:
                say(daemon, word)
                wait_for_output(daemon, 2)
                assert daemon.stop() == 0, daemon.log
            retained = broker.retained("#")
        description = json.loads(retained.pop(discovery_topic(DiscoverySettings(), "n")))
        assert description["device"]["name"] == "serd n"
        assert retained == {
            STATUS: "offline",
            AVAILABILITY: "offline",
            "serd/n/mic/state": NONE,
            "serd/n/mic/speech": "OFF",
            "serd/n/mic/mute": "OFF",
            "serd/n/mic/threshold": "0.35",
            "serd/n/mic/cooldown": "0",
        }
        assert {topic.rpartition("/")[2] for topic in retained} == retained_names()

    def test_the_broker_speaks_for_a_daemon_that_was_killed(self, tmp_path: Path) -> None:
        """The last will: offline, where nobody could say it any more."""
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-") as daemon:
                wait_until(lambda: listener.of(AVAILABILITY) == ["online"], "the source")
                daemon.process.kill()
                daemon.wait()
            wait_until(lambda: listener.of(STATUS) == ["online", "offline"], "the last will")
            assert broker.retained(STATUS) == {STATUS: "offline"}


def test_a_wrong_password_is_one_clear_line_and_the_daemon_goes_on(
    word: Samples, tmp_path: Path
) -> None:
    """It hears and prints as ever, keeps its events, and never tells the password."""
    wrong = "Tr0ub4dor"
    with mosquitto(user="pi", password="right") as broker:  # noqa: S106
        extra = {"SERD_MQTT_USER": "pi", "SERD_MQTT_PASSWORD": wrong}
        with running(broker, tmp_path, "--source", "-", **extra) as daemon:
            daemon.wait_for_log("not authorised; check [mqtt] user and password")
            say(daemon, word)
            wait_for_output(daemon, 2)
            assert daemon.stop() == 0
        assert "2 events are kept in" in daemon.log[-1]
        assert sum("not authorised" in line for line in daemon.log[:-1]) == 1
        assert not any(wrong in line or "Traceback" in line for line in daemon.log)
        with (
            Listener(broker) as listener,
            running(
                broker, tmp_path, "--source", "-", **extra | {"SERD_MQTT_PASSWORD": "right"}
            ) as then,
        ):
            wait_for_ids(listener, ids(daemon.output))
            assert then.stop() == 0, then.log


class Commander:
    """Publishes bytes to the controls of the source, in order."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def publish(self, control: str, payload: bytes) -> None:
        """Send one value."""
        self._client.publish(f"serd/n/mic/{control}/set", payload, qos=1)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def random_payload(dice: random.Random) -> bytes:
    """Anything: bytes, texts, numbers of all kinds, nothing, and values that are right."""
    text = "".join(
        chr(dice.choice((dice.randrange(1, 128), dice.randrange(160, 55296)))) for _ in range(9)
    )
    return dice.choice(
        (
            lambda: dice.randbytes(dice.randrange(1, 60)),
            lambda: dice.randbytes(dice.randrange(60, 3000)),
            text.encode,
            lambda: str(dice.uniform(-2.0, 2.0)).encode(),
            lambda: str(dice.uniform(-1e4, 1e4)).encode(),
            lambda: str(dice.randrange(-(10**12), 10**12)).encode(),
            lambda: dice.choice((b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"0x1", b"1_0", b"-0")),
            lambda: dice.choice((b"ON", b"OFF", b"on", b" off\n", b"TRUE", b"1", b"0", b"null", b"{}")),
            lambda: dice.choice(
                ("\u0660.\u0665", "\u00bd", "\u0967\u0966", "1\u200b", "\uff2f\uff2e", "OFF\0")
            ).encode(),
            lambda: b"",
        )
    )()


def test_ten_thousand_random_commands(tmp_path: Path) -> None:
    """Each bad value is answered and none taken; each good one is, and is kept over a restart."""
    dice = random.Random(8)  # noqa: S311
    expected, n_refused = Controls(), dict.fromkeys(CONTROLS, 0)
    with mosquitto() as broker, Listener(broker) as listener:
        with (
            running(broker, tmp_path, "--source", "-") as daemon,
            closing(Commander(broker)) as commander,
        ):
            wait_until(lambda: listener.of(AVAILABILITY) == ["online"], "the source")
            answers = Answers(listener)
            for _ in range(200):
                for _ in range(50):
                    control, payload = dice.choice(CONTROLS), random_payload(dice)
                    commander.publish(control, payload)
                    try:
                        expected = changed(expected, control, payload)
                    except InputError:
                        n_refused[control] += 1
                wait_until(lambda: answers.counts() == n_refused, "the answers")
            texts = control_texts(expected)
            wait_until(
                lambda: {name: values(listener, name)[-1] for name in CONTROLS} == texts, "values"
            )
            assert daemon.stop() == 0, daemon.log
        assert not [line for line in daemon.log if "Traceback" in line or "could not be handled" in line]
        assert set(values(listener, "mute")) == {"ON", "OFF"}
        assert all(0.0 <= float(text) <= 1.0 for text in values(listener, "threshold"))
        assert all(0.0 <= float(text) <= MAX_COOLDOWN_S for text in values(listener, "cooldown"))
        assert min(len(set(values(listener, name))) for name in ("threshold", "cooldown")) > 50
        assert min(n_refused.values()) > 1000
        n_before = len(listener.of(AVAILABILITY))
        with running(broker, tmp_path, "--source", "-") as daemon:
            wait_until(lambda: listener.of(AVAILABILITY)[n_before:] == ["online"], "the second start")
            assert {name: values(listener, name)[-1] for name in CONTROLS} == texts
            assert daemon.stop() == 0, daemon.log


class Answers:
    """How many values of each control were refused, as a listener hears of it."""

    def __init__(self, listener: Listener) -> None:
        self._listener = listener
        self._n_read = 0
        self._counts = dict.fromkeys(CONTROLS, 0)

    def counts(self) -> dict[str, int]:
        """Up to now."""
        new = self._listener.heard[self._n_read :]
        self._n_read += len(new)
        for message in new:
            *_, control, last = message.topic.split("/")
            if last == "error":
                self._counts[control] += 1
        return self._counts


def values(listener: Listener, control: str) -> list[str]:
    """Everything that ever stood on the topic of a control."""
    return listener.of(f"serd/n/mic/{control}")


def test_a_file_comes_and_goes_and_standard_input_is_not_disturbed(
    word: Samples, tmp_path: Path
) -> None:
    """Two sources: missing at the start, there, removed, there again; the other one hears all along."""
    file, aside = tmp_path / "word.wav", tmp_path / "aside.wav"
    soundfile.write(aside, word, SAMPLE_RATE_HZ)
    settings = f"""{QUICK}
[[source]]
name = "file"
input = "{file}"
loop = true
[[source]]
name = "pipe"
input = "-"
"""
    with mosquitto() as broker, Listener(broker) as listener:

        def lives(source: str) -> list[str]:
            return listener.of(f"serd/n/{source}/availability")

        def heard(source: str) -> list[str]:
            return listener.of(f"serd/n/{source}/event")

        with running(broker, tmp_path, "--wait", settings=settings) as daemon:
            daemon.wait_for_log("no such file; trying again")
            for number in range(3):
                wait_until(lambda: lives("file")[-1:] == ["offline"], "the file is missed")
                say(daemon, word)
                wait_until(lambda: len(heard("pipe")) == 2 * number + 2, "the pipe's events")  # noqa: B023
                n_heard = len(heard("file"))
                aside.replace(file)
                wait_until(lambda: len(lives("file")) == 2 * number + 2, "the file is found")  # noqa: B023
                wait_until(lambda: len(heard("file")) >= n_heard + 2, "the file's events")  # noqa: B023
                file.replace(aside)
            wait_until(lambda: len(lives("file")) == 7, "the file is missed")
            assert broker.retained("serd/n/+/availability") == {
                "serd/n/file/availability": "offline",
                "serd/n/pipe/availability": "online",
            }
            assert daemon.stop() == 0, daemon.log
        assert lives("file")[:7] == ["offline", "online"] * 3 + ["offline"]
        assert lives("pipe") == ["online", "offline"]
        starts_s = [event["start_s"] for event in events(heard("pipe")) if event["kind"] == "utterance"]
    assert np.diff(starts_s) == pytest.approx(UTTERANCE_S, abs=0.1)
    lost = [line for line in daemon.log if "trying again" in line]
    assert len(lost) == 4
    assert all(f"{file}: no such file" in line for line in lost), lost


class TestSignals:
    """What a person or systemd asks of a running daemon."""

    def test_sighup_takes_new_settings_and_leaves_broken_ones(
        self, word: Samples, tmp_path: Path
    ) -> None:
        """Levels, stats and another prefix from now on, on the open pipe; a broken file is said."""
        file = tmp_path / "serd.toml"
        new = f'{QUICK}\n[report]\nlevel_s = 0.3\nstats_s = 1\n[mqtt]\nprefix = "other"\n'
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-") as daemon:
                say(daemon, word)
                wait_until(lambda: len(listener.of(EVENT)) == 2, "events")
                assert not listener.of("serd/n/mic/level")
                file.write_text(new)
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: listener.of("other/n/status") == ["online"], "the other prefix")
                assert listener.of(STATUS) == ["online", "offline"]
                say(daemon, word)
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 2, "events")
                wait_until(lambda: len(listener.of("other/n/mic/level")) >= 1, "levels")
                wait_until(lambda: listener.of("other/n/stats"), "stats")

                file.write_text(f"{new}\nprefx = 1\n")
                daemon.process.send_signal(signal.SIGHUP)
                line = daemon.wait_for_log("the settings stay as they were")
                assert "did you mean 'prefix'?" in line
                say(daemon, word)
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 4, "events")
                assert daemon.stop() == 0, daemon.log
            wait_until(lambda: listener.of("other/n/status") == ["online", "offline"], "the goodbye")
            assert listener.of("other/n/mic/availability") == ["online", "offline"]
            starts_s = [event["start_s"] for event in events(daemon.output)]
            assert starts_s == sorted(starts_s)
            assert sum("listening to" in line for line in daemon.log) == 1

    def test_sigusr1_and_the_stats_topic_tell_how_it_fares(self, word: Samples, tmp_path: Path) -> None:
        """The topic has every documented field; the log has what the daemon itself counts."""
        settings = f"{QUICK}\n[report]\nstats_s = 1\n"
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
                say(daemon, word)
                wait_for_output(daemon, 2)
                daemon.process.send_signal(signal.SIGUSR1)
                logged = json.loads(daemon.wait_for_log("stats: ").partition("stats: ")[2])
                n_before = len(listener.of("serd/n/stats"))
                wait_until(lambda: len(listener.of("serd/n/stats")) >= n_before + 2, "stats")
                assert daemon.stop() == 0, daemon.log
            told = json.loads(listener.of("serd/n/stats")[-1])
        assert told.keys() == set(first_column("Stats"))
        assert told.items() >= {"n_windows": 1, "n_events": 2, "sound_s": 1.2, "reconnects": 0}.items()
        assert told["spool_depth"] == told["spool_drops"] == 0
        assert logged.keys() == told.keys() - {"spool_depth", "spool_drops", "reconnects"}
        assert logged["n_events"] == 2
        assert 20.0 < told["rss_mb"] < 200.0
