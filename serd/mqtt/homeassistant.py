"""Home Assistant's MQTT device discovery of a node.

One retained message describes the node as a device with its entities, and the topics and templates that
feed them (https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload). The templates
select the values of the entities from serd's events and stats, and ignore replayed events, since an
entity shows the present.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from serd import __version__
from serd.events.controls import MAX_COOLDOWN_S
from serd.model.labels import NONE, UNCERTAIN, VALENCE
from serd.mqtt.retained import Handler
from serd.mqtt.topics import OFFLINE, ONLINE, STATUS, NodeTopics, is_prefix, topic_level

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


BIRTH: Final = "online"
"""Home Assistant's message on ``birth_topic`` after its start."""

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
"""Fields of an event that are attributes of the entity Utterance."""

_QOS: Final = 1
_IS_LIVE: Final = "not value_json.replayed | default(false)"
_IS_SURE: Final = f"{_IS_LIVE} and not value_json.provisional | default(false)"
_DIAGNOSTIC: Final[Mapping[str, Any]] = {"entity_category": "diagnostic"}


def discovery_topic(settings: DiscoverySettings, node: str) -> str:
    """Topic of a node's description."""
    return f"{settings.prefix}/device/serd_{_identifier(node)}/config"


def birth_topic(settings: DiscoverySettings) -> str:
    """Topic on which Home Assistant publishes its start and its end."""
    return f"{settings.prefix}/{STATUS}"


def discovery_payload(
    *, topics: NodeTopics, node: str, sources: Sequence[str], labels: Sequence[str], version: str
) -> str:
    """The description of a node, as one line of JSON.

    Args:
        topics: topics of the node.
        node: name of the node.
        sources: names of its audio sources; with several, the names of the entities begin with them.
        labels: labels of the model.
        version: version of serd.
    """
    device_name = f"serd {node}"
    components = {
        entity.key: _component(entity, (node,), device_name) for entity in _node_entities(topics)
    }
    for source in sources:
        both = [{"topic": topics.status}, {"topic": topics.availability(source)}]
        for entity in _source_entities(topics, source, labels):
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
    """Publishes retained values and receives messages, over all connections to a broker."""

    topics: NodeTopics

    def retain(self, topic: str, payload: str) -> None:
        """Set the retained value of a topic."""
        ...

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Call a handler with each message whose topic matches."""
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
    """Describe the node to Home Assistant, now and after each start of it or of the broker.

    Args:
        announcer: publishes on the topics that the description names.
        settings: settings of the discovery.
        node: name of the node.
        sources: names of its audio sources.
        labels: labels of the model.
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
    """Its kind. Home Assistant identifies an entity by it, so it never changes."""
    name: str
    body: dict[str, Any]


def _component(entity: _Entity, owner: tuple[str, ...], device_name: str) -> dict[str, Any]:
    levels = map(topic_level, (*owner, entity.key))
    head = {"platform": entity.platform, "name": entity.name, "unique_id": "/".join(("serd", *levels))}
    if object_id := _slug(f"{device_name} {entity.name}"):
        # Supported from 2025.10 on. Earlier versions ignore it and derive the same from the names;
        # with their object_id later ones would warn.
        head["default_entity_id"] = f"{entity.platform}.{object_id}"
    return head | {"qos": _QOS} | entity.body


def _node_entities(topics: NodeTopics) -> Iterator[_Entity]:
    """Entities of the stats; their availability is that of the device."""

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


def _source_entities(topics: NodeTopics, source: str, labels: Sequence[str]) -> Iterator[_Entity]:
    yield from _emotions(topics, source, labels)
    yield _Entity(
        "binary_sensor",
        "speech",
        "Speech",
        {"state_topic": topics.speech(source), "device_class": "sound"},
    )
    yield _Entity(
        "sensor",
        "sound_level",
        "Sound level",
        {
            "state_topic": topics.level(source),
            "value_template": "{{ value_json.level_dbfs }}",
            "unit_of_measurement": "dBFS",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "icon": "mdi:volume-medium",
            **_DIAGNOSTIC,
        },
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
            # With the availability of its source it could never show that the source is away.
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
    """A template for the JSON with ``event_type`` that Home Assistant expects; empty to not fire."""
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
    """A name in letters, digits, "_" and "-"; if others were replaced, a checksum keeps it unique."""
    clean = re.sub("[^A-Za-z0-9_-]", "_", name)
    return clean if clean == name else f"{clean}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _slug(name: str) -> str:
    """A name as in Home Assistant's entity ids; empty if it is not ASCII, which only it can convert."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") if name.isascii() else ""


def _distinct(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


def _literal(texts: Mapping[str, str]) -> str:
    """A mapping as a literal of Home Assistant's templates, which is the same as in JSON."""
    return json.dumps(texts, ensure_ascii=False)
