"""Writes tests/golden/demo-events.jsonl: the events of the bundled recording with the bundled model.

Run it after a change of the model, or an intended change of the events. The file shows that a
refactoring leaves the events as they were.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from serd.audio.demo import DEMO_PATH
from serd.audio.files import FileSource
from serd.model.runtime import EmotionModel, ModelSettings, load_model
from serd.pipeline import PipelineSettings, recognize
from serd.recognizer import event_maker

OUT = Path(__file__).parent.parent / "tests" / "golden" / "demo-events.jsonl"
_CHANGING: Final = ("id", "time", "latency_ms")
"""Fields that differ from run to run."""


def demo_events(model: EmotionModel) -> Iterator[dict[str, Any]]:
    """The events of the bundled recording, without the fields that differ from run to run."""
    maker = event_maker(node="pi", source="demo", card=model.card)
    for decision in recognize(FileSource(DEMO_PATH), model, PipelineSettings()):
        if not decision.is_speech:
            continue
        body: dict[str, Any] = json.loads(maker.make(decision).to_json())
        yield {key: value for key, value in body.items() if key not in _CHANGING}


if __name__ == "__main__":
    lines = (json.dumps(body) + "\n" for body in demo_events(load_model(ModelSettings())))
    OUT.write_text("".join(lines), "utf-8")
