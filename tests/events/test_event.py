"""The event: a contract with all subscribers."""

import json
import time
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.audio.format import UNTIMED, CaptureTime
from serd.errors import EventError
from serd.events.event import MAX_JSON_CHARS, Dimensions, Event, EventMaker, ModelReference
from serd.events.schema import json_schema
from serd.model.decision import Decision, Kind
from serd.model.labels import EMOTIONS, VALENCE
from serd.model.naming import NamingRule
from serd.model.smoothing import Estimate, make_estimate
from serd.speech.segments import Segment, SpeechWindow, UtteranceEnd
from testkit.models import made_card

_CARD = made_card()
_END = UtteranceEnd(
    utterance=1,
    start_s=1.5,
    end_s=4.0,
    speech_s=2.0,
    level_dbfs=-23.456,
    captured=CaptureTime(epoch_s=1_700_000_000.0, arrived_s=100.0),
)
_HAPPY = Estimate(
    emotion="happy",
    likeliest="happy",
    confidence=0.654321,
    scores={label: 0.654321 if label == "happy" else 0.049383 for label in EMOTIONS},
    no_speech=0.0,
)

_OPTIONAL = {"time", "dimensions", "file", "replayed", "provisional"}
_formats = jsonschema.FormatChecker(formats=())


@_formats.checks("date-time", raises=ValueError)
def _is_rfc3339(value: object) -> bool:
    """RFC 3339: ISO 8601 with a "T" and a zone."""
    text = str(value)
    return text[10] == "T" and datetime.fromisoformat(text).utcoffset() is not None


_validator = jsonschema.Draft202012Validator(json_schema(), format_checker=_formats)


def _maker(*, file: str | None = None, now_s: float = 100.25) -> EventMaker:
    ids = iter(range(1000))
    return EventMaker(
        node="pi",
        source="mic",
        card=_CARD,
        new_id=lambda: f"id-{next(ids)}",
        monotonic=lambda: now_s,
        file=file,
    )


def _event(maker: EventMaker, kind: Kind, estimate: Estimate, sound: Segment) -> Event:
    return maker.make(Decision(kind=kind, sound=sound, estimate=estimate, is_speech=True))


def _body(event: Event) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(event.to_json())
    return body


def test_the_field_names_are_a_contract() -> None:
    """No published name is renamed or removed within schema 1."""
    body = _body(_event(_maker(), "utterance", _HAPPY, _END))
    assert list(body) == [
        "schema",
        "id",
        "kind",
        "time",
        "node",
        "source",
        "emotion",
        "confidence",
        "scores",
        "valence",
        "start_s",
        "end_s",
        "speech_ratio",
        "level_dbfs",
        "latency_ms",
        "model",
        "dimensions",
    ]
    assert list(body["model"]) == ["name", "version", "sha256"]
    assert list(body["scores"]) == list(EMOTIONS)


def test_an_event_has_the_fields_of_its_decision() -> None:
    """Every field has its value, rounded to its precision."""
    body = _body(_event(_maker(), "utterance", _HAPPY, _END))
    assert datetime.fromisoformat(body.pop("time")).timestamp() == 1_700_000_004.0
    assert body == {
        "schema": 1,
        "id": "id-0",
        "kind": "utterance",
        "node": "pi",
        "source": "mic",
        "emotion": "happy",
        "confidence": 0.6543,
        "scores": {label: 0.6543 if label == "happy" else 0.0494 for label in EMOTIONS},
        "valence": "positive",
        "start_s": 1.5,
        "end_s": 4.0,
        "speech_ratio": 0.8,
        "level_dbfs": -23.5,
        "latency_ms": 250.0,
        "model": {"name": "test", "version": "1.2.3", "sha256": "0123456789abcdef" * 4},
        "dimensions": {"valence": 0.415, "arousal": 0.437},
    }


