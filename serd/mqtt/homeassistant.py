"""What Home Assistant is told of a node: its MQTT device discovery.

One retained message describes the node as a device and each of its entities, with the topics and
templates that feed them (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload).
Nothing of serd's own contract bends for it: templates take out of the events and stats what an entity
shows. They pass over replayed events, since an entity shows what is and not what was.

Pure: the same node, sources and labels always give the same text.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from serd import __version__
from serd.events.controls import MAX_COOLDOWN_S
from serd.model.labels import NONE, UNCERTAIN, VALENCE
from serd.mqtt.retained import Handler
from serd.mqtt.topics import OFFLINE, ONLINE, STATUS, NodeTopics, is_prefix, topic_level

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


BIRTH: Final = "online"
"""What Home Assistant says on ``birth_topic`` once it is up."""

EVENT_ATTRIBUTES: Final = (
    "id",
    "time",
    "confidence",
    "valence",
    "scores",
    "start_s",
    "end_s",
    "level_dbfs",
)
"""Fields of an event that the entity Utterance carries as attributes."""

_QOS: Final = 1
_IS_LIVE: Final = "not value_json.replayed | default(false)"
_IS_SURE: Final = f"{_IS_LIVE} and not value_json.provisional | default(false)"
_DIAGNOSTIC: Final[Mapping[str, Any]] = {"entity_category": "diagnostic"}


def discovery_topic(settings: DiscoverySettings, node: str) -> str:
    """Where a node is described."""
    return f"{settings.prefix}/device/serd_{_identifier(node)}/config"


def birth_topic(settings: DiscoverySettings) -> str:
    """Where Home Assistant says that it has come up, or goes."""
    return f"{settings.prefix}/{STATUS}"


def discovery_payload(
    *, topics: NodeTopics, node: str, sources: Sequence[str], labels: Sequence[str], version: str
) -> str:
    """The description of a node, as one line of JSON.

    Args:
        topics: where the node publishes.
        node: its name.
        sources: names of its sources of sound; where there are several, their entities carry them.
        labels: classes of the model.
        version: version of serd.
    """
    device_name = f"serd {node}"
    components = {entity.key: _component(entity, (node,), device_name) for entity in _of_node(topics)}
    for source in sources:
        both = [{"topic": topics.status}, {"topic": topics.availability(source)}]
        for entity in _of_source(topics, source, labels):
            name = f"{source} {entity.name.lower()}" if len(sources) > 1 else entity.name
            named = _Entity(entity.platform, entity.key, name, {"availability": both} | entity.body)
            component_id = f"{_identifier(source)}_{entity.key}"
            components[component_id] = _component(named, (node, source), device_name)
    body = {
        "device": {
            "identifiers": [f"serd/{topic_level(node)}"],
            "name": device_name,
            "manufacturer": "serd",
            "model": "Speech emotion recognition",
            "sw_version": version,
        },
        "origin": {"name": "serd", "sw_version": version},
        "availability": [{"topic": topics.status}],
        "availability_mode": "all",
        "components": components,
    }
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Announcer(Protocol):
    """Anything that keeps a topic's value at a broker and hears from it, over all connections."""

    topics: NodeTopics

    def retain(self, topic: str, payload: str) -> None:
        """Set what stands on a topic."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Have a handler called with each message whose topic fits."""
        ...


def announce(
    announcer: Announcer,
    settings: DiscoverySettings,
    *,
    node: str,
    sources: Sequence[str],
    labels: Sequence[str],
    has_broker: bool,
) -> None:
    """Describe the node to Home Assistant, now and whenever it or the broker comes back.

    Args:
        announcer: publishes on the topics that the description names.
        settings: whether and where the node is described.
        node: its name.
        sources: names of its sources of sound.
        labels: classes of the model.
        has_broker: whether the settings name a broker.
    """
    if not settings.is_on(has_broker=has_broker):
        return
    topic = discovery_topic(settings, node)
    payload = discovery_payload(
        topics=announcer.topics,
        node=node,
        sources=sources,
        labels=labels,
        version=__version__,
    )

    def answer(_topic: str, body: bytes) -> None:
        if body == BIRTH.encode():
            announcer.retain(topic, payload)

    announcer.retain(topic, payload)
    announcer.subscribe(birth_topic(settings), answer)


@dataclass(frozen=True, slots=True)
class _Entity:
    platform: str
    key: str
    """What it is. Home Assistant knows an entity again by it, so it never changes."""
    name: str
    body: dict[str, Any]


def _component(entity: _Entity, owner: tuple[str, ...], device_name: str) -> dict[str, Any]:
    levels = map(topic_level, (*owner, entity.key))
    head = {"platform": entity.platform, "name": entity.name, "unique_id": "/".join(("serd", *levels))}
    if object_id := _slug(f"{device_name} {entity.name}"):
        # Known from 2025.10 on. Earlier versions pass over it and derive the same from the names;
        # object_id, which said it to them, makes later ones warn.
        head["default_entity_id"] = f"{entity.platform}.{object_id}"
    return head | {"qos": _QOS} | entity.body


