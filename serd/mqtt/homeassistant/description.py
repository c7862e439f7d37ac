"""The description of a node for Home Assistant's MQTT device discovery, and its topics.

One retained message describes the node as a device with its entities
(https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from serd.events.alert import AlertKey
from serd.mqtt.homeassistant.entities import Entity, alert_key, node_entities, source_entities
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.topics import STATUS, NodeTopics, topic_level

_QOS: Final = 1


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
    *,
    topics: NodeTopics,
    node: str,
    sources: Sequence[str],
    labels: Sequence[str],
    version: str,
    alerts: Sequence[AlertKey] = (),
    gone_alerts: Sequence[AlertKey] = (),
) -> str:
    """The description of a node, as one line of JSON.

    Args:
        topics: topics of the node.
        node: name of the node.
        sources: names of its audio sources; with several, the names of the entities begin with them.
        labels: labels of the model.
        version: version of serd.
        alerts: alerts of the sources.
        gone_alerts: alerts whose entities Home Assistant is to remove.
    """
    # A component with nothing but its platform removes the entity, and means nothing where none is.
    removed = {_alert_id(key): {"platform": "binary_sensor"} for key in gone_alerts}
    components = removed | _components(topics, node, sources, labels, alerts)
    return _as_json(_device(topics, node, version) | {"components": components})


def max_parts(sources: Sequence[str], alerts: Sequence[AlertKey] = ()) -> int:
    """The most parts that the description of a node can have: one an entity."""
    return len(_components(NodeTopics(prefix="serd", node="serd"), "serd", sources, (), alerts))


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
    topics: NodeTopics,
    node: str,
    sources: Sequence[str],
    labels: Sequence[str],
    alerts: Sequence[AlertKey],
) -> dict[str, Any]:
    """The entities of a node, by their keys."""
    device_name = _device_name(node)
    components = {
        entity.key: _component(entity, (node,), device_name) for entity in node_entities(topics)
    }
    for source in sources:
        both = [{"topic": topics.status}, {"topic": topics.availability(source)}]
        names = [alert.name for alert in alerts if alert.source == source]
        for entity in source_entities(topics, source, labels, names):
            name = f"{source} {entity.name.lower()}" if len(sources) > 1 else entity.name
            named = Entity(entity.platform, entity.key, name, {"availability": both} | entity.body)
            component_id = _component_id(source, entity.key)
            components[component_id] = _component(named, (node, source), device_name)
    return components


def _component_id(source: str, key: str) -> str:
    return f"{_identifier(source)}_{_identifier(key)}"


def _alert_id(alert: AlertKey) -> str:
    """The id of an alert's component."""
    return _component_id(alert.source, alert_key(alert.name))


def _component(entity: Entity, owner: tuple[str, ...], device_name: str) -> dict[str, Any]:
    """The description of one entity; ``owner`` is its node, or its node and source."""
    levels = map(topic_level, (*owner, entity.key))
    head = {"platform": entity.platform, "name": entity.name, "unique_id": "/".join(("serd", *levels))}
    if object_id := _slug(f"{device_name} {entity.name}"):
        # Supported from 2025.10 on. Earlier versions ignore it and derive the same from the names;
        # with their object_id later ones would warn.
        head["default_entity_id"] = f"{entity.platform}.{object_id}"
    return head | {"qos": _QOS} | entity.body


def _device_name(node: str) -> str:
    return f"serd {node}"


def _as_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _identifier(name: str) -> str:
    """A name in letters, digits, "_" and "-"; if others were replaced, a checksum keeps it unique."""
    clean = re.sub("[^A-Za-z0-9_-]", "_", name)
    return clean if clean == name else f"{clean}_{hashlib.sha256(name.encode()).hexdigest()[:6]}"


def _slug(name: str) -> str:
    """A name as in Home Assistant's entity ids; empty if it is not ASCII, which only it can convert."""
    return re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") if name.isascii() else ""
