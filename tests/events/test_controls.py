"""Controls accept values in their range; other values are refused."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.errors import InputError
from serd.events.controls import CONTROLS, MAX_COOLDOWN_S, Controls, control_texts, with_control


@pytest.mark.parametrize(
    ("name", "payload", "expected"),
    [
        ("mute", b"ON", Controls(mute=True)),
        ("mute", b" off\n", Controls(mute=False)),
        ("threshold", b"0.5", Controls(threshold=0.5)),
        ("threshold", b"1", Controls(threshold=1.0)),
        ("cooldown", b"12.5", Controls(cooldown_s=12.5)),
    ],
)
def test_a_good_value_is_accepted(name: str, payload: bytes, expected: Controls) -> None:
    """Switches in upper or lower case, with blanks around, and numbers up to the limit."""
    assert with_control(Controls(), name, payload) == expected


@pytest.mark.parametrize(
    ("name", "payload", "message"),
    [
        ("mute", b"maybe", "got 'maybe', expected ON or OFF"),
        ("mute", b"", "expected ON or OFF"),
        ("threshold", b"1.01", "expected a number from 0 to 1"),
        ("threshold", b"nan", "expected a number from 0 to 1"),
        ("cooldown", b"-1", "expected a number from 0 to 3600"),
        ("cooldown", b"inf", "expected a number from 0 to 3600"),
        ("cooldown", b"\xff\xfe", "expected a number"),
        ("volume", b"1", "no control 'volume'"),
    ],
)
def test_a_bad_value_is_refused(name: str, payload: bytes, message: str) -> None:
    """The message gives the accepted values, or the unknown control."""
    with pytest.raises(InputError, match=message):
        with_control(Controls(), name, payload)


_payloads = (
    st.binary(max_size=2000)
    | st.text().map(str.encode)
    | st.sampled_from(["ON", "off", "-0", "1e999", "0x1", "1_0"]).map(str.encode)
    | st.floats().map(lambda number: str(number).encode())
    | st.floats(0.0, MAX_COOLDOWN_S).map(lambda number: str(number).encode())
)


@given(name=st.sampled_from(CONTROLS), payload=_payloads)
def test_no_payload_sets_a_control_out_of_its_range(name: str, payload: bytes) -> None:
    """Any bytes, text or number are refused or leave each control in its range."""
    try:
        controls = with_control(Controls(), name, payload)
    except InputError:
        return
    assert isinstance(controls.mute, bool)
    assert 0.0 <= controls.threshold <= 1.0
    assert 0.0 <= controls.cooldown_s <= MAX_COOLDOWN_S


@given(
    mute=st.booleans(),
    threshold=st.floats(0.0, 1.0),
    cooldown_s=st.floats(0.0, MAX_COOLDOWN_S),
)
def test_a_formatted_value_is_read_back(*, mute: bool, threshold: float, cooldown_s: float) -> None:
    """The texts on the topics set the same values, to five digits."""
    controls = Controls(mute=mute, threshold=threshold, cooldown_s=cooldown_s)
    again = Controls()
    for name, text in control_texts(controls).items():
        again = with_control(again, name, text.encode())
    assert again.mute == mute
    assert math.isclose(again.threshold, threshold, rel_tol=1e-5, abs_tol=1e-300)
    assert math.isclose(again.cooldown_s, cooldown_s, rel_tol=1e-5, abs_tol=1e-300)