def _of_node(topics: NodeTopics) -> Iterator[_Entity]:
    """What the stats say; their availability is that of the device."""

    def stat(key: str, name: str, field: str, body: Mapping[str, Any]) -> _Entity:
        feed = {"state_topic": topics.stats, "value_template": f"{{{{ value_json.{field} }}}}"}
        return _Entity("sensor", key, name, {**feed, **_DIAGNOSTIC, **body})

    count = {"state_class": "total_increasing"}
    yield stat("overflows", "Overflows", "n_overflows", count | {"icon": "mdi:water-alert-outline"})
    yield stat("dropped_events", "Dropped events", "spool_drops", count | {"icon": "mdi:tray-remove"})
    yield stat(
        "real_time_factor",
        "Real-time factor",
        "real_time_factor",
        {"state_class": "measurement", "suggested_display_precision": 3, "icon": "mdi:speedometer"},
    )
    yield stat("version", "Version", "version", {"icon": "mdi:tag-outline"})


def _of_source(topics: NodeTopics, source: str, labels: Sequence[str]) -> Iterator[_Entity]:
    yield from _emotions(topics, source, labels)
    yield _Entity(
        "binary_sensor",
        "speech",
        "Speech",
        {"state_topic": topics.speech(source), "device_class": "sound"},
    )
    yield from _controls(topics, source)
    yield _Entity(
        "binary_sensor",
        "microphone",
        "Microphone",
        {
            "state_topic": topics.availability(source),
            "payload_on": ONLINE,
            "payload_off": OFFLINE,
            "device_class": "connectivity",
            # Were it unavailable together with its source, it could never say so.
            "availability": [{"topic": topics.status}],
            **_DIAGNOSTIC,
        },
    )


def _emotions(topics: NodeTopics, source: str, labels: Sequence[str]) -> Iterator[_Entity]:
    state, event = topics.state(source), topics.event(source)
    yield _Entity(
        "sensor",
        "emotion",
        "Emotion",
        {
            "state_topic": state,
            "device_class": "enum",
            "options": _distinct(*labels, UNCERTAIN, NONE),
            "icon": "mdi:emoticon-outline",
        },
    )
    percent = f"{{% if {_IS_SURE} %}}{{{{ (value_json.confidence * 100) | round(1) }}}}{{% endif %}}"
    yield _Entity(
        "sensor",
        "confidence",
        "Confidence",
        {
            "state_topic": event,
            "value_template": percent,
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "icon": "mdi:gauge",
        },
    )
    groups = {label: VALENCE.get(label, "neutral") for label in labels}
    yield _Entity(
        "sensor",
        "valence",
        "Valence",
        {
            "state_topic": state,
            "value_template": f"{{{{ {_literal(groups)}.get(value, '{NONE}') }}}}",
            "device_class": "enum",
            "options": _distinct(*VALENCE.values(), NONE),
            "icon": "mdi:thumbs-up-down-outline",
        },
    )
    yield _Entity(
        "event",
        "utterance",
        "Utterance",
        {
            "state_topic": event,
            "value_template": _event_template(),
            "event_types": _distinct(*labels, UNCERTAIN),
            "icon": "mdi:account-voice",
        },
    )


def _event_template() -> str:
    """Home Assistant takes JSON with ``event_type``; nothing where it shall not fire."""
    names = {"event_type": "emotion"} | {name: name for name in EVENT_ATTRIBUTES}
    pairs = ", ".join(f"'{name}': value_json.{field}" for name, field in names.items())
    return (
        f"{{% if value_json.kind == 'utterance' and {_IS_LIVE} %}}"
        f"{{{{ {{{pairs}}} | tojson }}}}{{% endif %}}"
    )


def _controls(topics: NodeTopics, source: str) -> Iterator[_Entity]:
    def control(platform: str, key: str, name: str, body: dict[str, Any]) -> _Entity:
        feed = {
            "state_topic": topics.control(source, key),
            "command_topic": topics.control_set(source, key),
        }
        return _Entity(platform, key, name, feed | body)

    yield control("switch", "mute", "Mute", {"icon": "mdi:microphone-off"})
    threshold = {"min": 0, "max": 1, "step": 0.05, "mode": "slider", "icon": "mdi:tune"}
    yield control("number", "threshold", "Threshold", threshold | {"entity_category": "config"})
    cooldown = {"min": 0, "max": MAX_COOLDOWN_S, "step": 1, "mode": "box", "unit_of_measurement": "s"}
    duration = {"device_class": "duration", "entity_category": "config"}
    yield control("number", "cooldown", "Cooldown", cooldown | duration)


def _identifier(name: str) -> str:
    """A name in letters, digits, "_" and "-"; what had to go is told apart by a checksum."""
    clean = re.sub("[^A-Za-z0-9_-]", "_", name)
    return clean if clean == name else f"{clean}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _slug(name: str) -> str:
    """A name as Home Assistant has it in entity ids; empty where only Home Assistant can say it."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") if name.isascii() else ""


def _distinct(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


def _literal(texts: Mapping[str, str]) -> str:
    """A mapping in the language of templates, whose texts are written as those of JSON."""
    return json.dumps(texts, ensure_ascii=False)