def test_the_file_is_left_out_without_a_file() -> None:
    """Events of a file name it; in others the field is left out, not null."""
    assert "file" not in _body(_event(_maker(), "window", _HAPPY, _END))
    assert _body(_event(_maker(file="a/b.wav"), "file", _HAPPY, _END))["file"] == "a/b.wav"


def test_an_event_of_a_provisional_window_is_marked() -> None:
    """Other windows and utterances leave the field out."""
    full = SpeechWindow(
        samples=np.zeros(16_000, np.int16),
        utterance=1,
        position_samples=0,
        start_s=1.0,
        end_s=2.0,
        speech_s=0.9,
        new_speech_s=0.9,
        level_dbfs=-20.0,
        is_last=False,
        captured=_END.captured,
    )
    provisional = replace(full, is_provisional=True)
    assert _body(_event(_maker(), "window", _HAPPY, provisional))["provisional"] is True
    assert "provisional" not in _body(_event(_maker(), "window", _HAPPY, full))
    assert "provisional" not in _body(_event(_maker(), "utterance", _HAPPY, _END))


def test_the_same_sound_gives_the_same_event() -> None:
    """With ids and clock as arguments, an event is a pure function of its decision."""
    one, other = (_event(_maker(), "window", _HAPPY, _END) for _ in range(2))
    assert one == other
    assert one.to_json() == other.to_json()


def test_events_have_different_ids() -> None:
    """Events of the same sound have different ids."""
    maker = _maker()
    assert [_event(maker, "window", _HAPPY, _END).id for _ in range(3)] == ["id-0", "id-1", "id-2"]


@given(st.floats(0, 4e9), st.floats(0, 1e5))
def test_the_time_is_that_of_the_sound(epoch_s: float, end_s: float) -> None:
    """The time is the sound's end, to the millisecond, with a zone, whenever it is processed."""
    sound = replace(_END, end_s=end_s, captured=CaptureTime(epoch_s=epoch_s, arrived_s=0.0))
    texts = {_event(_maker(now_s=now_s), "window", _HAPPY, sound).time for now_s in (0.0, 9e9)}
    (text,) = texts
    moment = datetime.fromisoformat(text)
    assert moment.utcoffset() is not None
    assert moment.timestamp() == pytest.approx(epoch_s + end_s, abs=0.0011)


