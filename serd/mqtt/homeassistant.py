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
from serd.mqtt.limits import packet_bytes
from serd.mqtt.retained import Document, Handler
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

_DOCUMENT: Final = "homeassistant"
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


def part_topic(settings: DiscoverySettings, node: str, number: int) -> str:
    """Topic of a part of a node's description, numbered from 1; the first is ``discovery_topic``.

    The number is in front of the name, where no other node's name can lead to the same topic.
    """
    if number == 1:
        return discovery_topic(settings, node)
    return f"{settings.prefix}/device/serd{number}_{_identifier(node)}/config"


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
    return _as_json(
        _device(topics, node, version) | {"components": _components(topics, node, sources, labels)}
    )


def max_parts(n_sources: int) -> int:
    """The most parts that the description of a node with so many sources can have: one an entity."""
    topics = NodeTopics(prefix="serd", node="serd")
    return len(_components(topics, "serd", [str(number) for number in range(n_sources)], ()))


def divided(payload: str, max_bytes: int) -> list[str]:
    """A description in parts of at most ``max_bytes`` with an entity or more each.

    Every part names the same device, and Home Assistant joins them by its identifiers. A part with a
    single entity can be longer.
    """
    if len(payload.encode()) <= max_bytes:
        return [payload]
    body = json.loads(payload)
    components = body.pop("components")
    parts: list[dict[str, Any]] = [{}]
    for key, component in components.items():
        grown = parts[-1] | {key: component}
        if parts[-1] and len(_as_json(body | {"components": grown}).encode()) > max_bytes:
            parts.append({key: component})
        else:
            parts[-1] = grown
    return [_as_json(body | {"components": part}) for part in parts]


def _device(topics: NodeTopics, node: str, version: str) -> dict[str, Any]:
    """The description without its entities."""
    return {
        "device": {
            "identifiers": [f"serd/{topic_level(node)}"],
            "name": _device_name(node),
            "manufacturer": "serd",
            "model": "Speech emotion recognition",
            "sw_version": version,
        },
        "origin": {"name": "serd", "sw_version": version},
        "availability": [{"topic": topics.status}],
        "availability_mode": "all",
    }


def _components(
    topics: NodeTopics, node: str, sources: Sequence[str], labels: Sequence[str]
) -> dict[str, Any]:
    """The entities of a node, by their keys."""
    device_name = _device_name(node)
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
    return components


def _device_name(node: str) -> str:
    return f"serd {node}"


def _as_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Announcer(Protocol):
    """Publishes retained values and receives messages, over all connections to a broker."""

    topics: NodeTopics

    def retain_document(self, name: str, document: Document) -> None:
        """Set a document that is retained in as many messages as the broker needs."""
        ...

    def subscribe(self, topic: str, handler: Handler) -> None:
        """Call a handler with each message on a topic."""
        ...


class Announcement:
    """Describes the node to Home Assistant, at once and after each start of it or of the broker."""

    def __init__(
        self, announcer: Announcer, settings: DiscoverySettings, *, node: str, labels: Sequence[str]
    ) -> None:
        """Describe nothing yet.

        Args:
            announcer: publishes on the topics that the description names.
            settings: settings of the discovery, which must be on.
            node: name of the node.
            labels: labels of the model.
        """
        self._announcer = announcer
        self._settings = settings
        self._node = node
        self._labels = labels
        self._payload = ""
        announcer.subscribe(birth_topic(settings), self._answer)

    def describe(self, sources: Sequence[str]) -> None:
        """Describe the node with its present audio sources, given by their names."""
        self._payload = discovery_payload(
            topics=self._announcer.topics,
            node=self._node,
            sources=sources,
            labels=self._labels,
            version=__version__,
        )
        self._announcer.retain_document(_DOCUMENT, self._parts)

    def _parts(self, max_bytes: int) -> dict[str, str]:
        """The description by topic, in packets of at most ``max_bytes`` bytes."""
        longest_topic = part_topic(self._settings, self._node, len(self._payload))
        parts = divided(self._payload, max_bytes - packet_bytes(longest_topic, ""))
        return {
            part_topic(self._settings, self._node, number): part for number, part in enumerate(parts, 1)
        }

    def _answer(self, _topic: str, body: bytes) -> None:
        if body == BIRTH.encode() and self._payload:
            self._announcer.retain_document(_DOCUMENT, self._parts)


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
    yield from _dimensions(event)
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


def _dimensions(event: str) -> Iterator[_Entity]:
    """Valence and arousal as numbers; they change with uncertain events as well."""
    icons = {"valence": "mdi:emoticon-neutral-outline", "arousal": "mdi:flash-outline"}
    for name, icon in icons.items():
        number = f"{{{{ value_json.dimensions.{name} | round(2) }}}}"
        is_known = f"{_IS_SURE} and value_json.dimensions is defined"
        yield _Entity(
            "sensor",
            f"{name}_level",
            f"{name.capitalize()} level",
            {
                "state_topic": event,
                "value_template": f"{{% if {is_known} %}}{number}{{% endif %}}",
                "state_class": "measurement",
                "suggested_display_precision": 2,
                "icon": icon,
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
