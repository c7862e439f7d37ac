"""The model card: its JSON, and cards that are refused."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from serd.errors import ModelError
from serd.model.card import card_from_json
from serd.model.naming import NamingScore
from testkit.models import made_card

_CARD = made_card(
    labels=("neutral", "wütend"),
    mean=tuple(float(i) for i in range(40)),
    std=(2.5,) * 40,
    training={"actors": [1, 2], "uar": {"mean": 0.5}, "command": "python -m train fit"},
)

Change = Callable[[dict[str, Any]], None]


def _changed(change: Change) -> str:
    body = json.loads(_CARD.to_json())
    change(body)
    return json.dumps(body)


def _set(**values: object) -> Change:
    return lambda body: body.update(values)


def _set_feature(**values: object) -> Change:
    return lambda body: body["feature_set"].update(values)


def _naming(**values: object) -> Change:
    score: dict[str, object] = {"weights": {}, "offset": 1.0, "threshold": 0.5}
    return _set(naming={"wütend": score | values})


def _drop(key: str) -> Change:
    return lambda body: body.pop(key)


def test_a_card_is_read_back_from_its_json() -> None:
    """All fields are read as they were written, including the provenance."""
    assert card_from_json(_CARD.to_json(), "card.json") == _CARD


def test_the_level_of_faint_windows_is_part_of_the_card() -> None:
    """It is read back as it was written, and cards without it stay as they were."""
    card = replace(_CARD, min_log_energy=11.5)
    assert card_from_json(card.to_json(), "card.json") == card
    assert "min_log_energy" not in json.loads(_CARD.to_json())


def test_a_score_for_naming_is_part_of_the_card() -> None:
    """It is read back as it was written."""
    score = NamingScore(weights={"neutral": -1.5}, offset=1, threshold=0.9)
    card = replace(_CARD, naming={"wütend": score})
    assert card_from_json(card.to_json(), "card.json") == card
    assert "naming" not in json.loads(_CARD.to_json())


def test_the_json_is_readable() -> None:
    """It is indented, without escapes, starts with the schema and ends with a newline."""
    text = _CARD.to_json()
    assert text.startswith('{\n  "schema": 1,\n  "name": "test"')
    assert text.endswith("}\n")
    assert "wütend" in text


def test_the_card_gives_the_size_of_the_input() -> None:
    """Window length in samples and frames follow from seconds and feature set."""
    assert (_CARD.window_samples, _CARD.n_frames) == (48000, 298)
    shorter = replace(_CARD, window_s=0.57)
    assert (shorter.window_samples, shorter.n_frames) == (9120, 55)


def test_a_network_may_have_an_output_of_no_speech() -> None:
    """A card with its threshold has one more output; without it, nothing is rejected."""
    rejecting = made_card(no_speech_threshold=0.6)
    assert _CARD.outputs == _CARD.labels
    assert rejecting.outputs == (*rejecting.labels, "none")
    assert [rejecting.rejects(p) for p in (0.0, 0.59, 0.6, 1.0)] == [False, False, True, True]
    assert not _CARD.rejects(1.0)
    assert card_from_json(rejecting.to_json(), "card.json") == rejecting


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set(schema=2), "expected a model card of schema 1"),
        (_drop("schema"), "expected a model card of schema 1"),
        (_drop("labels"), "lacks a key or has a wrong one: 'labels'"),
        (_drop("feature_set"), "lacks a key or has a wrong one: 'feature_set'"),
        (_drop("network_sha256"), "lacks a key or has a wrong one: .*network_sha256"),
        (_set(color="red"), "lacks a key or has a wrong one: .*color"),
        (_set(feature_set="mfcc40-v1"), "lacks a key or has a wrong one"),
        (_set(mean=1.0), "lacks a key or has a wrong one"),
        (_set(window_s="3.0"), "lacks a key or has a wrong one"),
        (_set(name=None), "got None, expected text"),
        (_set(std=[1.0] * 39 + ["1"]), "got '1', expected a finite number"),
        (_set(mean=[1.0] * 39 + [float("inf")]), "got inf, expected a finite number"),
        (_set(mean=[1.0] * 39 + [10**400]), "lacks a key or has a wrong one"),
        (_set(min_log_energy="quiet"), "got 'quiet', expected a finite number"),
        (_set(min_log_energy=float("nan")), "got nan, expected a finite number"),
        (_set(training=[]), r"got \[\] for training, expected an object"),
        (_set(network_sha256=12), "got 12, expected text"),
        (_set(labels=["neutral", 4]), "got 4, expected text"),
        (
            _set_feature(name="mfcc40-v9"),
            "unknown feature set 'mfcc40-v9', expected one of: mfcc40-v1",
        ),
        (
            _set_feature(preemphasis=0.95),
            r"differ from those of its name: got preemphasis = 0.95 \(expected 0.97\)$",
        ),
        (_set_feature(n_fft=1024, lifter=0), r"lifter = 0 \(expected 22\), n_fft = 1024"),
        (_set_feature(dither=1), r"dither = 1 \(expected None\)"),
        (_set(mean=[0.0] * 39), "normalization of 39 and 40 coefficients, expected 40"),
        (_set(std=[1.0] * 13), "normalization of 40 and 13 coefficients, expected 40"),
        (_set(labels=["sad", "sad"]), "expected two or more distinct ones"),
        (_set(labels=["sad"]), "expected two or more distinct ones"),
        (_set(no_speech_threshold=0.0), "no_speech_threshold is 0.0, expected a probability above 0"),
        (_set(no_speech_threshold=1.5), "no_speech_threshold is 1.5, expected a probability above 0"),
        (
            _naming(weights={"joy": 1.0}),
            r"naming of wütend has weights for \['joy'\], expected labels of the model",
        ),
        (_naming(weights={"neutral": 101.0}), "naming of wütend has a weight or an offset beyond 100"),
        (_naming(offset=-101.0), "naming of wütend has a weight or an offset beyond 100"),
        (_naming(threshold=1.5), "naming of wütend has a threshold of 1.5, expected 0 to 1"),
        (_naming(threshold="1"), "got '1', expected a finite number"),
        (_naming(weights={"neutral": "1"}), "got '1', expected a finite number"),
        (_naming(weights=[]), r"got \[\], expected an object"),
        (_set(naming={"joy": {"weights": {}, "offset": 0, "threshold": 0}}), r"scores of \['joy'\]"),
        (_set(naming={"wütend": {"weights": {}}}), "lacks a key or has a wrong one"),
        (
            _set(naming={"weights": {}, "offsets": {}, "thresholds": {}}),
            "lacks a key or has a wrong one",
        ),
        (_set(naming={"wütend": [1]}), "lacks a key or has a wrong one"),
        (_set(naming=[1]), "lacks a key or has a wrong one"),
        (_set(naming=None), "lacks a key or has a wrong one"),
        (_set(window_s=0.4), "window_s is 0.4, expected 0.5 to 30 seconds"),
        (_set(window_s=31.0), "window_s is 31.0, expected 0.5 to 30 seconds"),
        (_set(window_s=float("nan")), "window_s is nan, expected 0.5 to 30 seconds"),
        (_set(window_s=2.995), "window_s is 2.995, .* a multiple of 0.01"),
        (_set(padding="zeros"), r"unknown padding 'zeros', expected \['repeat'\]"),
    ],
)
def test_a_bad_card_is_refused(change: Change, message: str) -> None:
    """The message is one line with the card, the value and the expected values."""
    with pytest.raises(ModelError, match=message) as caught:
        card_from_json(_changed(change), "models/x.json")
    assert str(caught.value).startswith("models/x.json: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "card", "[1, 2]", '"x"', "null", "\x00"])
def test_text_that_is_not_a_card_is_refused(text: str) -> None:
    """The message names the file, for text that is not JSON and for JSON that is not a card."""
    with pytest.raises(ModelError, match=r"models/x\.json: "):
        card_from_json(text, "models/x.json")
