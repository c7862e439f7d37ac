"""Sound in the Wyoming protocol, in part against the library of the protocol."""

import asyncio
import io
import json
import os
import socket
import threading
from typing import Any

import numpy as np
import pytest

from serd.audio.listener import Listeners
from serd.audio.opening import SourceOpener
from serd.audio.source import MIX, LiveTimeline, SourceSettings
from serd.audio.stream import ByteStream
from serd.audio.wyoming import EventReader, WyomingDecoder, wyoming_source
from serd.errors import SoundFileError, SourceError, SourceStalledError
from testkit.brokers import free_port, wait_until
from testkit.pipes import dripping
from testkit.voices import synthetic_voice

_VOICE = synthetic_voice(0.5)


def _event(kind: str, payload: bytes = b"", *, inline: bool = False, **data: object) -> bytes:
    """An event as a line of JSON, data and payload."""
    head: dict[str, Any] = {"type": kind}
    body = b"" if inline else json.dumps(data).encode()
    if inline:
        head["data"] = data
    head |= {"data_length": len(body), "payload_length": len(payload)}
    return json.dumps(head).encode() + b"\n" + body + payload


def _chunk(payload: bytes, *, inline: bool = False, **changed: object) -> bytes:
    form: dict[str, object] = {"rate": 16_000, "width": 2, "channels": 1}
    return _event("audio-chunk", payload, inline=inline, **(form | changed))


@pytest.mark.parametrize("n_bytes", [1, 7, 10_000])
@pytest.mark.parametrize("inline", [False, True])
def test_events_may_be_cut_anywhere(n_bytes: int, inline: bool) -> None:  # noqa: FBT001
    """Their values may follow the line, or be in it."""
    data = _event("audio-start", rate=16_000) + _chunk(b"1234", inline=inline) + _event("audio-stop")
    reader = EventReader()
    found = [
        event
        for start in range(0, len(data), n_bytes)
        for event in reader.feed(data[start : start + n_bytes])
    ]
    assert [event.kind for event in found] == ["audio-start", "audio-chunk", "audio-stop"]
    assert found[1].data["rate"] == 16_000
    assert found[1].payload == b"1234"


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"[1]\n",
        b"x" * 70_000,
        b'{"type": "a", "payload_length": 99999999}\n',
        b'{"type": "a", "data_length": -1}\n',
        b'{"type": "a", "data_length": "x"}\n',
        b"[" * 60_000 + b"\n",
        b'{"type": "a", "data": [1]}\n',
        b'{"type": "a", "data": 7, "data_length": 2}\n{}',
    ],
)
def test_what_is_no_event_is_refused(data: bytes) -> None:
    """Nothing that a stranger sends makes memory grow."""
    with pytest.raises(SoundFileError, match="Wyoming event"):
        list(EventReader().feed(data))


@pytest.mark.parametrize(
    "changed",
    [{"width": 4}, {"rate": 10}, {"rate": "16000"}, {"channels": 0}, {"channels": 3}, {"rate": None}],
)
def test_a_format_that_is_not_known_is_refused(changed: dict[str, Any]) -> None:
    """With what came and what is expected."""
    read, write = os.pipe()
    os.write(write, _chunk(bytes(200), **changed))
    os.close(write)
    with pytest.raises(SoundFileError, match="expected whole 16-bit samples"):
        list(WyomingDecoder(ByteStream(read, "satellite", is_owned=True), MIX).blocks(LiveTimeline()))


def test_a_satellite_that_connects_is_heard_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks what serd is, and sends its sound after that."""
    monkeypatch.setattr("serd.audio.stream.STALL_S", 0.5)
    source = wyoming_source("wyoming://:0", channel=MIX, listeners=Listeners())
    data = _VOICE.astype("<i2").tobytes()
    with socket.create_connection(("127.0.0.1", source.port)) as satellite:
        satellite.sendall(_event("describe") + _event("audio-start", rate=16_000, width=2, channels=1))
        satellite.sendall(_chunk(data[:4000]) + _chunk(data[4000:]) + _event("audio-stop"))
        got: list[Any] = []
        with pytest.raises(SourceStalledError):
            _collect(source, got)
        answer = json.loads(satellite.makefile("rb").readline())
    np.testing.assert_array_equal(np.concatenate(got), _VOICE)
    assert answer["type"] == "info"
    source.stop()
    assert list(source) == []


@pytest.mark.parametrize(
    "events",
    [_event("ping"), _event("audio-chunk", rate=16_000, width=2, channels=1)],
    ids=["ping", "empty chunk"],
)
def test_a_client_that_sends_no_sound_stalls(events: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other events, and chunks without a sample, are no sound that a source could be online for."""
    monkeypatch.setattr("serd.audio.stream.STALL_S", 0.2)
    source = wyoming_source("wyoming://:0", channel=MIX, listeners=Listeners())
    give_up = threading.Timer(15.0, source.stop)
    give_up.start()
    with (
        dripping(("127.0.0.1", source.port), events),
        pytest.raises(SourceStalledError, match="gave no sound"),
    ):
        list(source)
    give_up.cancel()


