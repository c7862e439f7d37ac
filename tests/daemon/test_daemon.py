"""The whole daemon with a real broker: its sources, its signals, and the retained state after its end.

Sound comes through standard input if a test must know how much the daemon has received.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from serd.events.schema import mood_schema
from serd.model.labels import NONE
from serd.mqtt.homeassistant.description import discovery_topic
from serd.mqtt.homeassistant.settings import DiscoverySettings
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import SERD, environment, events
from testkit.mqtt_page import first_column, retained_names
from testkit.piped_daemon import (
    AVAILABILITY,
    EVENT,
    QUICK,
    SLOW_S,
    STATUS,
    UTTERANCE_S,
    running,
    utterance,
    wait_for_output,
    write_sound,
)


class TestRetainedStateAfterTheEnd:
    """The retained messages once the daemon has ended."""

    def test_every_documented_retained_topic(self, tmp_path: Path) -> None:
        """Status and source are offline, without speech; controls, mood and discovery stay."""
        settings = f"{QUICK}[[alert]]\n"
        with mosquitto() as broker:
            with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
                write_sound(daemon, utterance())
                wait_for_output(daemon, 2)
                assert daemon.stop() == 0, daemon.log
            retained = broker.retained("#")
        description = json.loads(retained.pop(discovery_topic(DiscoverySettings(), "n")))
        assert description["device"]["name"] == "serd n"
        names = {topic.removeprefix("serd/n/").removeprefix("mic/") for topic in retained}
        assert {name.replace("alert/angry", "alert/<name>") for name in names} == retained_names()
        jsonschema.validate(json.loads(retained.pop("serd/n/mic/mood")), mood_schema())
        assert retained == {
            STATUS: "offline",
            AVAILABILITY: "offline",
            "serd/n/mic/problem": NONE,
            "serd/n/mic/state": NONE,
            "serd/n/mic/alert/angry": "OFF",
            "serd/n/mic/speech": "OFF",
            "serd/n/mic/mute": "OFF",
            "serd/n/mic/threshold": "0",
            "serd/n/mic/cooldown": "0",
        }

    def test_the_last_will_of_a_killed_daemon(self, tmp_path: Path) -> None:
        """The broker publishes the status "offline"."""
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-") as daemon:
                wait_until(lambda: listener.of(AVAILABILITY) == ["online"], "the source")
                daemon.process.kill()
                daemon.wait()
            wait_until(lambda: listener.of(STATUS) == ["online", "offline"], "the last will")
            assert broker.retained(STATUS) == {STATUS: "offline"}


def test_an_alert_survives_a_kill_without_a_change(tmp_path: Path) -> None:
    """It turns on once, and the next daemon says ON from its first message on."""
    settings = (
        f'{QUICK}[[alert]]\nname = "anyone"\nwhen = "arousal > -0.99"\n'
        "min_speech_s = 0.3\nhysteresis = 0\n"
    )
    topic = "serd/n/mic/alert/anyone"
    with mosquitto() as broker, Listener(broker) as listener:
        with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
            wait_until(lambda: listener.of(topic) == ["OFF"], "the alert")
            write_sound(daemon, utterance())
            wait_until(lambda: listener.of(topic) == ["OFF", "ON"], "the alert that is on")
            (saved,) = wait_for_files(tmp_path, "**/alerts.json")
            wait_until(lambda: "null" not in saved.read_text(), "the saved alert")
            daemon.process.kill()
            daemon.wait()
        n_before = len(listener.of(topic))
        with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
            wait_until(lambda: len(listener.of(topic)) > n_before, "the alert after the restart")
            write_sound(daemon, utterance(1))
            wait_for_output(daemon, 2)
            assert daemon.stop() == 0, daemon.log
        assert set(listener.of(topic)[1:]) == {"ON"}


def wait_for_files(folder: Path, pattern: str) -> list[Path]:
    """The files of a pattern, once there are any."""
    wait_until(lambda: list(folder.glob(pattern)), pattern)
    return list(folder.glob(pattern))


def test_a_file_that_comes_and_goes_does_not_interrupt_standard_input(tmp_path: Path) -> None:
    """A missing file is opened, removed and reopened, while the other source runs on."""
    file, aside = tmp_path / "utterance.wav", tmp_path / "aside.wav"
    soundfile.write(aside, utterance(), SAMPLE_RATE_HZ)
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

        def availability(source: str) -> list[str]:
            return listener.of(f"serd/n/{source}/availability")

        def event_lines(source: str) -> list[str]:
            return listener.of(f"serd/n/{source}/event")

        with running(broker, tmp_path, "--wait", settings=settings) as daemon:
            daemon.wait_for_log("no such file; trying again")
            for number in range(3):
                wait_until(lambda: availability("file")[-1:] == ["offline"], "the lost file")
                write_sound(daemon, utterance())
                wait_until(lambda: len(event_lines("pipe")) == 2 * number + 2, "the pipe's events")  # noqa: B023
                n_before = len(event_lines("file"))
                aside.replace(file)
                wait_until(lambda: len(availability("file")) == 2 * number + 2, "the opened file")  # noqa: B023
                wait_until(lambda: len(event_lines("file")) >= n_before + 2, "the file's events")  # noqa: B023
                file.replace(aside)
            wait_until(lambda: len(availability("file")) == 7, "the lost file")
            assert broker.retained("serd/n/+/availability") == {
                "serd/n/file/availability": "offline",
                "serd/n/pipe/availability": "online",
            }
            assert daemon.stop() == 0, daemon.log
        assert availability("file")[:7] == ["offline", "online"] * 3 + ["offline"]
        assert availability("pipe") == ["online", "offline"]
        starts_s = [
            event["start_s"] for event in events(event_lines("pipe")) if event["kind"] == "utterance"
        ]
    assert np.diff(starts_s) == pytest.approx(UTTERANCE_S, abs=0.1)
    lost = [line for line in daemon.log if "trying again" in line]
    assert len(lost) == 4
    assert all(f"{file}: no such file" in line for line in lost), lost


def test_a_reader_of_the_output_that_stops_does_not_stop_the_daemon(tmp_path: Path) -> None:
    """While a source is live, serd publishes on: 240 events of 1 kB, of which a pipe holds 64 kB."""
    fifo, settings = tmp_path / "sound", tmp_path / "serd.toml"
    os.mkfifo(fifo)
    settings.write_text(QUICK)

    def write() -> None:
        with contextlib.suppress(BrokenPipeError), fifo.open("wb") as sound:
            for number in range(120):
                sound.write(utterance(number).tobytes())

    writer = threading.Thread(target=write)
    with mosquitto() as broker, Listener(broker) as listener:
        command = [*SERD, "run", "--json", "--config", settings, "--source", fifo, "--node", "n"]
        process = subprocess.Popen(
            [*map(str, command), "--host", broker.host, "--port", str(broker.port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(tmp_path),
        )
        try:
            writer.start()
            wait_until(lambda: len(listener.of(EVENT)) >= 200, "events", SLOW_S)
            process.send_signal(signal.SIGTERM)
            assert process.wait(SLOW_S) == 0
        finally:
            process.kill()
            _, log = process.communicate()
            writer.join()
    assert b"nobody reads standard output: " in log


class TestSignals:
    """Signals to a running daemon."""

    def test_sighup_reloads_the_settings_and_ignores_invalid_ones(self, tmp_path: Path) -> None:
        """Levels, stats and a new prefix apply, with the pipe left open; an invalid file is logged."""
        file = tmp_path / "conf.d" / "mine.toml"
        file.parent.mkdir()
        new = '[report]\nlevel_s = 0.3\nstats_s = 1\n[mqtt]\nprefix = "other"\n'
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-") as daemon:
                write_sound(daemon, utterance())
                wait_until(lambda: len(listener.of(EVENT)) == 2, "events")
                assert not listener.of("serd/n/mic/level")
                file.write_text(new)
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: listener.of("other/n/status") == ["online"], "the other prefix")
                assert listener.of(STATUS) == ["online", "offline"]
                write_sound(daemon, utterance())
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 2, "events")
                wait_until(lambda: len(listener.of("other/n/mic/level")) >= 1, "levels")
                wait_until(lambda: listener.of("other/n/stats"), "stats")

                file.write_text(f"{new}\nprefx = 1\n")
                daemon.process.send_signal(signal.SIGHUP)
                line = daemon.wait_for_log("the settings are unchanged")
                assert "did you mean 'prefix'?" in line
                write_sound(daemon, utterance())
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 4, "events")
                assert daemon.stop() == 0, daemon.log
            wait_until(
                lambda: listener.of("other/n/status") == ["online", "offline"], "the status offline"
            )
            assert listener.of("other/n/mic/availability") == ["online", "offline"]
            starts_s = [event["start_s"] for event in events(daemon.output)]
            assert starts_s == sorted(starts_s)
            assert sum("listening to" in line for line in daemon.log) == 1

    def test_sigusr1_and_the_stats_topic_give_statistics(self, tmp_path: Path) -> None:
        """The topic has every documented field; the log has those that the daemon counts."""
        settings = f"{QUICK}\n[report]\nstats_s = 1\n"
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
                write_sound(daemon, utterance())
                wait_for_output(daemon, 2)
                daemon.process.send_signal(signal.SIGUSR1)
                logged = json.loads(daemon.wait_for_log("stats: ").partition("stats: ")[2])
                n_before = len(listener.of("serd/n/stats"))
                wait_until(lambda: len(listener.of("serd/n/stats")) >= n_before + 2, "stats")
                assert daemon.stop() == 0, daemon.log
            published = json.loads(listener.of("serd/n/stats")[-1])
        assert published.keys() == set(first_column("Stats"))
        assert (
            published.items() >= {"n_windows": 1, "n_events": 2, "sound_s": 1.2, "reconnects": 0}.items()
        )
        assert published["spool_depth"] == published["spool_drops"] == 0
        assert logged.keys() == published.keys() - {"spool_depth", "spool_drops", "reconnects"}
        assert logged["n_events"] == 2
        assert 20.0 < published["rss_mb"] < 200.0
