"""The settings of Home Assistant's discovery."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from serd.mqtt.topics import is_prefix

_AUTO: Final = "auto"
_ON: Final = "on"
_OFF: Final = "off"


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoverySettings:
    """Entities in Home Assistant, through its MQTT discovery."""

    enabled: str = _AUTO
    """Whether serd describes itself to Home Assistant: "on", "off", or "auto": on if [mqtt] host names a
    broker."""
    prefix: str = field(default="homeassistant", metadata={"form": "name"})
    """The discovery prefix, as set in Home Assistant's MQTT integration."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if self.enabled not in {_AUTO, _ON, _OFF}:
            yield "enabled", '"auto", "on" or "off"'
        if not is_prefix(self.prefix):
            yield "prefix", 'a topic without "+" and "#", with no "/" at either end'

    def is_on(self, *, has_broker: bool) -> bool:
        """Whether to publish the description; ``has_broker`` says whether the settings name a broker."""
        return self.enabled == _ON or (self.enabled == _AUTO and has_broker)