@pytest.mark.parametrize(
    ("zone", "offset"), [("UTC0", "+00:00"), ("NPT-5:45", "+05:45"), ("NST3:30", "-03:30")]
)
def test_the_zone_is_that_of_the_machine(
    zone: str, offset: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time is local, and the same instant in any zone."""
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        event = _event(_maker(), "window", _HAPPY, _END)
        assert event.time.endswith(offset)
        assert datetime.fromisoformat(event.time).timestamp() == 1_700_000_004.0
    finally:
        monkeypatch.undo()
        time.tzset()


def test_latency_is_never_negative() -> None:
    """A clock before the sound's arrival gives 0."""
    assert _event(_maker(now_s=99.0), "window", _HAPPY, _END).latency_ms == 0.0


def test_speech_does_not_exceed_the_sound() -> None:
    """The share of speech is at most 1, and 0 for a sound of no length."""
    full = replace(_END, speech_s=2.6)
    assert _event(_maker(), "window", _HAPPY, full).speech_ratio == 1.0
    empty = replace(_END, start_s=4.0, speech_s=0.0)
    assert _event(_maker(), "window", _HAPPY, empty).speech_ratio == 0.0


@pytest.mark.parametrize("label", EMOTIONS)
def test_valence_is_that_of_the_likeliest_label(label: str) -> None:
    """It is known even if the emotion is "uncertain"."""
    doubtful = replace(_HAPPY, emotion="uncertain", likeliest=label)
    assert _event(_maker(), "window", doubtful, _END).valence == VALENCE[label]


def test_valence_groups_are_those_of_the_article() -> None:
    """Positive: happy; neutral: calm, neutral; negative: angry, fearful, sad; two are added."""
    groups: dict[str, set[str]] = {}
    for label, group in VALENCE.items():
        groups.setdefault(group, set()).add(label)
    assert groups == {
        "positive": {"happy"},
        "neutral": {"neutral", "calm", "surprised"},
        "negative": {"angry", "fearful", "sad", "disgust"},
    }


def test_a_label_without_a_group_is_neutral() -> None:
    """Another model may have labels that serd does not know."""
    bored = replace(_HAPPY, emotion="bored", likeliest="bored")
    assert _event(_maker(), "window", bored, _END).valence == "neutral"


def test_sound_of_unknown_time_gives_an_event_without_time() -> None:
    """The field is left out; a subscriber reads it as None."""
    event = _event(_maker(), "window", _HAPPY, replace(_END, captured=UNTIMED))
    assert "time" not in _body(event)
    assert Event.from_json(event.to_json()).time is None


class TestFromJson:
    """Reading of events by subscribers."""

    def test_fields_of_later_versions_are_ignored(self) -> None:
        """A subscriber reads the events of later versions, in text or in bytes."""
        event = _event(_maker(), "utterance", _HAPPY, _END)
        body = _body(event) | {"mood": "fine", "model": _body(event)["model"] | {"size": 1}}
        assert Event.from_json(json.dumps(body)) == event
        assert Event.from_json(json.dumps(body).encode()) == event

    @pytest.mark.parametrize(
        "text",
        ["", "no json", "[]", "null", "[" * 50_000, " " * (MAX_JSON_CHARS + 1), b"\xff{}", "{}"],
        ids=["empty", "text", "list", "null", "nested", "long", "bytes", "nothing"],
    )
    def test_text_that_is_not_an_event_is_an_event_error(self, text: str | bytes) -> None:
        """Any other payload raises the same exception."""
        with pytest.raises(EventError):
            Event.from_json(text)

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("schema", 2),
            ("kind", "sentence"),
            ("confidence", "high"),
            ("confidence", True),
            ("scores", {"happy": "much"}),
            ("scores", [0.5]),
            ("time", 12),
            ("model", {"name": "x"}),
            ("model", "x"),
            ("replayed", 1),
        ],
    )
    def test_a_field_of_another_type_is_named(self, key: str, value: object) -> None:
        """The message names the field."""
        body = _body(_event(_maker(), "window", _HAPPY, _END)) | {key: value}
        with pytest.raises(EventError, match=key):
            Event.from_json(json.dumps(body))

    @pytest.mark.parametrize(
        ("key", "value"),
        [("confidence", 10**400), ("level_dbfs", -(10**400)), ("scores", {"happy": 10**400})],
        ids=["confidence", "level_dbfs", "scores"],
    )
    def test_a_number_beyond_all_floats_is_an_event_error(self, key: str, value: object) -> None:
        """JSON has whole numbers of any length; the message names the field."""
        body = _body(_event(_maker(), "window", _HAPPY, _END)) | {key: value}
        with pytest.raises(EventError, match=key):
            Event.from_json(json.dumps(body))

    def test_a_missing_field_is_named(self) -> None:
        """Every required field must be present."""
        body = _body(_event(_maker(), "window", _HAPPY, _END))
        del body["emotion"]
        with pytest.raises(EventError, match="emotion is missing"):
            Event.from_json(json.dumps(body))


