"""The whole daemon at a real broker: its sources, its signals, and what stands there once it is gone.

Sound comes through standard input wherever a test must know what has been heard by now.
"""

import json
import signal
from pathlib import Path

import numpy as np
import pytest
import soundfile

from serd.audio.format import SAMPLE_RATE_HZ
from serd.model.labels import NONE
from serd.mqtt.homeassistant import DiscoverySettings, discovery_topic
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import events
from testkit.mqtt_page import first_column, retained_names
from testkit.talking import (
    AVAILABILITY,
    EVENT,
    QUICK,
    STATUS,
    UTTERANCE_S,
    running,
    say,
    wait_for_output,
    word,
)


class TestAfterTheEnd:
    """What mosquitto_sub reads once the daemon is gone."""

    def test_every_retained_topic_of_the_page(self, tmp_path: Path) -> None:
        """Both offline, nobody speaks, the controls, and the description for Home Assistant."""
        with mosquitto() as broker:
            with running(broker, tmp_path, "--source", "-") as daemon:
                say(daemon, word())
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


def test_a_file_comes_and_goes_and_standard_input_is_not_disturbed(tmp_path: Path) -> None:
    """Two sources: missing at the start, there, removed, there again; the other one hears all along."""
    file, aside = tmp_path / "word.wav", tmp_path / "aside.wav"
    soundfile.write(aside, word(), SAMPLE_RATE_HZ)
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
                say(daemon, word())
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

    def test_sighup_takes_new_settings_and_leaves_broken_ones(self, tmp_path: Path) -> None:
        """Levels, stats and another prefix from now on, on the open pipe; a broken file is said."""
        file = tmp_path / "serd.toml"
        new = f'{QUICK}\n[report]\nlevel_s = 0.3\nstats_s = 1\n[mqtt]\nprefix = "other"\n'
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-") as daemon:
                say(daemon, word())
                wait_until(lambda: len(listener.of(EVENT)) == 2, "events")
                assert not listener.of("serd/n/mic/level")
                file.write_text(new)
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: listener.of("other/n/status") == ["online"], "the other prefix")
                assert listener.of(STATUS) == ["online", "offline"]
                say(daemon, word())
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 2, "events")
                wait_until(lambda: len(listener.of("other/n/mic/level")) >= 1, "levels")
                wait_until(lambda: listener.of("other/n/stats"), "stats")

                file.write_text(f"{new}\nprefx = 1\n")
                daemon.process.send_signal(signal.SIGHUP)
                line = daemon.wait_for_log("the settings stay as they were")
                assert "did you mean 'prefix'?" in line
                say(daemon, word())
                wait_until(lambda: len(listener.of("other/n/mic/event")) == 4, "events")
                assert daemon.stop() == 0, daemon.log
            wait_until(lambda: listener.of("other/n/status") == ["online", "offline"], "the goodbye")
            assert listener.of("other/n/mic/availability") == ["online", "offline"]
            starts_s = [event["start_s"] for event in events(daemon.output)]
            assert starts_s == sorted(starts_s)
            assert sum("listening to" in line for line in daemon.log) == 1

    def test_sigusr1_and_the_stats_topic_tell_how_it_fares(self, tmp_path: Path) -> None:
        """The topic has every documented field; the log has what the daemon itself counts."""
        settings = f"{QUICK}\n[report]\nstats_s = 1\n"
        with mosquitto() as broker, Listener(broker) as listener:
            with running(broker, tmp_path, "--source", "-", settings=settings) as daemon:
                say(daemon, word())
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
