"""docs/mqtt.md agrees with the code: topics, fields, controls, entities, examples, access rules."""

import inspect
import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from make_discovery import example_payload
from paho.mqtt.client import topic_matches_sub

from serd.errors import InputError
from serd.events.alert import AlertSettings
from serd.events.controls import CONTROLS, Controls, control_texts, with_control
from serd.events.event import Event
from serd.events.reports import LevelReport, StatsReport
from serd.mqtt.homeassistant.description import birth_topic, discovery_topic
from serd.mqtt.homeassistant.entities import EVENT_ATTRIBUTES
from serd.mqtt.homeassistant.settings import DiscoverySettings
from serd.mqtt.settings import Settings
from serd.mqtt.topics import FORGET, NodeTopics, topic_level
from serd.settings.loader import load_settings
from testkit.brokers import MosquittoBroker, mosquitto, program
from testkit.mqtt_page import DOC, blocks, first_column, retained_names, rows, section, words

ROOT = Path(__file__).parents[2]
OF_THE_PUBLISHER = {"spool_depth", "spool_drops", "reconnects"}
"""Fields of the stats that the publisher adds."""


def all_topics(topics: NodeTopics, *sources: str) -> set[str]:
    """Every topic that the class knows, whatever its name, and that of the forget command."""
    found = set()
    for name, member in inspect.getmembers(NodeTopics):
        if name.startswith("_") or name in {"prefix", "node"}:
            continue
        if isinstance(member, property):
            found.add(getattr(topics, name))
            continue
        seconds = {"control": CONTROLS, "alert": ("<name>",)}
        parameters = inspect.signature(member).parameters
        for source in sources:
            calls = [(source, each) for key in parameters for each in seconds.get(key, ())]
            found |= {getattr(topics, name)(*call) for call in calls or [(source,)]}
    found |= {topics.control_set(source, FORGET) for source in sources}
    return found


def fields_of(cls: type[Any]) -> set[str]:
    """Names of a dataclass's fields."""
    return {item.name for item in fields(cls)}


def test_the_table_has_every_topic_and_nothing_else() -> None:
    """Each topic that the code publishes or subscribes to is listed once."""
    documented = first_column("Topics")
    assert set(documented) == all_topics(NodeTopics(prefix="serd", node="<node>"), "<source>")
    assert len(set(documented)) == len(documented)


def test_every_topic_on_the_page_is_one_of_serds() -> None:
    """In examples, flows and rules too; wildcards must fit something."""
    known = all_topics(NodeTopics(prefix="serd", node="pi"), "mic")
    named = set(re.findall(r"(?<![\w./-])serd/[^\s`'\",;:)]+", DOC))
    assert len(named) > 20
    for topic in named:
        filled = (
            topic.replace("<node>", "pi")
            .replace("<source>", "mic")
            .replace("alert/angry", "alert/<name>")
        )
        assert any(topic_matches_sub(filled, each) for each in known), topic


def test_retained_topics_are_marked() -> None:
    """States are retained; events and commands are not."""
    assert retained_names() == {"status", "availability", "problem", "state", *CONTROLS} | {
        "mood",
        "alert/<name>",
        "speech",
    }


def test_every_field_of_an_event_is_described() -> None:
    """All but the file, which only ``serd analyze`` sets."""
    documented = [word for row in rows(section("Events")) for word in words(row[0])]
    assert set(documented) == fields_of(Event) - {"file"}


def test_the_example_event_is_valid() -> None:
    """It has every field and fits the schema, replayed and provisional or not."""
    schema = json.loads((ROOT / "docs" / "event.schema.json").read_text("utf-8"))
    (example,) = (json.loads(block) for block in blocks("json", section("Events")))
    assert set(example) == fields_of(Event) - {"file", "replayed", "provisional"}
    jsonschema.validate(example, schema)
    jsonschema.validate(example | {"replayed": True, "provisional": True}, schema)
    assert max(example["scores"], key=example["scores"].get) == example["emotion"]


def test_the_example_stats_have_every_field_and_each_is_described() -> None:
    """With those that the publisher adds."""
    (example,) = (json.loads(block) for block in blocks("json", section("Stats")))
    assert set(example) == fields_of(StatsReport) | OF_THE_PUBLISHER
    assert set(first_column("Stats")) == set(example)


def test_the_example_level_has_the_fields_of_the_report() -> None:
    """All but the source and the mark that decide on the topic; there are three guesses."""
    (example,) = (json.loads(block) for block in blocks("json", section("Level")))
    assert set(example) == fields_of(LevelReport) - {"source", "is_due"}
    assert len(example["guesses"]) == 3


def test_every_json_on_the_page_is_valid() -> None:
    """A program can parse each of the four examples."""
    assert len([json.loads(block) for block in blocks("json")]) == 4


def test_the_example_mood_is_valid_and_its_fields_are_described() -> None:
    """It fits the schema, and the tables have each field once."""
    schema = json.loads((ROOT / "docs" / "mood.schema.json").read_text("utf-8"))
    (example,) = (json.loads(block) for block in blocks("json", section("Mood")))
    jsonschema.validate(example, schema)
    described = [word for row in rows(section("Mood")) for word in words(row[0])]
    assert sorted(described) == sorted([*example, *example["medium"]])


def test_the_example_alerts_are_settings(tmp_path: Path) -> None:
    """A file with them is valid, and what is called a default is one."""
    (example,) = blocks("toml", section("Alerts"))
    file = tmp_path / "serd.toml"
    file.write_text(example)
    angry, upset = load_settings(file, environment={}).alerts
    assert angry == AlertSettings()
    assert upset == AlertSettings(name="upset", when=upset.when)


