"""The state folder is the one of systemd, else the user's; its files are private, and not trusted."""

import json
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from serd.audio.folders import state_folder
from serd.daemon.state import ControlStore, StateFile
from serd.events.controls import Controls
from testkit.brokers import logged_lines

_LOG = logging.getLogger("serd.state")


@pytest.fixture
def open_umask() -> Iterator[None]:
    """A umask that takes no permission away."""
    before = os.umask(0)
    yield
    os.umask(before)


def state_file(folder: Path) -> StateFile:
    """A state file in a folder."""
    return StateFile(folder / "state.json", _LOG, fallback="there are no values")


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


@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_can_read_the_state(tmp_path: Path) -> None:
    """A new folder has the mode 0700 and a file 0600, whatever the umask."""
    state_file(tmp_path / "serd").write({"mic": {"mute": "ON"}})
    assert stat.S_IMODE((tmp_path / "serd").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "serd" / "state.json").stat().st_mode) == 0o600


def test_a_link_is_never_followed(tmp_path: Path) -> None:
    """A link with the name of the temporary file is replaced, and its target stays as it is."""
    target = tmp_path / "precious"
    target.write_text("unchanged")
    (tmp_path / "state.part").symlink_to(target)
    state_file(tmp_path).write({"mic": {"mute": "ON"}})
    assert target.read_text() == "unchanged"
    assert state_file(tmp_path).read() == {"mic": {"mute": "ON"}}


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 100_000,
        b'{"mic": {"mute": ' + b"[" * 100_000,
        b'{"mic": {"mute": ' + b"1" * 5000 + b"}}",
        b'{"mic": {"mute": "' + b"x" * 1_000_000 + b'"}}',
        b"\xff\xfe\xfd",
        b"[]",
        b"1",
        b"",
    ],
    ids=["nested", "nested value", "digits", "large", "bytes", "list", "number", "empty"],
)
def test_a_file_that_cannot_be_read_counts_as_empty(tmp_path: Path, content: bytes) -> None:
    """One line in the log names it."""
    (tmp_path / "state.json").write_bytes(content)
    with logged_lines() as lines:
        assert state_file(tmp_path).read() == {}
    assert len([line for line in lines if "state.json: cannot be read" in line]) == 1


def test_values_of_another_shape_are_left_out(tmp_path: Path) -> None:
    """The others are read, and the file can be written again."""
    deep = "[" * 900 + "]" * 900
    (tmp_path / "state.json").write_text(f'{{"mic": {{"mute": "ON", "x": {deep}, "y": {{}}}}, "z": 1}}')
    saved = state_file(tmp_path).read()
    assert saved == {"mic": {"mute": "ON"}}
    state_file(tmp_path).write(saved)
    assert state_file(tmp_path).read() == saved


@pytest.mark.parametrize("value", ['"\\ud800"', "null", "1e999", "[1]", "1" * 400])
def test_a_malformed_control_has_its_default(tmp_path: Path, value: str) -> None:
    """It is logged, and the source starts."""
    (tmp_path / "controls.json").write_text(f'{{"mic": {{"mute": {value}}}}}')
    with logged_lines() as lines:
        assert ControlStore(tmp_path).controls("mic", Controls()) == Controls()
    assert len([line for line in lines if "mute of mic" in line]) == 1


class WritesOfControls:
    """A store of controls with a clock that stands still, and the number of times it was written."""

    def __init__(self, folder: Path) -> None:
        self.now_s = 5.0
        self.store = ControlStore(folder, lambda: self.now_s)
        self._path = folder / "controls.json"

    def mute(self, *, is_on: bool) -> None:
        """Save a value of the control."""
        self.store.save("mic", "mute", Controls(mute=is_on))

    def was_written(self) -> bool:
        """Whether the file was written since the last call."""
        is_written = self._path.exists()
        self._path.unlink(missing_ok=True)
        return is_written


def test_an_unchanged_control_writes_nothing(tmp_path: Path) -> None:
    """The first value is written, even if it is the default; the same one again is not."""
    writes = WritesOfControls(tmp_path)
    writes.mute(is_on=False)
    assert writes.was_written()
    writes.now_s += 60.0
    writes.mute(is_on=False)
    writes.store.write_changes(is_last=True)
    assert not writes.was_written()


def test_controls_are_written_once_a_second(tmp_path: Path) -> None:
    """A change that comes too early is written when its second is over, or at the end."""
    writes = WritesOfControls(tmp_path)
    writes.mute(is_on=True)
    assert writes.was_written()
    for number in range(100):
        writes.mute(is_on=number % 2 == 0)
        writes.store.write_changes()
    assert not writes.was_written()
    writes.now_s += 1.0
    writes.store.write_changes()
    assert writes.was_written()
    writes.mute(is_on=True)
    assert not writes.was_written()
    writes.store.write_changes(is_last=True)
    assert ControlStore(tmp_path).controls("mic", Controls()) == Controls(mute=True)


def test_a_file_of_a_later_format_is_left_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is read from it, a line says what to do, and it is not written."""
    path = tmp_path / "state.json"
    path.write_text('{"$format": 2, "mic": {"mute": "ON"}}')
    before = path.read_bytes()
    file = state_file(tmp_path)
    assert file.read() == {}
    assert "of format 2, and this serd knows formats up to 1: install the serd that wrote" in caplog.text
    file.write({"mic": {"mute": "OFF"}})
    assert path.read_bytes() == before


def test_a_file_from_before_formats_is_read_and_gets_one(tmp_path: Path) -> None:
    """The format is beside the sources, where an earlier serd passes over it."""
    path = tmp_path / "state.json"
    path.write_text('{"mic": {"mute": "ON"}}')
    file = state_file(tmp_path)
    saved = file.read()
    assert saved == {"mic": {"mute": "ON"}}
    file.write(saved)
    assert json.loads(path.read_text()) == {"$format": 1, "mic": {"mute": "ON"}}
    assert state_file(tmp_path).read() == saved
