"""Writes tests/golden/discovery.json: the discovery message of a node with one source and one alert."""

import json
from pathlib import Path

from serd.events.alert import AlertKey
from serd.model.labels import EMOTIONS
from serd.mqtt.homeassistant.description import discovery_payload
from serd.mqtt.topics import NodeTopics

OUT = Path(__file__).parent.parent / "tests" / "golden" / "discovery.json"
TOPICS = NodeTopics(prefix="serd", node="pi")


def example_payload(*sources: str) -> str:
    """The discovery message of the node "pi", with the alert "angry" at each source."""
    return discovery_payload(
        topics=TOPICS,
        node="pi",
        sources=sources,
        labels=EMOTIONS,
        version="1.2.3",
        alerts=[AlertKey(source, "angry") for source in sources],
    )


def golden_text() -> str:
    """The discovery message of a node with one source, as indented JSON."""
    return json.dumps(json.loads(example_payload("mic")), indent=2) + "\n"


if __name__ == "__main__":
    OUT.parent.mkdir(exist_ok=True)
    OUT.write_text(golden_text(), "utf-8")
