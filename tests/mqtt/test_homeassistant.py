"""The discovery message is always the same, and its templates give the values of the entities.

That Home Assistant itself takes it is shown by scripts/check_discovery.py, run by hand.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from make_discovery import OUT, TOPICS, example_payload, golden_text

from serd.errors import InputError
from serd.events.alert import AlertKey
from serd.events.controls import Controls, control_texts, with_control
from serd.events.event import Dimensions
from serd.events.mood import MoodSettings, MoodTracker, mood_json
from serd.model.labels import EMOTIONS, NONE, UNCERTAIN, VALENCE
from serd.mqtt.homeassistant.description import (
    birth_topic,
    discovery_payload,
    discovery_topic,
    divided,
    max_parts,
    part_topic,
)
from serd.mqtt.homeassistant.entities import EVENT_ATTRIBUTES
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.topics import NodeTopics
from testkit.made_events import make_event
from testkit.made_moods import heard

names = st.text(min_size=1, max_size=12)


def components(
    *sources: str,
    node: str = "pi",
    labels: tuple[str, ...] = EMOTIONS,
    alerts: Sequence[AlertKey] = (),
    gone_alerts: Sequence[AlertKey] = (),
) -> dict[str, Any]:
    """The description of each entity, by its key."""
    payload = discovery_payload(
        topics=NodeTopics(prefix="serd", node=node),
        node=node,
        sources=sources,
        labels=labels,
        version="1.2.3",
        alerts=alerts,
        gone_alerts=gone_alerts,
    )
    found: dict[str, Any] = json.loads(payload)["components"]
    return found


def rendered(component: dict[str, Any], payload: str) -> str:
    """The value that Home Assistant takes from a message; templates get its text and its JSON."""
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(component["value_template"])
    try:
        return template.render(value=payload, value_json=json.loads(payload)).strip()
    except json.JSONDecodeError:
        return template.render(value=payload).strip()


def test_the_payload_is_the_one_that_was_checked_with_home_assistant() -> None:
    """`scripts/make_discovery.py` writes it; `scripts/check_discovery.py` must then be run again."""
    assert OUT.read_text("utf-8") == golden_text()


def test_the_payload_is_one_line_without_blanks_between() -> None:
    """Not a byte of the JSON is layout."""
    payload = example_payload("mic")
    assert payload == json.dumps(json.loads(payload), ensure_ascii=False, separators=(",", ":"))


def test_the_entities_of_a_source_are_those_of_the_contract() -> None:
    """Fifteen of the source and four of the node: none is added, lost or of another kind."""
    kinds = {key: component["platform"] for key, component in components("mic").items()}
    assert kinds == {
        "mic_emotion": "sensor",
        "mic_sound_level": "sensor",
        "mic_confidence": "sensor",
        "mic_valence_level": "sensor",
        "mic_arousal_level": "sensor",
        "mic_valence": "sensor",
        "mic_mood": "sensor",
        "mic_mood_valence": "sensor",
        "mic_mood_arousal": "sensor",
        "mic_utterance": "event",
        "mic_speech": "binary_sensor",
        "mic_mute": "switch",
        "mic_threshold": "number",
        "mic_cooldown": "number",
        "mic_microphone": "binary_sensor",
        "overflows": "sensor",
        "dropped_events": "sensor",
        "real_time_factor": "sensor",
        "version": "sensor",
    }


def test_the_level_is_a_number_for_diagnosis() -> None:
    """It comes from the level's topic, and is no entity of the dashboard."""
    level = components("mic")["mic_sound_level"]
    assert level["state_topic"] == "serd/pi/mic/level"
    assert level["entity_category"] == "diagnostic"
    assert rendered(level, '{"level_dbfs": -31.4, "guesses": {}}') == "-31.4"


def test_several_sources_have_entities_of_their_own() -> None:
    """Their names begin with the source, and the entities of the node exist once."""
    several = components("kitchen", "hall")
    assert len(several) == 2 * 15 + 4
    assert several["hall_mute"]["name"] == "hall mute"
    assert several["hall_mute"]["default_entity_id"] == "switch.serd_pi_hall_mute"
    assert several["hall_mute"]["command_topic"] == "serd/pi/hall/mute/set"


