"""The bundled recording still gives its golden events."""

import json
from typing import Any, Final

import pytest
from make_demo_events import OUT, demo_events

from serd.model.runtime import TfliteModel

_SCORE_LIMIT: Final = 5e-4
"""Processors round the network's sums differently; on one machine the scores are equal."""


def _golden() -> list[dict[str, Any]]:
    return [json.loads(line) for line in OUT.read_text("utf-8").splitlines()]


def test_the_golden_events_are_those_of_the_model_that_comes_with_serd(real_model: TfliteModel) -> None:
    """A change of the model requires scripts/make_demo_events.py, which shows the differences."""
    assert {event["model"]["sha256"] for event in _golden()} == {real_model.card.network_sha256}


def test_the_bundled_recording_gives_its_golden_events(real_model: TfliteModel) -> None:
    """Kinds, times, levels and emotions are equal; scores differ by rounding at most."""
    got, expected = list(demo_events(real_model)), _golden()
    assert len(expected) > 10
    for one, other in zip(got, expected, strict=True):
        for key in ("scores", "confidence"):
            assert one.pop(key) == pytest.approx(other.pop(key), abs=_SCORE_LIMIT)
        assert one == other
