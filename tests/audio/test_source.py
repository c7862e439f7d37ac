"""The settings of a source."""

import pytest

from serd.audio.source import SourceSettings, channel_column


@pytest.mark.parametrize(("channel", "column"), [("mix", None), ("1", 0), ("2", 1)])
def test_a_channel_is_a_column(channel: str, column: int | None) -> None:
    """Numbers count from 1, columns from 0."""
    assert channel_column(channel, 2) == column
    assert channel_column(channel) == column


@pytest.mark.parametrize("channel", ["0", "3", "-1", "left", ""])
def test_a_channel_that_does_not_exist_is_named(channel: str) -> None:
    """With those that do."""
    with pytest.raises(
        ValueError, match=f"channel = '{channel}', expected 'mix' or a number from 1 to 2"
    ):
        channel_column(channel, 2)


@pytest.mark.parametrize("channel", ["0", "-1", "left"])
def test_the_settings_take_no_channel_that_no_source_has(channel: str) -> None:
    """Before the source is open and tells how many it has."""
    assert [key for key, _ in SourceSettings(channel=channel).problems()] == ["channel"]
    assert not list(SourceSettings(channel="3").problems())