def test_a_second_source_leaves_the_identity_of_the_first() -> None:
    """Home Assistant keeps an entity with its history for as long as its unique id stays."""
    alone, beside = components("mic"), components("mic", "hall")
    assert {key: each["unique_id"] for key, each in alone.items()}.items() <= {
        key: each["unique_id"] for key, each in beside.items()
    }.items()


@given(nodes=st.lists(names, min_size=2, max_size=2, unique=True), prefix=st.just("homeassistant"))
def test_no_two_nodes_share_a_discovery_topic(nodes: list[str], prefix: str) -> None:
    """Topics have only letters, digits, "_" and "-"; names that differ in others differ still."""
    settings = DiscoverySettings(prefix=prefix)
    first, second = (discovery_topic(settings, node) for node in nodes)
    assert first != second
    assert re.fullmatch(r"homeassistant/device/[a-zA-Z0-9_-]+/config", first)


@given(node=names, sources=st.lists(names, min_size=1, max_size=4, unique=True))
def test_entities_of_any_names_are_well_formed(node: str, sources: list[str]) -> None:
    """A component id with a blank would break the removal in Home Assistant."""
    found = components(*sources, node=node)
    assert len(found) == 15 * len(sources) + 4
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", key) for key in found)
    for component in found.values():
        entity_id = component.get("default_entity_id", f"{component['platform']}.x")
        assert re.fullmatch(component["platform"] + r"\.[a-z0-9]+(_[a-z0-9]+)*", entity_id)


@given(
    st.sets(
        st.tuples(st.sampled_from(["a", "a_b", "a-b"]), st.sampled_from(["mic", "b", "b_mic"])),
        min_size=2,
    )
)
def test_no_two_entities_share_a_unique_id(owners: set[tuple[str, str]]) -> None:
    """Not even if the name of one node begins with that of another."""
    ids = [
        component["unique_id"]
        for node, source in owners
        for key, component in components(source, node=node).items()
        if key.endswith(("emotion", "mute", "microphone"))
    ]
    assert len(set(ids)) == len(ids)


def test_entities_need_daemon_and_source_but_the_microphone_only_the_daemon() -> None:
    """Otherwise the entity of the microphone could not show that it is gone."""
    body = json.loads(example_payload("mic"))
    assert body["availability_mode"] == "all"
    assert body["availability"] == [{"topic": "serd/pi/status"}]
    for key, component in body["components"].items():
        topics = [each["topic"] for each in component.get("availability", body["availability"])]
        needs_source = key.startswith("mic_") and key != "mic_microphone"
        of_source = ["serd/pi/mic/availability"] if needs_source else []
        of_state = ["serd/pi/mic/state"] if key == "mic_confidence" else []
        assert topics == ["serd/pi/status", *of_source, *of_state]


def test_emotion_has_an_option_for_every_state() -> None:
    """All emotions, uncertain and none; the type of an utterance is never none."""
    assert components("mic")["mic_emotion"]["options"] == [*EMOTIONS, UNCERTAIN, NONE]
    assert components("mic")["mic_utterance"]["event_types"] == [*EMOTIONS, UNCERTAIN]


@pytest.mark.parametrize("state", [*EMOTIONS, UNCERTAIN, NONE])
def test_valence_follows_the_state(state: str) -> None:
    """An emotion has its group, uncertain and none have none, and each is an option of the entity."""
    valence = components("mic")["mic_valence"]
    assert rendered(valence, state) == VALENCE.get(state, NONE)
    assert rendered(valence, state) in valence["options"]


@given(st.lists(st.text(min_size=1, max_size=8), min_size=2, max_size=4, unique=True))
def test_valence_takes_labels_of_any_writing(labels: list[str]) -> None:
    """A label of another model is neutral, as in its events; quotes and braces in it break nothing."""
    valence = components("mic", labels=tuple(labels))["mic_valence"]
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
    template = environment.from_string(valence["value_template"])
    assert template.render(value=labels[0]) == VALENCE.get(labels[0], "neutral")


def test_valence_and_arousal_are_those_of_the_latest_live_event() -> None:
    """Of uncertain ones too; events without speech, replayed and provisional ones change nothing."""
    arousal, valence = (components("mic")[f"mic_{name}_level"] for name in ("arousal", "valence"))
    made = replace(make_event(emotion="uncertain"), dimensions=Dimensions(valence=-0.314, arousal=0.666))
    assert rendered(arousal, made.to_json()) == "0.67"
    assert rendered(valence, made.to_json()) == "-0.31"
    assert rendered(arousal, replace(made, dimensions=None).to_json()) == ""
    assert rendered(arousal, replace(made, replayed=True).to_json()) == ""
    assert rendered(arousal, replace(made, provisional=True).to_json()) == ""


