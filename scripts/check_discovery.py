"""Checks serd's discovery messages with Home Assistant itself, without a browser.

The script starts Home Assistant's core with its MQTT integration beside a Mosquitto, validates each
entity with Home Assistant's own schemas, publishes a daemon's messages, reads the entities' states,
operates their switches, runs the automation of docs/mqtt.md, and removes the device again. It prints a
line for each check that passes; the exit code is 1 if one fails.

Run it manually, in a virtual environment of its own (Home Assistant 2025.4 needs Python 3.13):

    python3.13 -m venv /tmp/ha && /tmp/ha/bin/pip install 'homeassistant==2025.4.*' paho-mqtt numpy
    /tmp/ha/bin/pip install --no-deps --editable .
    /tmp/ha/bin/python scripts/check_discovery.py
"""

import asyncio
import contextlib
import importlib
import json
import logging
import re
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml
from homeassistant import bootstrap, loader
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.const import __version__ as version
from homeassistant.core import HomeAssistant
from make_discovery import TOPICS, example_payload

from serd.events.alert import AlertKey
from serd.events.controls import Controls, with_control
from serd.events.mood import MoodSettings, MoodTracker, mood_json
from serd.model.labels import EMOTIONS, UNCERTAIN
from serd.mqtt.homeassistant.description import birth_topic, discovery_payload, discovery_topic
from serd.mqtt.homeassistant.settings import DiscoverySettings
from testkit.brokers import DEADLINE_S, Listener, MosquittoBroker, free_port, mosquitto
from testkit.made_events import make_event
from testkit.made_moods import heard

DOC = Path(__file__).parent.parent / "docs" / "mqtt.md"
SETTINGS = DiscoverySettings()
CONFIG_TOPIC = discovery_topic(SETTINGS, TOPICS.node)
STATS = {"n_overflows": 3, "spool_drops": 2, "real_time_factor": 0.0417, "version": "1.2.3"}
_ENTITY_KEYS = {"device", "origin", "availability", "availability_mode"}
"""Keys that Home Assistant adds to each component before it validates it."""


def ensure(condition: object, what: str) -> None:
    """Check a condition.

    Raises:
        AssertionError: it is false.
    """
    if not condition:
        raise AssertionError(what)


def check_schemas(payload: str) -> None:
    """Validate a payload with the schemas of the device and of each platform.

    Raises:
        vol.Invalid: Home Assistant would refuse the payload.
        AssertionError: Home Assistant would ignore one of its keys.
    """
    body = json.loads(payload)
    DEVICE_DISCOVERY_SCHEMA(body)
    shared = {key: body[key] for key in _ENTITY_KEYS}
    for component_id, component in body["components"].items():
        platform = component.pop("platform")
        module = importlib.import_module(f"homeassistant.components.mqtt.{platform}")
        accepted = module.DISCOVERY_SCHEMA(shared | component)
        ignored = component.keys() - accepted.keys() - {"default_entity_id"}
        ensure(not ignored, f"platform {platform} knows the keys of {component_id}, got {ignored}")
    print(f"ok  schemas of Home Assistant {version}: {len(body['components'])} entities")


def documented_automation() -> dict[str, Any]:
    """The automation of the documentation."""
    (example,) = re.findall(r"```yaml\n(.*?)```", DOC.read_text("utf-8"), re.DOTALL)
    automation: dict[str, Any] = yaml.safe_load(example)
    return automation


