"""Writes the JSON Schemas in docs from the dataclasses of events and moods in serd/events."""

import json
from pathlib import Path

from serd.events.schema import json_schema, mood_schema

DOCS = Path(__file__).parent.parent / "docs"
SCHEMAS = {"event.schema.json": json_schema, "mood.schema.json": mood_schema}


if __name__ == "__main__":
    for name, make in SCHEMAS.items():
        (DOCS / name).write_text(json.dumps(make(), indent=2) + "\n", "utf-8")
