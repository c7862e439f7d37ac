"""A picture is there whole or not at all."""

from pathlib import Path

import pytest

from serd.errors import OperationError
from train.report.drawing import COLORS, lighter, new_figure, save_figure


def test_a_picture_is_written_into_a_new_folder(tmp_path: Path) -> None:
    """As a PNG, with nothing beside it."""
    path = save_figure(new_figure(2.0, 1.0), tmp_path / "a" / "b.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [each.name for each in path.parent.iterdir()] == ["b.png"]


def test_a_picture_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """An error with the path, and no half-written file."""
    (tmp_path / "b.png").mkdir()
    (tmp_path / "b.png" / "x").touch()
    with pytest.raises(OperationError, match=r"b\.png: cannot be written"):
        save_figure(new_figure(2.0, 1.0), tmp_path / "b.png")
    assert [each.name for each in tmp_path.iterdir()] == ["b.png"]


@pytest.mark.parametrize("color", COLORS.values())
def test_a_tint_is_lighter(color: str) -> None:
    """In each of red, green and blue, for every color in use."""
    red, green, blue = (int(color[place : place + 2], 16) / 255 for place in (1, 3, 5))
    assert all(tint > part for tint, part in zip(lighter(color), (red, green, blue), strict=True))
