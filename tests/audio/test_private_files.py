"""A private file is read by its owner alone."""

import os
from pathlib import Path

import pytest

from serd.audio.private_files import write_private


@pytest.mark.parametrize("umask", [0o000, 0o777])
@pytest.mark.parametrize("is_synced", [False, True])
def test_its_mode_does_not_depend_on_the_umask(tmp_path: Path, umask: int, *, is_synced: bool) -> None:
    """The owner may read and write, nobody else may do anything."""
    before = os.umask(umask)
    try:
        write_private(tmp_path / "file", b"content", is_synced=is_synced)
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "file").read_bytes() == b"content"


def test_a_link_of_its_name_is_replaced(tmp_path: Path) -> None:
    """What the link points to stays as it is."""
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "file").symlink_to(tmp_path / "precious")
    write_private(tmp_path / "file", b"content")
    assert (tmp_path / "precious").read_text() == "precious"
    assert (tmp_path / "file").read_bytes() == b"content"
