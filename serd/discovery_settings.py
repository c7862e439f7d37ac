"""Whether and where serd describes itself to Home Assistant."""

from collections.abc import Iterator
from dataclasses import dataclass

from serd.topics import is_prefix

AUTO = "auto"
ON = "on"
OFF = "off"


@dataclass(frozen=True, kw_only=True, slots=True)
class DiscoverySettings:
    """Entities in Home Assistant, through its MQTT discovery."""

    enabled: str = AUTO
    """Whether Home Assistant is told which entities there are: "on", "off", or "auto" for on where
    [mqtt] host names a broker."""
    prefix: str = "homeassistant"
    """The discovery prefix, as it is set in Home Assistant's MQTT integration."""

    def problems(self) -> Iterator[tuple[str, str]]:
        """Yield (key, what was expected) for each value that cannot work."""
        if self.enabled not in {AUTO, ON, OFF}:
            yield "enabled", '"auto", "on" or "off"'
        if not is_prefix(self.prefix):
            yield "prefix", 'a topic without "+" and "#", with no "/" at either end'

    def is_on(self, *, has_broker: bool) -> bool:
        """Whether to publish; ``has_broker`` says whether the settings name a broker."""
        return self.enabled == ON or (self.enabled == AUTO and has_broker)
