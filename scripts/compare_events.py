"""Compares two files of events, one as a line of JSON each: the same kinds, times and emotions in order.

Processors round differently, so scores may differ by a limit. The exit code is 1 if the files differ.

    SERD_REPORT_PROVISIONAL_S=0 serd run --source serd/data/demo.flac --fast --json >events.jsonl
    python scripts/compare_events.py tests/golden/demo-events.jsonl events.jsonl
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

MAX_DIFFERENCE: Final = 0.02
_EQUAL: Final = ("kind", "provisional", "emotion", "start_s", "end_s")


def differences(golden: list[dict[str, Any]], got: list[dict[str, Any]]) -> tuple[list[str], float]:
    """What differs, and the largest difference of a score."""
    found = [] if len(golden) == len(got) else [f"{len(got)} events, expected {len(golden)}"]
    largest = 0.0
    for number, (one, other) in enumerate(zip(golden, got, strict=False), start=1):
        found += [
            f"event {number}: {key} is {other.get(key)}, expected {one.get(key)}"
            for key in _EQUAL
            if one.get(key) != other.get(key)
        ]
        difference = max(abs(one["scores"][label] - other["scores"][label]) for label in one["scores"])
        largest = max(largest, difference)
        if difference > MAX_DIFFERENCE:
            found.append(f"event {number}: a score differs by {difference:.3f}")
    return found, largest


def main(paths: list[str]) -> int:
    """Print what differs; the exit code."""
    golden, got = (
        [json.loads(line) for line in Path(path).read_text("utf-8").splitlines()] for path in paths
    )
    found, largest = differences(golden, got)
    print("\n".join(found) or f"{len(got)} events are the same; scores differ by {largest:.4f} at most")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
