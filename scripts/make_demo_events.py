"""Writes tests/golden/demo-events.jsonl: what the bundled recording gives with the bundled model.

To be run again where the model is another one, or speech is cut out otherwise on purpose; never to make
a change of the code pass that should change nothing. The file is there to show that the same sound still
gives the same events.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from serd.audio.files import FileSource
from serd.audio.opening import DEMO_PATH
from serd.model.runtime import EmotionModel, ModelSettings, load_model
from serd.pipeline import PipelineSettings, recognize
from serd.recognizer import event_maker

OUT = Path(__file__).parent.parent / "tests" / "golden" / "demo-events.jsonl"
_CHANGING: Final = ("id", "time", "latency_ms")
"""Fields that differ from run to run."""


def demo_events(model: EmotionModel) -> Iterator[dict[str, Any]]:
    """The events of the bundled recording, without what differs from run to run."""
    maker = event_maker(node="pi", source="demo", card=model.card)
    for decision in recognize(FileSource(DEMO_PATH), model, PipelineSettings()):
        if not decision.is_speech:
            continue
        body: dict[str, Any] = json.loads(maker.make(decision).to_json())
        yield {key: value for key, value in body.items() if key not in _CHANGING}


if __name__ == "__main__":
    lines = (json.dumps(body) + "\n" for body in demo_events(load_model(ModelSettings())))
    OUT.write_text("".join(lines), "utf-8")