class TestSchema:
    """docs/event.schema.json and the events themselves."""

    def test_the_schema_in_the_documentation_is_up_to_date(self) -> None:
        """The file in docs is the one generated from the code (make schema)."""
        text = (Path(__file__).parents[2] / "docs" / "event.schema.json").read_text("utf-8")
        assert text == json.dumps(json_schema(), indent=2) + "\n"

    def test_the_schema_is_valid(self) -> None:
        """It is JSON Schema of draft 2020-12."""
        jsonschema.Draft202012Validator.check_schema(json_schema())
        assert json_schema()["$schema"] == "https://json-schema.org/draft/2020-12/schema"

    def test_the_schema_has_every_field(self) -> None:
        """Each field of the dataclass is described, and all but the optional ones are required."""
        schema = json_schema()
        names = [field.name for field in fields(Event)]
        assert list(schema["properties"]) == names
        assert schema["required"] == [name for name in names if name not in _OPTIONAL]
        model = schema["properties"]["model"]
        assert list(model["properties"]) == [field.name for field in fields(ModelReference)]
        dimensions = schema["properties"]["dimensions"]
        assert list(dimensions["properties"]) == [field.name for field in fields(Dimensions)]

    @given(
        kind=st.sampled_from(["window", "utterance", "file"]),
        weights=st.lists(st.floats(1e-6, 1.0), min_size=8, max_size=8),
        start_s=st.floats(0, 1e6),
        length_s=st.floats(0.0, 100.0),
        level_dbfs=st.floats(-100.0, 0.0),
        epoch_s=st.floats(0, 4e9),
        file=st.none() | st.text(max_size=20),
    )
    def test_every_event_fits_the_schema_in_one_line(
        self,
        kind: Kind,
        weights: list[float],
        start_s: float,
        length_s: float,
        level_dbfs: float,
        epoch_s: float,
        file: str | None,
    ) -> None:
        """The JSON of any event is valid, one line long, and is read back unchanged."""
        sound = replace(
            _END,
            start_s=start_s,
            end_s=start_s + length_s,
            speech_s=length_s,
            level_dbfs=level_dbfs,
            captured=CaptureTime(epoch_s=epoch_s, arrived_s=3.0),
        )
        event = _event(
            _maker(file=file),
            kind,
            make_estimate(EMOTIONS, np.array(weights), NamingRule(EMOTIONS, {})),
            sound,
        )
        line = event.to_json()
        assert "\n" not in line
        _validator.validate(json.loads(line))
        assert Event.from_json(line) == event
        _validator.validate(json.loads(replace(event, replayed=True).to_json()))
        assert sum(event.scores.values()) == pytest.approx(1.0, abs=8 * 0.00005)

    @pytest.mark.parametrize("value", [float("nan"), float("inf")])
    def test_an_event_with_nan_or_infinity_has_no_json(self, value: float) -> None:
        """NaN is not JSON, and would be an error of many subscribers."""
        event = replace(_event(_maker(), "window", _HAPPY, _END), confidence=value)
        with pytest.raises(ValueError, match="not JSON compliant"):
            event.to_json()

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("schema", 2),
            ("id", ""),
            ("kind", "sentence"),
            ("time", "2025-03-01T12:30:15"),
            ("time", "2025-03-01 12:30:15+00:00"),
            ("time", "yesterday afternoon"),
            ("confidence", 1.1),
            ("scores", {"happy": 2}),
            ("scores", [0.5]),
            ("valence", "mixed"),
            ("start_s", -1),
            ("speech_ratio", 1.5),
            ("level_dbfs", 3.0),
            ("latency_ms", -0.1),
            ("model", {"name": "x", "version": "1"}),
            ("model", {"name": "x", "version": "1", "sha256": "ABC"}),
            ("file", None),
            ("replayed", False),
            ("provisional", False),
        ],
    )
    def test_the_schema_refuses_bad_values(self, key: str, value: object) -> None:
        """Each bad value is an error at its field."""
        body = _body(_event(_maker(), "window", _HAPPY, _END)) | {key: value}
        assert [error.path[0] for error in _validator.iter_errors(body)] == [key]

    @pytest.mark.parametrize("key", [f.name for f in fields(Event) if f.name not in _OPTIONAL])
    def test_the_schema_refuses_a_missing_field(self, key: str) -> None:
        """Every field is required except for the optional ones."""
        body = _body(_event(_maker(), "window", _HAPPY, _END))
        del body[key]
        assert not _validator.is_valid(body)
