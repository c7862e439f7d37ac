"""Names of sources and alerts can be a level of a topic."""

import pytest

from serd.audio.names import is_name


@pytest.mark.parametrize("text", ["mic", "at-the_door.2", "küche", "7"])
def test_letters_digits_and_three_marks_make_a_name(text: str) -> None:
    """Letters of any alphabet."""
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "a/b", "a b", "+", "#", "a\n", "a\0"])
def test_what_has_a_meaning_in_a_topic_makes_none(text: str) -> None:
    """Nor do blanks, or nothing at all."""
    assert not is_name(text)