@contextlib.asynccontextmanager
async def home_assistant(
    broker: MosquittoBroker, automations: Mapping[str, Any], blueprint: Path | None = None
) -> AsyncIterator[HomeAssistant]:
    """Run Home Assistant's core with the MQTT integration, in a temporary folder.

    Args:
        broker: the broker.
        automations: the section of the configuration with its automations.
        blueprint: the file of a blueprint that it finds as ``serd/<name>``; None for none.
    """
    moment = "2025-01-01T00:00:00+00:00"
    entry = {
        "created_at": moment, "modified_at": moment,
        "data": {"broker": broker.host, "port": broker.port},
        "disabled_by": None, "discovery_keys": {}, "domain": "mqtt", "entry_id": "broker",
        "version": 1, "minor_version": 2, "options": {}, "pref_disable_new_entities": False,
        "pref_disable_polling": False, "source": "user", "subentries": [], "title": "broker",
        "unique_id": None,
    }  # fmt: skip
    entries = {
        "version": 1, "minor_version": 5, "key": "core.config_entries", "data": {"entries": [entry]},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        storage = Path(folder) / ".storage"
        storage.mkdir()
        (storage / "core.config_entries").write_text(json.dumps(entries))
        (Path(folder) / "configuration.yaml").touch()
        if blueprint is not None:
            place = Path(folder) / "blueprints" / "automation" / "serd" / blueprint.name
            place.parent.mkdir(parents=True)
            shutil.copyfile(blueprint, place)
        hass = HomeAssistant(folder)
        hass.config.skip_pip = True
        loader.async_setup(hass)
        http = {"server_host": ["127.0.0.1"], "server_port": free_port()}
        config = {"homeassistant": {}, "http": http, **automations}
        started = await bootstrap.async_from_config_dict(config, hass)
        ensure(started is hass, "Home Assistant starts")
        await hass.async_start()
        try:
            yield hass
        finally:
            await hass.async_stop(force=True)


class Scenario:
    """The messages of a daemon, and the entities of Home Assistant that follow them."""

    def __init__(self, hass: HomeAssistant, broker: MosquittoBroker, listener: Listener) -> None:
        self.hass = hass
        self.broker = broker
        self.listener = listener
        self.calls: list[dict[str, Any]] = []
        """The service calls of the documented automation."""

    async def publish(self, topic: str, payload: str, *, retain: bool = False) -> None:
        """Publish a message in the way of the daemon."""
        await asyncio.to_thread(self.broker.publish, topic, payload, retain=retain)

    async def expect(self, entity_id: str, state: str | None) -> None:
        """Wait until an entity has a state; None for an entity that does not exist."""
        await self.until(lambda: self.state(entity_id) == state, f"{entity_id} is {state}")

    async def command(self, service: str, entity_id: str, control: str, **data: object) -> None:
        """Call a service, and apply the published payload to the daemon's control."""
        topic = TOPICS.control_set("mic", control)
        n_before = len(self.listener.of(topic))
        await self.hass.services.async_call(
            *service.split("."), {"entity_id": entity_id, **data}, blocking=True
        )
        await self.until(lambda: len(self.listener.of(topic)) > n_before, f"{service} publishes")
        payload = self.listener.of(topic)[-1]
        print(f"ok  serd takes {payload}: {with_control(Controls(), control, payload.encode())}")

    async def until(self, holds: Callable[[], Any], what: str) -> None:
        """Wait until a condition holds.

        Raises:
            AssertionError: it did not hold in time.
        """
        try:
            async with asyncio.timeout(DEADLINE_S):
                while not holds():
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"waited {DEADLINE_S:g} s in vain: {what}") from None
        print(f"ok  {what}")

    def state(self, entity_id: str) -> str | None:
        """The state of an entity; None if it does not exist."""
        found = self.hass.states.get(entity_id)
        return found.state if found else None

    def __call__(self, entity_id: str) -> dict[str, Any]:
        """The attributes of an entity."""
        return dict(self.hass.states.get(entity_id).attributes)


async def play_automation(scenario: Scenario) -> None:
    """Check that the documented automation acts on a confident angry utterance only."""
    scenario.hass.services.async_register(
        "light", "turn_on", lambda call: scenario.calls.append(call.data)
    )
    for number, (emotion, confidence) in enumerate((("sad", 0.9), ("angry", 0.6), ("angry", 0.9))):
        event = make_event(10 + number, emotion=emotion, confidence=confidence)
        await scenario.publish(TOPICS.event("mic"), event.to_json())
    await scenario.until(lambda: len(scenario.calls) == 1, "the automation of docs/mqtt.md runs once")


