"""Home Assistant's core with its MQTT integration, and a daemon's messages to it.

The parts that check_discovery.py and check_blueprint.py share; they run in its environment.
"""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from homeassistant import bootstrap, loader
from homeassistant.core import HomeAssistant
from make_discovery import TOPICS

from serd.events.controls import Controls, with_control
from testkit.brokers import DEADLINE_S, Listener, MosquittoBroker, free_port


def ensure(condition: object, what: str) -> None:
    """Check a condition.

    Raises:
        AssertionError: it is false.
    """
    if not condition:
        raise AssertionError(what)


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
