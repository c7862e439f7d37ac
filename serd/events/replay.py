"""Changes to the JSON of waiting events: the mark of replayed ones, and the time after a clock step."""

import json
from datetime import datetime

from serd.events.event import local_rfc3339


def as_replayed(text: str) -> str:
    """Mark the JSON of an event that is not replayed as replayed."""
    return f'{text[:-1]}, "replayed": true}}'


def move_time(text: str, step_s: float, taken_s: float) -> str:
    """The JSON of an event with its time moved by a step of the clock.

    A time that fits the clock after the step better than the clock before it stays as it is, and so does
    a text without a time that can be read and moved.

    Args:
        text: the JSON of an event.
        step_s: by how much the clock was moved, in seconds.
        taken_s: when the event was made or soon after, by the clock before the step, in seconds since
            1970.
    """
    try:
        body = json.loads(text)
        before_s = datetime.fromisoformat(body["time"]).timestamp()
        if abs(taken_s + step_s - before_s) < abs(taken_s - before_s):
            return text
        return json.dumps(body | {"time": local_rfc3339(before_s + step_s)}, ensure_ascii=False)
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return text