async def play_mood(scenario: Scenario) -> None:
    """Check the entities of mood and alerts, and of a confidence without an emotion."""
    tracker = MoodTracker(MoodSettings())
    await scenario.publish(TOPICS.mood("mic"), mood_json(tracker.mood, "now"), retain=True)
    await scenario.expect("sensor.serd_pi_mood", "none")
    await scenario.expect("sensor.serd_pi_mood_arousal", "unknown")
    tracker.add(heard("angry", 20.0, arousal=0.62, valence=-0.5), 0.0)
    await scenario.publish(TOPICS.mood("mic"), mood_json(tracker.mood, "now"), retain=True)
    await scenario.expect("sensor.serd_pi_mood", "angry")
    await scenario.expect("sensor.serd_pi_mood_arousal", "0.62")
    await scenario.expect("sensor.serd_pi_mood_valence", "-0.5")
    for text, state in (("OFF", "off"), ("ON", "on")):
        await scenario.publish(TOPICS.alert("mic", "angry"), text, retain=True)
        await scenario.expect("binary_sensor.serd_pi_alert_angry", state)
    before = scenario.state("sensor.serd_pi_confidence")
    await scenario.publish(TOPICS.event("mic"), make_event(20, emotion=UNCERTAIN).to_json())
    await scenario.publish(TOPICS.state("mic"), "none", retain=True)
    await scenario.expect("sensor.serd_pi_confidence", "unavailable")
    await scenario.publish(TOPICS.state("mic"), "angry", retain=True)
    await scenario.expect("sensor.serd_pi_confidence", before)


async def play_removal(scenario: Scenario) -> None:
    """Check that the entity of a removed alert goes, and that no other one does."""
    key = AlertKey("mic", "angry")
    without = discovery_payload(
        topics=TOPICS, node="pi", sources=["mic"], labels=EMOTIONS, version="1", gone_alerts=[key]
    )
    for _ in range(2):
        await scenario.publish(CONFIG_TOPIC, without, retain=True)
        await scenario.expect("binary_sensor.serd_pi_alert_angry", None)
    ensure(scenario.state("sensor.serd_pi_mood") == "angry", "the mood stays")
    await scenario.publish(CONFIG_TOPIC, example_payload("mic"), retain=True)
    await scenario.expect("binary_sensor.serd_pi_alert_angry", "on")


