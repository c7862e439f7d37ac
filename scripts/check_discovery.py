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
import importlib
import json
import logging
import re
import sys
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml
from home_assistant import Scenario, ensure, home_assistant
from homeassistant.components.mqtt.schemas import DEVICE_DISCOVERY_SCHEMA
from homeassistant.const import __version__ as version
from make_discovery import TOPICS, example_payload

from serd.events.alert import AlertKey
from serd.events.mood import MoodSettings, MoodTracker, mood_json
from serd.model.labels import EMOTIONS, UNCERTAIN
from serd.mqtt.homeassistant.description import birth_topic, discovery_payload, discovery_topic
from serd.mqtt.homeassistant.settings import DiscoverySettings
from testkit.brokers import Listener, mosquitto
from testkit.made_events import make_event
from testkit.made_moods import heard

DOC = Path(__file__).parent.parent / "docs" / "mqtt.md"
SETTINGS = DiscoverySettings()
CONFIG_TOPIC = discovery_topic(SETTINGS, TOPICS.node)
STATS = {"n_overflows": 3, "spool_drops": 2, "real_time_factor": 0.0417, "version": "1.2.3"}
_ENTITY_KEYS = {"device", "origin", "availability", "availability_mode"}
"""Keys that Home Assistant adds to each component before it validates it."""


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


async def play_start(scenario: Scenario) -> None:
    """Check that every entity appears, with the states of a daemon that has heard nothing."""
    for entity_id in entity_ids("mic"):
        await scenario.until(lambda: scenario.state(entity_id) is not None, f"{entity_id} is there")  # noqa: B023
    await scenario.until(
        lambda: scenario.listener.of(birth_topic(SETTINGS)) == ["online"], "birth message"
    )
    await scenario.expect("sensor.serd_pi_emotion", "none")
    await scenario.expect("sensor.serd_pi_valence", "none")


async def play_speech(scenario: Scenario) -> None:
    """Check the entities that follow the speech: emotion, valence, voice and level."""
    await scenario.publish(TOPICS.state("mic"), "angry", retain=True)
    await scenario.expect("sensor.serd_pi_emotion", "angry")
    await scenario.expect("sensor.serd_pi_valence", "negative")
    await scenario.publish(TOPICS.speech("mic"), "ON", retain=True)
    await scenario.expect("binary_sensor.serd_pi_speech", "on")
    await scenario.publish(TOPICS.level("mic"), json.dumps({"level_dbfs": -31.4, "guesses": {}}))
    await scenario.expect("sensor.serd_pi_sound_level", "-31.4")


async def play_events(scenario: Scenario) -> None:
    """Check that windows change the confidence, utterances also fire, and replayed events do neither."""
    topic = TOPICS.event("mic")
    replayed = json.loads(make_event(1, emotion="sad", confidence=0.5).to_json()) | {"replayed": True}
    await scenario.publish(topic, json.dumps(replayed))
    await scenario.publish(topic, make_event(2, kind="window", confidence=0.61).to_json())
    await scenario.expect("sensor.serd_pi_confidence", "61.0")
    await scenario.expect("event.serd_pi_utterance", "unknown")
    await scenario.publish(topic, make_event(3, emotion="happy", confidence=0.8712).to_json())
    await scenario.expect("sensor.serd_pi_confidence", "87.1")
    await scenario.until(
        lambda: scenario("event.serd_pi_utterance")["event_type"] == "happy", "it fires"
    )
    print(f"ok  its attributes: {scenario('event.serd_pi_utterance')['scores']}")


async def play_statistics(scenario: Scenario) -> None:
    """Check the entities of the daemon's own figures."""
    await scenario.publish(TOPICS.stats, json.dumps(STATS))
    await scenario.expect("sensor.serd_pi_overflows", "3")
    await scenario.expect("sensor.serd_pi_dropped_events", "2")
    await scenario.expect("sensor.serd_pi_real_time_factor", "0.0417")
    await scenario.expect("sensor.serd_pi_version", "1.2.3")


async def play_controls(scenario: Scenario) -> None:
    """Check that the daemon takes what the controls send, and that they show its answers."""
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


async def play_losses(scenario: Scenario) -> None:
    """Lose and find the microphone, then the daemon; no automation starts at their return."""
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


async def play_end(scenario: Scenario) -> None:
    """Check that every entity goes with the daemon's discovery message."""
    await scenario.publish(CONFIG_TOPIC, "", retain=True)
    for entity_id in entity_ids("mic"):
        await scenario.expect(entity_id, None)


def entity_ids(source: str) -> list[str]:
    """The entities of a node with one source."""
    components = json.loads(example_payload(source))["components"]
    return [component["default_entity_id"] for component in components.values()]


PLAYS = (
    play_start,
    play_speech,
    play_events,
    play_automation,
    play_mood,
    play_statistics,
    play_controls,
    play_losses,
    play_removal,
    play_end,
)
"""The lifetime of a daemon, in order; some depend on the states that earlier ones leave."""


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
            scenario = Scenario(hass, broker, listener)
            for play in PLAYS:
                await play(scenario)
            ensure(not warnings, f"Home Assistant logs no warning, got {warnings}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    try:
        asyncio.run(check())
    except (AssertionError, vol.Invalid) as exc:
        sys.exit(f"not ok: {exc}")
    print(f"All checks with Home Assistant {version} passed.")