def test_confidence_is_that_of_the_latest_live_event_that_names_an_emotion() -> None:
    """As the state does; an empty text leaves a sensor as it is."""
    confidence = components("mic")["mic_confidence"]
    assert rendered(confidence, make_event(kind="window", confidence=0.8712).to_json()) == "87.1"
    assert rendered(confidence, make_event(kind="utterance", confidence=1.0).to_json()) == "100.0"
    assert rendered(confidence, replayed()) == ""
    assert rendered(confidence, make_event(kind="window", provisional=True).to_json()) == ""
    assert rendered(confidence, make_event(emotion="uncertain", confidence=0.3).to_json()) == ""


def test_confidence_is_away_while_there_is_no_emotion() -> None:
    """Otherwise it would be that of an emotion which is not shown any more."""
    *_, of_state = components("mic")["mic_confidence"]["availability"]
    assert rendered(of_state, "none") == "offline"
    assert rendered(of_state, "happy") == "online"


def test_the_mood_is_that_of_the_medium_span() -> None:
    """Without speech it is none, an option of the entity, and its numbers are unknown (None)."""
    named = components("mic")
    tracker = MoodTracker(MoodSettings())
    assert rendered(named["mic_mood"], mood_json(tracker.mood, "now")) == "none"
    assert rendered(named["mic_mood_valence"], mood_json(tracker.mood, "now")) == "None"
    tracker.add(heard("angry", 2.0, arousal=0.62, valence=-0.5), 0.0)
    tracker.due(120.0)
    for key, value in {"mood": "angry", "mood_arousal": "0.62", "mood_valence": "-0.5"}.items():
        assert named[f"mic_{key}"]["state_topic"] == "serd/pi/mic/mood"
        assert rendered(named[f"mic_{key}"], mood_json(tracker.mood, "now")) == value
    assert {"none", "uncertain", *EMOTIONS} == set(named["mic_mood"]["options"])


def test_each_alert_has_an_entity_at_its_source() -> None:
    """Its topic gives ON and OFF, which Home Assistant expects by default."""
    found = components("mic", "door", alerts=[AlertKey("mic", "angry"), AlertKey("door", "angry")])
    assert len(found) == 2 * 15 + 4 + 2
    angry = found["door_alert_angry"]
    assert (angry["platform"], angry["name"]) == ("binary_sensor", "door alert angry")
    assert angry["state_topic"] == "serd/pi/door/alert/angry"
    assert angry["unique_id"] == "serd/pi/door/alert_angry"


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=4, unique=True))
def test_alerts_of_any_names_are_well_formed(alerts: list[str]) -> None:
    """A component id with a blank would break the removal in Home Assistant; none replaces another."""
    found = components("mic", alerts=[AlertKey("mic", name) for name in alerts])
    assert len(found) == 15 + 4 + len(alerts)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]+", key) for key in found)


def test_a_removed_alert_leaves_a_component_that_removes_its_entity() -> None:
    """Home Assistant removes an entity whose component has nothing but its platform."""
    found = components("mic", alerts=[AlertKey("mic", "sad")], gone_alerts=[AlertKey("mic", "angry")])
    assert found["mic_alert_angry"] == {"platform": "binary_sensor"}
    assert "state_topic" in found["mic_alert_sad"]


def test_the_event_entity_fires_at_the_end_of_an_utterance() -> None:
    """Its type is the emotion; replayed events may be hours old and must not start automations."""
    utterance = components("mic")["mic_utterance"]
    event = make_event(emotion="angry", kind="utterance")
    fired = json.loads(rendered(utterance, event.to_json()))
    expected = {name: value for name, value in asdict(event).items() if name in EVENT_ATTRIBUTES}
    assert fired == {"event_type": "angry"} | expected
    assert rendered(utterance, make_event(kind="window").to_json()) == ""
    assert rendered(utterance, replayed()) == ""


def replayed() -> str:
    """An event that is marked as replayed, as JSON."""
    return json.dumps(json.loads(make_event().to_json()) | {"replayed": True})


