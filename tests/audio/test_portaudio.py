"""PortAudio is restarted only if its list of devices may be out of date."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from serd.audio.portaudio import PortAudio, device_paths
from serd.errors import DeviceError


class Library:
    """A fake of sounddevice that counts its restarts."""

    class PortAudioError(Exception):
        """The exception of sounddevice."""

    def __init__(self) -> None:
        self.n_restarts = 0
        self.can_start = True
        self._is_initialized = True

    def _terminate(self) -> None:
        if not self._is_initialized:
            raise self.PortAudioError("PortAudio not initialized")
        self._is_initialized = False

    def _initialize(self) -> None:
        if not self.can_start:
            raise self.PortAudioError("Insufficient memory")
        self._is_initialized = True
        self.n_restarts += 1


class Machine:
    """PortAudio on a machine whose sound cards and clock a test sets."""

    def __init__(self, folder: Path) -> None:
        self.cards = folder / "cards"
        self.server = folder / "native"
        self.cards.write_text("no soundcards\n")
        self.now_s = 0.0
        self.library = Library()
        self.portaudio = PortAudio(
            self.library, watched_paths=[self.cards, self.server], monotonic=lambda: self.now_s
        )

    def restarts(self, *times_s: float) -> int:
        """Return the number of restarts for attempts at these times."""
        n_before = self.library.n_restarts
        for self.now_s in times_s:
            self.portaudio.refresh()
        return self.library.n_restarts - n_before


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine without a sound card or a server."""
    return Machine(tmp_path)


def test_a_microphone_that_is_missing_for_a_day_costs_few_restarts(machine: Machine) -> None:
    """A restart at each attempt in the first minute, then once an hour."""
    assert machine.restarts(1.0, 30.0, 59.0) == 3
    assert machine.restarts(*range(60, 60 + 86_400, 30)) in {24, 25}


def _plug_in(machine: Machine) -> None:
    machine.cards.write_text("0 [USB]: USB-Audio\n")


def _start_server(machine: Machine) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(machine.server))


@pytest.mark.parametrize("change", [_plug_in, _start_server])
def test_a_new_device_is_looked_for_at_once_and_for_a_minute(
    machine: Machine, change: Callable[[Machine], None]
) -> None:
    """A card is in the kernel's list before it can be opened, a server listens before it has sources."""
    machine.restarts(*range(0, 300, 30))
    assert machine.restarts(310.0, 320.0) == 0
    change(machine)
    assert machine.restarts(330.0, 340.0, 389.0, 391.0) == 4
    assert machine.restarts(392.0, 420.0, 480.0) == 0


def test_a_restarted_server_counts_as_a_change(machine: Machine) -> None:
    """Its socket is another file of the same name."""
    _start_server(machine)
    machine.restarts(*range(0, 300, 30))
    machine.server.unlink()
    machine.cards.with_name("in between").touch()
    _start_server(machine)
    assert machine.restarts(310.0) == 1


def test_open_streams_are_interrupted_only_for_a_change(machine: Machine) -> None:
    """Each change interrupts them once."""
    interrupted: list[str] = []

    def open_stream() -> None:
        machine.portaudio.register(1, lambda: interrupted.append("stream"))

    open_stream()
    assert machine.restarts(1.0, 30.0, 5000.0) == 0
    _plug_in(machine)
    assert machine.restarts(5001.0) == 1
    open_stream()
    assert machine.restarts(5002.0, 5030.0, 20_000.0) == 0
    assert interrupted == ["stream"]


def test_a_start_that_failed_is_tried_again(machine: Machine) -> None:
    """Until it succeeds, though the devices are the same; the library is not terminated twice."""
    machine.library.can_start = False
    for _ in range(2):
        with pytest.raises(DeviceError, match="PortAudio failed: Insufficient memory"):
            machine.portaudio.refresh()
    machine.library.can_start = True
    machine.now_s = 120.0
    assert machine.portaudio.refresh()
    assert not machine.portaudio.refresh()


def test_the_watched_paths() -> None:
    """The kernel's cards and the sockets of PulseAudio and PipeWire, of this user or named."""
    paths = device_paths({"XDG_RUNTIME_DIR": "/run/user/7", "PULSE_SERVER": "unix:/tmp/pulse"})
    assert paths == [
        Path("/proc/asound/cards"),
        Path("/run/user/7/pulse/native"),
        Path("/run/user/7/pipewire-0"),
        Path("/run/pulse/native"),
        Path("/tmp/pulse"),  # noqa: S108
    ]
    assert Path("/run/pulse/native") in device_paths({"PULSE_SERVER": "tcp:elsewhere"})
