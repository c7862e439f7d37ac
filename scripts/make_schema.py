"""Writes docs/event.schema.json from the event's dataclass in serd/events/event.py."""

import json
from pathlib import Path

from serd.events.schema import json_schema

OUT = Path(__file__).parent.parent / "docs" / "event.schema.json"


if __name__ == "__main__":
    OUT.write_text(json.dumps(json_schema(), indent=2) + "\n", "utf-8")