def test_every_control_is_described_with_its_range() -> None:
    """Documented values are accepted, and those beyond are not."""
    described = {words(row[0])[0]: row[1] for row in rows(section("Controls"))}
    assert tuple(described) == CONTROLS
    assert words(described.pop("mute")) == ["ON", "OFF"]
    for name, cell in described.items():
        least, most = map(float, cell.split(" to "))
        for value in (least, most):
            with_control(Controls(), name, str(value).encode())
        for value in (least - 0.01, most + 0.01):
            with pytest.raises(InputError):
                with_control(Controls(), name, str(value).encode())


def test_the_examples_of_controls_are_true() -> None:
    """Values, changes and refusals in the table, word for word."""
    examples = {words(row[0])[0].split(">/")[-1]: words(row[3])[0] for row in rows(section("Topics"))}
    for name, text in control_texts(Controls()).items():
        assert examples[name] == text
        with_control(Controls(), name, examples[f"{name}/set"].encode())
        refused = re.search(r"got '(.*?)'", examples[f"{name}/error"])
        assert refused is not None
        with pytest.raises(InputError, match=re.escape(examples[f"{name}/error"])):
            with_control(Controls(), name, refused[1].encode())


def test_every_entity_in_home_assistant_is_named() -> None:
    """With its kind, and as a diagnostic if it is one."""
    components = json.loads(example_payload("mic"))["components"].values()
    named = {row[0]: row[1] for row in rows(section("Home Assistant"))}
    kinds = {each["name"]: each["platform"].replace("_", " ") for each in components}
    assert named.keys() == kinds.keys()
    for name, kind in kinds.items():
        assert named[name].split(",")[0] == kind
    diagnostics = {each["name"] for each in components if each.get("entity_category") == "diagnostic"}
    assert {name for name, cell in named.items() if "diagnostic" in cell} == diagnostics


def test_topics_and_attributes_of_home_assistant_are_named() -> None:
    """The topics of discovery and birth, and the attributes of an event."""
    text = section("Home Assistant")
    settings = DiscoverySettings()
    assert f"`{discovery_topic(settings, 'X')}`".replace("X", "<node>") in text
    assert f"`{birth_topic(settings)}`" in text
    assert all(f"`{name}`" in text or f"attributes.{name}" in text for name in EVENT_ATTRIBUTES)


def test_entities_that_the_documents_name_exist() -> None:
    """In the automations of the README and of this folder's pages."""
    components = json.loads(example_payload("mic"))["components"].values()
    known = {component["default_entity_id"] for component in components}
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/homeassistant").glob("*")]
    text = "\n".join(page.read_text("utf-8") for page in pages)
    named = set(re.findall(r"\b(?:binary_sensor|sensor|event|switch|number)\.serd_pi_\w+", text))
    assert "binary_sensor.serd_pi_alert_angry" in named
    assert named <= known


def test_the_blueprint_uses_its_inputs() -> None:
    """Each that it asks for, and no other."""
    text = (ROOT / "docs" / "homeassistant" / "alert.yaml").read_text("utf-8")
    head, _, body = text.partition("\nmode:")
    asked = re.findall(r"^    (\w+):$", head.partition("input:")[2], re.MULTILINE)
    assert set(re.findall(r"!input (\w+)", body)) == set(asked) == {"alert", "on_actions", "off_actions"}


def test_reserved_characters_are_replaced_as_documented() -> None:
    """Slash, plus and hash become an underscore; the prefix is serd by default."""
    assert topic_level("a/b+c#d") == "a_b_c_d"
    assert "`/`, `+` and `#` in a node's name become `_`" in DOC
    assert Settings().prefix == "serd"


@pytest.fixture
def guarded_broker() -> Iterator[MosquittoBroker]:
    """A Mosquitto with the access rules of the page and both of its users."""
    (rules,) = (block for block in blocks("text") if block.startswith("# /etc/mosquitto/acl"))
    with mosquitto(user="serd", password="right") as broker:  # noqa: S106
        (broker.folder / "acl").write_text(rules)
        with (broker.folder / "mosquitto.conf").open("a") as file:
            file.write(f"acl_file {broker.folder}/acl\n")
        command = [program("mosquitto_passwd"), "-b", str(broker.folder / "passwords")]
        subprocess.run([*command, "homeassistant", "right"], check=True, capture_output=True)
        broker.restart()
        yield broker


def test_the_access_rules_allow_what_both_need_and_no_more(guarded_broker: MosquittoBroker) -> None:
    """The rules of the page on a real Mosquitto: reads and writes of serd and Home Assistant."""
    topics = all_topics(NodeTopics(prefix="serd", node="pi"), "mic")
    commands = {topic for topic in topics if topic.endswith("/set")}
    settings = DiscoverySettings()
    published = {*topics - commands, discovery_topic(settings, "pi")}
    subscribed = {*commands, birth_topic(settings)}

    guarded_broker.user = "serd"
    for topic in published:
        guarded_broker.publish(topic, "serd", retain=True)
    guarded_broker.user = "homeassistant"
    for topic in subscribed | {"serd/pi/status"}:
        guarded_broker.publish(topic, "home", retain=True)

    home = guarded_broker.retained("#")
    assert {topic for topic, payload in home.items() if payload == "serd"} == published
    guarded_broker.user = "serd"
    serd_topics = dict.fromkeys(topics - commands, "serd")
    assert guarded_broker.retained("#") == serd_topics | dict.fromkeys(subscribed, "home")