@pytest.mark.parametrize(
    ("key", "expected"),
    [("overflows", "3"), ("dropped_events", "2"), ("real_time_factor", "0.042"), ("version", "1.2.3")],
)
def test_diagnostics_are_fields_of_the_stats(key: str, expected: str) -> None:
    """Each is read from a field of the node's stats, and is listed as a diagnostic."""
    stats = {"n_overflows": 3, "spool_drops": 2, "real_time_factor": 0.042, "version": "1.2.3"}
    component = components("mic")[key]
    assert component["entity_category"] == "diagnostic"
    assert component["state_topic"] == TOPICS.stats
    assert rendered(component, json.dumps(stats)) == expected


@pytest.mark.parametrize("name", ["threshold", "cooldown"])
def test_a_number_has_the_range_of_its_control(name: str) -> None:
    """The daemon accepts the numbers that Home Assistant allows, and no others."""
    number = components("mic")[f"mic_{name}"]
    for text in (number["min"], number["max"], number["min"] + number["step"]):
        with_control(Controls(), name, str(text).encode())
    for text in (number["min"] - 0.01, number["max"] + 0.01):
        with pytest.raises(InputError):
            with_control(Controls(), name, str(text).encode())


def test_each_control_has_its_topics() -> None:
    """Its state topic is the one that the daemon publishes, its command topic the one that it reads."""
    for name in control_texts(Controls()):
        component = components("mic")[f"mic_{name}"]
        assert component["state_topic"] == TOPICS.control("mic", name)
        assert component["command_topic"] == TOPICS.control_set("mic", name)


def test_a_name_that_is_no_ascii_leaves_its_entity_id_to_home_assistant() -> None:
    """No default entity id is made of a node called küche."""
    assert "default_entity_id" not in components("mic", node="küche")["mic_emotion"]


def test_the_birth_topic_has_the_prefix_of_home_assistant() -> None:
    """It is ``status`` below the discovery prefix."""
    assert birth_topic(DiscoverySettings(prefix="ha/main")) == "ha/main/status"


@pytest.mark.parametrize(
    ("enabled", "has_broker", "expected"),
    [
        ("auto", True, True),
        ("auto", False, False),
        ("on", False, True),
        ("off", True, False),
    ],
)
def test_auto_is_on_if_a_broker_is_named(enabled: str, *, has_broker: bool, expected: bool) -> None:
    """On and off do not depend on it."""
    assert DiscoverySettings(enabled=enabled).is_on(has_broker=has_broker) is expected


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (DiscoverySettings(enabled="yes"), "enabled"),
        (DiscoverySettings(prefix=""), "prefix"),
        (DiscoverySettings(prefix="a/#"), "prefix"),
        (DiscoverySettings(prefix="/a"), "prefix"),
    ],
)
def test_bad_settings_are_named(settings: DiscoverySettings, key: str) -> None:
    """One problem, under its key; the defaults have none."""
    assert [name for name, _ in settings.problems()] == [key]
    assert not list(DiscoverySettings().problems())


@pytest.mark.parametrize("max_bytes", [100, 1500, 3000, 100_000])
def test_a_description_can_be_divided(max_bytes: int) -> None:
    """Every part is a description of the same device; together they have all entities, each once."""
    payload = example_payload("kitchen", "hall")
    whole = json.loads(payload)
    parts = [json.loads(part) for part in divided(payload, max_bytes)]
    for part, text in zip(parts, divided(payload, max_bytes), strict=True):
        assert len(text.encode()) <= max_bytes or len(part["components"]) == 1
        assert part | {"components": whole["components"]} == whole
    keys = [key for part in parts for key in part["components"]]
    assert keys == list(whole["components"])
    assert len(parts) == 1 if len(payload) <= max_bytes else len(parts) > 1
    alerts = [AlertKey("kitchen", "angry"), AlertKey("hall", "angry")]
    assert len(parts) <= max_parts(["kitchen", "hall"], alerts)


@given(nodes=st.lists(names, min_size=2, max_size=2, unique=True), number=st.integers(2, 30))
def test_no_part_has_the_topic_of_another_node(nodes: list[str], number: int) -> None:
    """Whatever the names."""
    settings = DiscoverySettings()
    assert part_topic(settings, nodes[0], 1) == discovery_topic(settings, nodes[0])
    assert part_topic(settings, nodes[0], number) != discovery_topic(settings, nodes[1])