async def play(scenario: Scenario) -> None:
    """Check the entities over the lifetime of a daemon."""
    body = json.loads(example_payload("mic"))
    for component in body["components"].values():
        entity_id = component["default_entity_id"]
        await scenario.until(lambda: scenario.state(entity_id) is not None, f"{entity_id} is there")  # noqa: B023
    await scenario.until(
        lambda: scenario.listener.of(birth_topic(SETTINGS)) == ["online"], "birth message"
    )
    await scenario.expect("sensor.serd_pi_emotion", "none")
    await scenario.expect("sensor.serd_pi_valence", "none")

    await scenario.publish(TOPICS.state("mic"), "angry", retain=True)
    await scenario.expect("sensor.serd_pi_emotion", "angry")
    await scenario.expect("sensor.serd_pi_valence", "negative")
    await scenario.publish(TOPICS.speech("mic"), "ON", retain=True)
    await scenario.expect("binary_sensor.serd_pi_speech", "on")
    await scenario.publish(TOPICS.level("mic"), json.dumps({"level_dbfs": -31.4, "guesses": {}}))
    await scenario.expect("sensor.serd_pi_sound_level", "-31.4")

    replayed = json.loads(make_event(1, emotion="sad", confidence=0.5).to_json()) | {"replayed": True}
    await scenario.publish(TOPICS.event("mic"), json.dumps(replayed))
    await scenario.publish(TOPICS.event("mic"), make_event(2, kind="window", confidence=0.61).to_json())
    await scenario.expect("sensor.serd_pi_confidence", "61.0")
    await scenario.expect("event.serd_pi_utterance", "unknown")
    await scenario.publish(
        TOPICS.event("mic"), make_event(3, emotion="happy", confidence=0.8712).to_json()
    )
    await scenario.expect("sensor.serd_pi_confidence", "87.1")
    await scenario.until(
        lambda: scenario("event.serd_pi_utterance")["event_type"] == "happy", "it fires"
    )
    print(f"ok  its attributes: {scenario('event.serd_pi_utterance')['scores']}")

    await play_automation(scenario)
    await play_mood(scenario)

    await scenario.publish(TOPICS.stats, json.dumps(STATS))
    await scenario.expect("sensor.serd_pi_overflows", "3")
    await scenario.expect("sensor.serd_pi_dropped_events", "2")
    await scenario.expect("sensor.serd_pi_real_time_factor", "0.0417")
    await scenario.expect("sensor.serd_pi_version", "1.2.3")

    await scenario.command("switch.turn_on", "switch.serd_pi_mute", "mute")
    await scenario.command("number.set_value", "number.serd_pi_threshold", "threshold", value=0.55)
    await scenario.command("number.set_value", "number.serd_pi_cooldown", "cooldown", value=30)
    for control, text, entity_id, state in (
        ("mute", "ON", "switch.serd_pi_mute", "on"),
        ("threshold", "0.55", "number.serd_pi_threshold", "0.55"),
        ("cooldown", "30", "number.serd_pi_cooldown", "30"),
    ):
        await scenario.publish(TOPICS.control("mic", control), text, retain=True)
        await scenario.expect(entity_id, state)

    await scenario.publish(TOPICS.availability("mic"), "offline", retain=True)
    await scenario.expect("sensor.serd_pi_emotion", "unavailable")
    await scenario.expect("binary_sensor.serd_pi_microphone", "off")
    await scenario.publish(TOPICS.availability("mic"), "online", retain=True)
    await scenario.expect("sensor.serd_pi_emotion", "angry")
    await scenario.publish(TOPICS.status, "offline", retain=True)
    await scenario.expect("binary_sensor.serd_pi_microphone", "unavailable")
    await scenario.publish(TOPICS.status, "online", retain=True)
    await scenario.expect("binary_sensor.serd_pi_microphone", "on")
    await scenario.hass.async_block_till_done()
    ensure(len(scenario.calls) == 1, f"coming back starts no automation, got {scenario.calls}")

    await play_removal(scenario)
    await scenario.publish(CONFIG_TOPIC, "", retain=True)
    for component in body["components"].values():
        await scenario.expect(component["default_entity_id"], None)


async def check() -> None:
    """Run the scenario with a running Home Assistant.

    Raises:
        AssertionError: a check failed, or Home Assistant logged a warning.
    """
    warnings: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: warnings.append(record.getMessage())  # type: ignore[method-assign]
    mqtt_log = logging.getLogger("homeassistant.components.mqtt")
    mqtt_log.setLevel(logging.WARNING)
    mqtt_log.propagate = False
    mqtt_log.addHandler(handler)
    with mosquitto() as broker, Listener(broker) as listener:
        retained = {
            CONFIG_TOPIC: example_payload("mic"),
            TOPICS.status: "online",
            TOPICS.availability("mic"): "online",
            TOPICS.state("mic"): "none",
        }
        for topic, payload in retained.items():
            broker.publish(topic, payload, retain=True)
        async with home_assistant(broker, documented_automation()) as hass:
            check_schemas(example_payload("mic"))
            check_schemas(example_payload("kitchen", "hall"))
            await play(Scenario(hass, broker, listener))
            ensure(not warnings, f"Home Assistant logs no warning, got {warnings}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    try:
        asyncio.run(check())
    except (AssertionError, vol.Invalid) as exc:
        sys.exit(f"not ok: {exc}")
    print(f"All checks with Home Assistant {version} passed.")
