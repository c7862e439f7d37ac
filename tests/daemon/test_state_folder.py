"""The state folder is the one of systemd, else the user's."""

from pathlib import Path

import pytest

from serd.daemon.state import state_folder


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"STATE_DIRECTORY": "/var/lib/serd", "HOME": "/home/pi"}, "/var/lib/serd"),
        ({"STATE_DIRECTORY": "/var/lib/serd:/var/lib/other"}, "/var/lib/serd"),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/pi"}, "/state/serd"),
        ({"XDG_STATE_HOME": "relative", "HOME": "/home/pi"}, "/home/pi/.local/state/serd"),
        ({"STATE_DIRECTORY": "", "HOME": "/home/pi"}, "/home/pi/.local/state/serd"),
        ({}, "/.local/state/serd"),
    ],
)
def test_the_state_folder_comes_from_the_environment(variables: dict[str, str], expected: str) -> None:
    """Systemd's folder comes first; relative paths are ignored, as the XDG specification requires."""
    assert state_folder(variables) == Path(expected)