def test_a_client_that_does_not_read_its_answers_is_sent_away() -> None:
    """Its connection is closed, where the source would wait for it for ever; the port stays open."""
    source = wyoming_source("wyoming://:0", channel=MIX, listeners=Listeners())
    ends: list[BaseException] = []

    def hear() -> None:
        try:
            list(source)
        except SourceStalledError as exc:
            ends.append(exc)

    thread = threading.Thread(target=hear, daemon=True)
    with dripping(("127.0.0.1", source.port), 2000 * _event("describe")):
        thread.start()
        wait_until(lambda: not thread.is_alive(), "the end of the connection")
    assert "does not read its answers" in str(ends[0])
    socket.create_connection(("127.0.0.1", source.port)).close()


def _collect(source: Any, got: list[Any]) -> None:  # noqa: ANN401
    """Add the samples of a source to a list, which keeps them if the source fails."""
    for block in source:
        got.append(block.samples)  # noqa: PERF401 - a list made at once would be lost


def _collect_on(source: Any, got: list[Any]) -> None:  # noqa: ANN401
    """Add the samples of a source to a list, across pauses."""
    while True:
        try:
            _collect(source, got)
        except SourceStalledError:
            continue
        return


def test_events_of_the_protocols_library_are_read() -> None:
    """What its microphone service sends, and what it makes of the answer."""
    audio = pytest.importorskip("wyoming.audio", reason="the package wyoming is not installed")
    from wyoming.event import read_event, write_event  # noqa: PLC0415
    from wyoming.info import Info  # noqa: PLC0415

    from serd.audio.wyoming import _INFO  # noqa: PLC0415

    file = io.BytesIO()
    write_event(audio.AudioStart(rate=16_000, width=2, channels=1).event(), file)
    write_event(audio.AudioChunk(rate=16_000, width=2, channels=1, audio=b"1234").event(), file)
    start, chunk = EventReader().feed(file.getvalue())
    assert start.kind == "audio-start"
    assert (chunk.kind, chunk.payload, chunk.data["rate"]) == ("audio-chunk", b"1234", 16_000)
    assert Info.from_event(read_event(io.BytesIO(_INFO))).asr == []


def test_satellites_share_a_port() -> None:
    """Each is a source of its own, told by its address; what they send is of the protocol's library."""
    audio = pytest.importorskip("wyoming.audio", reason="the package wyoming is not installed")
    from wyoming.event import read_event, write_event  # noqa: PLC0415
    from wyoming.info import Describe  # noqa: PLC0415

    port, opener = free_port(), SourceOpener()
    sources = [
        opener.open(
            SourceSettings(input=f"wyoming://:{port}?from=127.0.0.{number}", name=f"room{number}")
        )
        for number in (2, 3)
    ]
    got: list[list[Any]] = [[], []]
    threads = [
        threading.Thread(target=_collect_on, args=pair) for pair in zip(sources, got, strict=True)
    ]
    for thread in threads:
        thread.start()
    for number in (3, 2):
        room = (f"127.0.0.{number}", 0)
        with socket.create_connection(("127.0.0.1", port), source_address=room) as one:
            file = one.makefile("rwb")
            write_event(Describe().event(), file)
            assert read_event(file).type == "info"
            sound = np.full(100, number, "<i2").tobytes()
            write_event(audio.AudioChunk(rate=16_000, width=2, channels=1, audio=sound).event(), file)
            index = number - 2
            wait_until(lambda index=index: got[index], "the chunk")  # type: ignore[misc]
            file.close()
    for source in sources:
        source.stop()
    for thread in threads:
        thread.join()
    assert [sorted({int(value) for part in parts for value in part}) for parts in got] == [[2], [3]]


def test_a_satellite_that_waits_for_a_server_is_told_to_send() -> None:
    """As wyoming-satellite does, which is a server and streams after "run-satellite" alone."""
    audio = pytest.importorskip("wyoming.audio", reason="the package wyoming is not installed")
    from wyoming.satellite import RunSatellite  # noqa: PLC0415
    from wyoming.server import AsyncEventHandler, AsyncTcpServer  # noqa: PLC0415

    class Satellite(AsyncEventHandler):
        async def handle_event(self, event: Any) -> bool:  # noqa: ANN401
            if RunSatellite.is_type(event.type):
                sound = _VOICE.astype("<i2").tobytes()
                chunk = audio.AudioChunk(rate=16_000, width=2, channels=1, audio=sound)
                await self.write_event(chunk.event())
            return False

    port = free_port()
    server = AsyncTcpServer("127.0.0.1", port)

    async def serve() -> None:
        await server.start(Satellite)
        source = wyoming_source(f"wyoming://127.0.0.1:{port}", channel=MIX, listeners=Listeners())
        with pytest.raises(SourceError, match="the connection ended"):
            await asyncio.to_thread(_collect, source, got)
        await server.stop()

    got: list[Any] = []
    asyncio.run(serve())
    np.testing.assert_array_equal(np.concatenate(got), _VOICE)
