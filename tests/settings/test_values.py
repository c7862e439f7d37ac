"""A setting has the type and bounds of its field, or the message has the expected value."""

from typing import Annotated, Any, Literal

import pytest

from serd.audio.source import SourceSettings
from serd.errors import SettingsError
from serd.settings.values import SECRET_MASK, Range, as_toml, checked, parse

_EPOCHS = Annotated[int, Range(1)]
_RATE = Annotated[float, Range(0.0, is_open=True)]
_LEVEL = Literal["info", "debug"]


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        (1, _EPOCHS, 1),
        (2, _RATE, 2.0),
        ("debug", _LEVEL, "debug"),
        (["info", "debug"], tuple[_LEVEL, ...], ("info", "debug")),
        ([], tuple[int, ...], ()),
    ],
)
def test_a_value_of_the_right_type_is_accepted(value: object, hint: Any, expected: object) -> None:  # noqa: ANN401
    """A whole number is accepted for a float, and a list for a tuple."""
    assert checked(value, hint, "x") == expected


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        (0, _EPOCHS, "x = 0, expected 1 or more"),
        (0, _RATE, "x = 0.0, expected a number above 0"),
        (1.5, _EPOCHS, "x = 1.5, expected a whole number"),
        ("loud", _LEVEL, "x = 'loud', expected one of: info, debug"),
        ("info", tuple[_LEVEL, ...], "x = 'info', expected a list"),
        (["info", 1], tuple[_LEVEL, ...], "x = 1, expected one of: info, debug"),
    ],
)
def test_a_wrong_value_is_refused_with_the_expected_one(
    value: object,
    hint: Any,  # noqa: ANN401
    message: str,
) -> None:
    """The message has the origin, the value, and the expected type, choices or bounds."""
    with pytest.raises(SettingsError) as caught:
        checked(value, hint, "x")
    assert str(caught.value) == message


def test_a_secret_is_masked_in_any_message() -> None:
    """This includes a value that is out of bounds."""
    with pytest.raises(SettingsError) as caught:
        checked(0, _EPOCHS, "x", is_secret=True)
    assert str(caught.value) == f"x = {SECRET_MASK}, expected 1 or more"


def test_the_text_of_a_variable_is_converted_to_the_type() -> None:
    """Bounds and choices are not checked here."""
    assert parse("3", _EPOCHS, "x") == 3
    assert parse("loud", _LEVEL, "x") == "loud"
    with pytest.raises(SettingsError, match="x = 'three', expected a whole number"):
        parse("three", _EPOCHS, "x")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("rtsp://user:secret@camera/live?token=x", f"rtsp://{SECRET_MASK}@camera/live?{SECRET_MASK}"),
        ("http://radio/x.mp3", "http://radio/x.mp3"),
        ("tcp://0.0.0.0:4000?from=10.0.0.7", "tcp://0.0.0.0:4000?from=10.0.0.7"),
        ("http://radio/x?from=a&token=x", f"http://radio/x?{SECRET_MASK}"),
    ],
)
def test_secrets_in_a_url_are_masked(url: str, expected: str) -> None:
    """The rest stays, so that one recognizes the source."""
    assert as_toml(SourceSettings(input=url), "input") == f'"{expected}"'
