"""Settings and state of earlier versions are taken over; the files were written by those versions."""

import json
import re
import shutil
import sqlite3
import tomllib
from pathlib import Path

import pytest

from serd.audio.demo import DEMO_PATH
from serd.settings.loader import load_settings
from serd.settings.template import settings_as_toml
from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import serd

GOLDEN = Path(__file__).parents[1] / "golden" / "state-0.1.0"
ROWS = (GOLDEN / "spool.sql").read_text("utf-8")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A state folder of version 0.1.0 with events that no broker took."""
    folder = tmp_path / "state"
    folder.mkdir()
    shutil.copy(GOLDEN / "voices.json", folder)
    with sqlite3.connect(folder / "spool.db") as connection:
        connection.executescript(ROWS)
    connection.close()
    return folder


def test_the_events_of_an_earlier_version_are_delivered(state: Path, tmp_path: Path) -> None:
    """What 0.1.0 stored on the disk goes out first, marked as replayed, and the voices are read."""
    connection = sqlite3.connect(state / "spool.db")
    stored = [json.loads(payload) for (payload,) in connection.execute("SELECT payload FROM event")]
    connection.close()
    assert len(stored) == 4
    with mosquitto() as broker, Listener(broker) as listener:
        extra = {"STATE_DIRECTORY": str(state), "SERD_ADAPTATION_ENABLED": "true"}
        address = ("--host", broker.host, "--port", broker.port)
        with serd(
            "run", "--source", DEMO_PATH, "--node", "pi", *address, home=tmp_path, extra=extra
        ) as daemon:
            daemon.wait_for_log("4 events of an earlier run are sent first")
            topic = "serd/pi/mic/event"
            wait_until(lambda: len(listener.of(topic)) >= len(stored), "the events")
        got = [json.loads(payload) for payload in listener.of(topic)][: len(stored)]
        assert [each["id"] for each in got] == [each["id"] for each in stored]
        assert all(each["replayed"] for each in got)
        assert [each["scores"] for each in got] == [each["scores"] for each in stored]
        assert not [line for line in daemon.log if "Traceback" in line or "voices" in line]


def test_the_settings_of_an_earlier_version_are_valid(tmp_path: Path) -> None:
    """Each setting that `serd config init` of 0.1.0 wrote is still there, with the meaning it had."""
    path = tmp_path / "serd.toml"
    path.write_text(
        re.sub(r"^#(\w+ = )", r"\1", (GOLDEN / "serd.toml").read_text("utf-8"), flags=re.MULTILINE)
    )
    written = tomllib.loads(path.read_text("utf-8"))
    read = tomllib.loads(settings_as_toml(load_settings(path)))
    assert sum(map(len, written.values())) > 40
    for section, values in written.items():
        for key, value in values.items():
            assert read[section][key] == value, f"[{section}] {key}"
