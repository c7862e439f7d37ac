"""Raw PCM over TCP, from clients and from servers."""

import socket
import threading

import numpy as np
import pytest
from numpy.typing import NDArray

from serd.audio.listener import Listeners
from serd.audio.opening import is_live
from serd.audio.source import MIX, SourceSettings
from serd.audio.tcp import TcpSource, pcm_over_tcp
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.pipes import dripping
from testkit.voices import synthetic_voice

_VOICE = synthetic_voice(1.0)


@pytest.fixture(autouse=True)
def _short_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serd.audio.stream.STALL_S", 0.2)
    monkeypatch.setattr("serd.audio.stream._STALLED_READ_S", 0.2)


def _collect(source: TcpSource, got: list[NDArray[np.int16]]) -> None:
    """Add the samples of a source to a list, which keeps them if the source fails."""
    for block in source:
        got.append(block.samples)  # noqa: PERF401 - a list made at once would be lost


def _heard(source: TcpSource, n_samples: int) -> NDArray[np.int16]:
    """The next samples, across pauses."""
    got: list[NDArray[np.int16]] = []
    for _ in range(100):
        with pytest.raises(SourceStalledError):
            _collect(source, got)
        if sum(map(len, got)) >= n_samples:
            break
    return np.concatenate(got)


def test_clients_follow_each_other() -> None:
    """Each is read from its first sample; one that sends nothing or a WAV file costs nothing."""
    source = pcm_over_tcp("tcp://:0", channel=MIX, listeners=Listeners())
    for data in (_VOICE.tobytes(), b"", b"RIFF\x24\0\0\0WAVE" + bytes(100), _VOICE.tobytes() + b"x"):
        with socket.create_connection(("127.0.0.1", source.port)) as client:
            client.sendall(data)
        if len(data) > 1000:
            np.testing.assert_array_equal(_heard(source, _VOICE.size), _VOICE)
        else:
            with pytest.raises(SourceStalledError, match=r"without any sound|WAV"):
                list(source)


def test_a_client_that_sends_bytes_but_no_sound_is_reported_and_sent_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each stall is a sign of life for the watchdog, and the next client has its turn."""
    monkeypatch.setattr("serd.audio.tcp._HANG_S", 0.5)
    source = pcm_over_tcp("tcp://:0", channel=MIX, listeners=Listeners())
    give_up = threading.Timer(15.0, source.stop)
    give_up.start()
    with dripping(("127.0.0.1", source.port), b"\xff"):
        with pytest.raises(SourceStalledError, match=r"gave no sound for 0 s$"):
            list(source)
        while True:
            with pytest.raises(SourceStalledError) as caught:
                list(source)
            if str(caught.value).endswith("the connection is closed"):
                break
    with socket.create_connection(("127.0.0.1", source.port)) as client:
        client.sendall(_VOICE.tobytes())
    np.testing.assert_array_equal(_heard(source, _VOICE.size), _VOICE)
    give_up.cancel()


def test_it_listens_on_this_machine_alone_unless_told() -> None:
    """An address of all interfaces is for the user to choose."""
    source = pcm_over_tcp("tcp://:0", channel=MIX, listeners=Listeners())
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", source.port))
    with pytest.raises(SourceError, match=r"cannot listen on tcp://:\d+: Address already in use"):
        pcm_over_tcp(f"tcp://:{source.port}", channel=MIX, listeners=Listeners())


def test_a_format_is_given_in_the_url() -> None:
    """Here two channels at 48 kHz, the second of which is used."""
    source = pcm_over_tcp("tcp://:0?rate=48000&channels=2", channel="2", listeners=Listeners())
    tone = np.rint(8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000))
    data = np.stack([np.zeros_like(tone), tone], axis=1).astype("<i2").tobytes()

    def send() -> None:
        with socket.create_connection(("127.0.0.1", source.port)) as client:
            client.sendall(data)

    thread = threading.Thread(target=send)
    thread.start()
    got = _heard(source, 15_000)
    thread.join()
    assert got.size == pytest.approx(16_000, abs=400)
    assert np.abs(got).max() == pytest.approx(8000, abs=200)
    assert source.describe() == "clients of tcp://:0 (48 kHz 2 channels S16_LE)"


def test_a_server_is_connected_to() -> None:
    """Its end is an error, after which the feeder connects again."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.sendall(_VOICE.tobytes())

        thread = threading.Thread(target=serve)
        thread.start()
        source = pcm_over_tcp(f"tcp://127.0.0.1:{port}", channel=MIX, listeners=Listeners())
        got: list[NDArray[np.int16]] = []
        with pytest.raises(SourceError, match="the connection ended"):
            _collect(source, got)
        thread.join()
    np.testing.assert_array_equal(np.concatenate(got), _VOICE)
    with pytest.raises(SourceError, match="cannot be reached: Connection refused"):
        list(pcm_over_tcp(f"tcp://127.0.0.1:{port}", channel=MIX, listeners=Listeners()))


@pytest.mark.parametrize("connects", [False, True])
def test_stop_ends_the_wait(connects: bool) -> None:  # noqa: FBT001
    """For a client, and for the bytes of one."""
    source = pcm_over_tcp("tcp://:0", channel=MIX, listeners=Listeners())
    client = socket.create_connection(("127.0.0.1", source.port)) if connects else None
    threading.Timer(0.05, source.stop).start()
    assert list(source) == []
    if client is not None:
        client.close()


@pytest.mark.parametrize(
    "url",
    [
        "tcp://",
        "tcp://host",
        "tcp://host:port",
        "tcp://host:99999",
        "tcp://:1/path",
        "tcp://:1?rate=x",
        "tcp://:1?rate=10",
        "tcp://:1?channels=0",
        "tcp://:1?channels=65",
        "tcp://:1?other=1",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    """With what is expected."""
    with pytest.raises(SoundFileError, match="expected"):
        pcm_over_tcp(url, channel=MIX, listeners=Listeners())


def test_a_channel_must_exist() -> None:
    """The second of one does not."""
    with pytest.raises(SoundFileError, match="channel = '2', expected 'mix' or a number from 1 to 1"):
        pcm_over_tcp("tcp://:0", channel="2", listeners=Listeners())


def test_it_is_live() -> None:
    """A lost server is connected to again."""
    assert is_live(SourceSettings(input="tcp://host:4000"))
