"""The messages that say what a report says: topic and payload, and whether the broker retains them.

Events and statistics are left to the publisher: the event queue numbers the one and adds to the other.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from serd.events.controls import OFF, ON, control_texts
from serd.events.mood import mood_json
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    ControlReport,
    LevelReport,
    MoodReport,
    RefusalReport,
    Report,
    SpeechReport,
    StateReport,
)
from serd.model.labels import NONE
from serd.mqtt.message import Message
from serd.mqtt.topics import OFFLINE, ONLINE, NodeTopics


def messages_of(report: Report, topics: NodeTopics) -> Iterator[Message]:
    """Yield the messages of a report; none for an event and for statistics."""
    match report:
        case RefusalReport():
            yield Message(topics.control_error(report.source, report.control), report.reason)
        case LevelReport() if report.is_due:
            body = {"level_dbfs": report.level_dbfs, "guesses": dict(report.guesses)}
            yield Message(topics.level(report.source), json.dumps(body))
        case _:
            for topic, payload in _retained_values(report, topics):
                yield Message(topic, payload, is_retained=True)


def _retained_values(report: Report, topics: NodeTopics) -> Iterator[tuple[str, str]]:
    """Yield topic and payload of each retained value that a report changes."""
    match report:
        case StateReport():
            yield topics.state(report.source), report.emotion
        case MoodReport():
            now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
            yield topics.mood(report.source), mood_json(report.mood, now)
        case AlertReport():
            yield topics.alert(report.source, report.name), ON if report.is_on else OFF
        case SpeechReport():
            yield topics.speech(report.source), ON if report.is_speaking else OFF
        case AvailabilityReport():
            state = ONLINE if report.is_alive else OFFLINE
            yield topics.availability(report.source), state
            yield topics.problem(report.source), report.reason or NONE
        case ControlReport():
            texts = control_texts(report.controls)
            for control in report.changed:
                yield topics.control(report.source, control), texts[control]
