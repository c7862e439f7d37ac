"""The entities of a node and of its sources, with the topics and templates that feed them.

The templates select the values of the entities from serd's events and stats, and ignore replayed events,
since an entity shows the present.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from serd.events.controls import MAX_COOLDOWN_S
from serd.model.labels import NONE, UNCERTAIN, VALENCE
from serd.mqtt.topics import OFFLINE, ONLINE, NodeTopics

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

_IS_LIVE: Final = "not value_json.replayed | default(false)"
_IS_SURE: Final = f"{_IS_LIVE} and not value_json.provisional | default(false)"
_DIAGNOSTIC: Final[Mapping[str, Any]] = {"entity_category": "diagnostic"}


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity, without the keys that all entities have."""

    platform: str
    """Home Assistant's integration for it, such as "sensor"."""
    key: str
    """Its kind. Home Assistant identifies an entity by it, so it never changes."""
    name: str
    """Its name, without that of the source."""
    body: dict[str, Any]
    """Its other keys in the description."""


def node_entities(topics: NodeTopics) -> Iterator[Entity]:
    """Entities of the stats; their availability is that of the device."""

    def stat(key: str, name: str, field: str, body: Mapping[str, Any]) -> Entity:
        feed = {"state_topic": topics.stats, "value_template": f"{{{{ value_json.{field} }}}}"}
        return Entity("sensor", key, name, {**feed, **_DIAGNOSTIC, **body})

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


def source_entities(
    topics: NodeTopics, source: str, labels: Sequence[str], alerts: Sequence[str] = ()
) -> Iterator[Entity]:
    """Entities of a source; unless they say otherwise, they are available with daemon and source."""
    yield from _emotions(topics, source, labels)
    yield from _mood(topics, source, labels)
    for name in alerts:
        feed = {"state_topic": topics.alert(source, name), "icon": "mdi:bell-outline"}
        yield Entity("binary_sensor", alert_key(name), f"Alert {name}", feed)
    yield Entity(
        "binary_sensor",
        "speech",
        "Speech",
        {"state_topic": topics.speech(source), "device_class": "sound"},
    )
    yield Entity(
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
    yield Entity(
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


def _emotions(topics: NodeTopics, source: str, labels: Sequence[str]) -> Iterator[Entity]:
    state, event = topics.state(source), topics.event(source)
    yield Entity(
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
    yield _confidence(topics, source)
    groups = {label: VALENCE.get(label, "neutral") for label in labels}
    yield Entity(
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
    yield Entity(
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


def _confidence(topics: NodeTopics, source: str) -> Entity:
    names_state = f"{_IS_SURE} and value_json.emotion != '{UNCERTAIN}'"
    percent = f"{{% if {names_state} %}}{{{{ (value_json.confidence * 100) | round(1) }}}}{{% endif %}}"
    return Entity(
        "sensor",
        "confidence",
        "Confidence",
        {
            "state_topic": topics.event(source),
            "value_template": percent,
            # Without it the confidence of the last emotion would stay after the emotion is "none".
            "availability": [
                {"topic": topics.status},
                {"topic": topics.availability(source)},
                {
                    "topic": topics.state(source),
                    "value_template": f"{{{{ '{OFFLINE}' if value == '{NONE}' else '{ONLINE}' }}}}",
                },
            ],
            "unit_of_measurement": "%",
            "state_class": "measurement",
            "suggested_display_precision": 0,
            "icon": "mdi:gauge",
        },
    )


def alert_key(name: str) -> str:
    """The key of the entity of an alert."""
    return f"alert_{name}"


def _mood(topics: NodeTopics, source: str, labels: Sequence[str]) -> Iterator[Entity]:
    """The mood over the medium span; its numbers are null, which is unknown, without speech."""
    feed = {"state_topic": topics.mood(source)}
    yield Entity(
        "sensor",
        "mood",
        "Mood",
        {
            **feed,
            "value_template": "{{ value_json.medium.emotion }}",
            "device_class": "enum",
            "options": _distinct(*labels, UNCERTAIN, NONE),
            "icon": "mdi:weather-partly-cloudy",
        },
    )
    icons = {"valence": "mdi:emoticon-neutral-outline", "arousal": "mdi:flash-outline"}
    for name, icon in icons.items():
        yield Entity(
            "sensor",
            f"mood_{name}",
            f"Mood {name}",
            {
                **feed,
                "value_template": f"{{{{ value_json.medium.{name} }}}}",
                "state_class": "measurement",
                "suggested_display_precision": 2,
                "icon": icon,
            },
        )


def _dimensions(event: str) -> Iterator[Entity]:
    """Valence and arousal as numbers; they change with uncertain events as well."""
    icons = {"valence": "mdi:emoticon-neutral-outline", "arousal": "mdi:flash-outline"}
    for name, icon in icons.items():
        number = f"{{{{ value_json.dimensions.{name} | round(2) }}}}"
        is_known = f"{_IS_SURE} and value_json.dimensions is defined"
        yield Entity(
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


def _controls(topics: NodeTopics, source: str) -> Iterator[Entity]:
    def control(platform: str, key: str, name: str, body: dict[str, Any]) -> Entity:
        feed = {
            "state_topic": topics.control(source, key),
            "command_topic": topics.control_set(source, key),
        }
        return Entity(platform, key, name, feed | body)

    yield control("switch", "mute", "Mute", {"icon": "mdi:microphone-off"})
    threshold = {"min": 0, "max": 1, "step": 0.05, "mode": "slider", "icon": "mdi:tune"}
    yield control("number", "threshold", "Threshold", threshold | {"entity_category": "config"})
    cooldown = {"min": 0, "max": MAX_COOLDOWN_S, "step": 1, "mode": "box", "unit_of_measurement": "s"}
    duration = {"device_class": "duration", "entity_category": "config"}
    yield control("number", "cooldown", "Cooldown", cooldown | duration)


def _distinct(*words: str) -> list[str]:
    return list(dict.fromkeys(words))


def _literal(texts: Mapping[str, str]) -> str:
    """A mapping as a literal of Home Assistant's templates, which is the same as in JSON."""
    return json.dumps(texts, ensure_ascii=False)
