"""Checks the blueprint of docs/homeassistant with Home Assistant itself, without a browser.

The script validates the blueprint with Home Assistant's own schema, starts its core beside a Mosquitto
with the automation of docs/homeassistant/README.md, and turns an alert on and off. It prints a line for
each check that passes; the exit code is 1 if one fails. It runs in the environment of
scripts/check_discovery.py:

    /tmp/ha/bin/python scripts/check_blueprint.py
"""

import asyncio
import logging
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml
from check_discovery import CONFIG_TOPIC
from home_assistant import Scenario, ensure, home_assistant
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.const import __version__ as version
from homeassistant.util.yaml import load_yaml_dict
from make_discovery import TOPICS, example_payload

from testkit.brokers import Listener, mosquitto

FOLDER = Path(__file__).parent.parent / "docs" / "homeassistant"
BLUEPRINT = FOLDER / "alert.yaml"
ALERT = "binary_sensor.serd_pi_alert_angry"


def documented_automation() -> dict[str, Any]:
    """The automation of docs/homeassistant/README.md."""
    (example,) = re.findall(r"```yaml\n(.*?)```", (FOLDER / "README.md").read_text("utf-8"), re.DOTALL)
    automation: dict[str, Any] = yaml.safe_load(textwrap.dedent(example))
    return automation


def check_schema() -> None:
    """Validate the blueprint, its inputs and this version of Home Assistant.

    Raises:
        BlueprintException: Home Assistant would refuse the blueprint.
        AssertionError: it needs a later version.
    """
    blueprint = Blueprint(
        load_yaml_dict(str(BLUEPRINT)),
        path="serd/alert.yaml",
        expected_domain="automation",
        schema=AUTOMATION_BLUEPRINT_SCHEMA,
    )
    ensure(blueprint.validate() is None, f"the blueprint runs on {version}: {blueprint.validate()}")
    print(f"ok  schema of Home Assistant {version}: the inputs are {', '.join(blueprint.inputs)}")


async def play(scenario: Scenario) -> None:
    """Turn the alert on and off, and lose and find its daemon."""
    brightness: list[int] = []
    scenario.hass.services.async_register(
        "light", "turn_on", lambda call: brightness.append(call.data["brightness_pct"])
    )
    topic = TOPICS.alert("mic", "angry")
    await scenario.expect(ALERT, "off")
    await scenario.publish(topic, "ON", retain=True)
    await scenario.until(lambda: brightness == [30], "the actions of an alert that turns on run once")
    for status, state in (("offline", "unavailable"), ("online", "on")):
        await scenario.publish(TOPICS.status, status, retain=True)
        await scenario.expect(ALERT, state)
    await scenario.publish(topic, "OFF", retain=True)
    await scenario.until(lambda: brightness == [30, 100], "those of one that turns off run once")
    await scenario.hass.async_block_till_done()
    ensure(brightness == [30, 100], f"a daemon that is away runs nothing, got {brightness}")
    print("ok  a daemon that was away ran nothing")


async def check() -> None:
    """Run the scenario with a running Home Assistant.

    Raises:
        AssertionError: a check failed.
    """
    with mosquitto() as broker, Listener(broker) as listener:
        retained = {
            CONFIG_TOPIC: example_payload("mic"),
            TOPICS.status: "online",
            TOPICS.availability("mic"): "online",
            TOPICS.alert("mic", "angry"): "OFF",
        }
        for topic, payload in retained.items():
            broker.publish(topic, payload, retain=True)
        check_schema()
        async with home_assistant(broker, documented_automation(), BLUEPRINT) as hass:
            await play(Scenario(hass, broker, listener))


if __name__ == "__main__":
    logging.basicConfig(level=logging.CRITICAL)
    try:
        asyncio.run(check())
    except (AssertionError, vol.Invalid) as exc:
        sys.exit(f"not ok: {exc}")
    print(f"All checks with Home Assistant {version} passed.")
