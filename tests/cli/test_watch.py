"""``serd watch``: its view without a broker, and the command with a real one."""

import io
import json
import math
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from serd.cli.watch import Feed
from serd.cli.watch_view import WatchState, plain_line, render
from serd.daemon.supervisor import Supervisor
from serd.mqtt.broker import EmbeddedBroker
from serd.publishers import Context
from serd.publishers.mqtt import Settings, create
from testkit.brokers import DEADLINE_S, free_port, mosquitto, wait_until
from testkit.daemons import serd
from testkit.made_events import make_event


def view_text(state: WatchState, *, width: int = 100) -> str:
    """The view for a terminal of this width, as text."""
    drawn = io.StringIO()
    console = Console(file=drawn, width=width, height=30)
    console.print(render(state, "connected to broker somewhere:1883", is_up=True))
    return drawn.getvalue()


def feed(state: WatchState, *emotions: str) -> None:
    """Apply an utterance event of each emotion, in order."""
    for number, emotion in enumerate(emotions):
        event = make_event(number, emotion=emotion)
        state.apply("serd/pi/mic/event", event.to_json().encode())


def test_the_view_shows_node_state_scores_and_history(utc: None) -> None:
    """It has the node's status, the state, the latest event, bars and the history."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/status", b"online")
    state.apply("serd/pi/mic/state", b"happy")
    feed(state, "angry", "happy")
    shown = view_text(state)
    assert "● pi online" in shown
    assert "mic         happy" in shown
    assert "12:30:15  utterance, 3.0 s, positive" in shown
    assert "happy     ███" in shown
    assert "87 %" in shown
    assert "newest ←  hap ang" in shown


def test_the_view_without_messages_or_sources() -> None:
    """An empty state and a node without sources have a line each."""
    state = WatchState(prefix="serd")
    assert "no message from any node yet" in view_text(state)
    state.apply("serd/pi/status", b"offline")
    assert "pi offline" in view_text(state)
    assert "no sound source yet" in view_text(state)


def test_history_holds_the_latest_twenty_utterances() -> None:
    """Windows do not count, and the twenty-first utterance replaces the first."""
    state = WatchState(prefix="serd")
    feed(state, "sad", *["calm"] * 20)
    state.apply("serd/pi/mic/event", make_event(kind="window", emotion="sad").to_json().encode())
    assert list(state.nodes["pi"].sources["mic"].history) == ["calm"] * 20


def test_unavailable_muted_and_speaking_sources_are_marked() -> None:
    """The marks follow the retained topics of the source."""
    state = WatchState(prefix="serd")
    for name, payload in (("availability", b"offline"), ("mute", b"ON"), ("speech", b"ON")):
        state.apply(f"serd/pi/mic/{name}", payload)
    assert "unavailable, muted, speaking" in view_text(state)
    for name, payload in (("availability", b"online"), ("mute", b"OFF"), ("speech", b"OFF")):
        state.apply(f"serd/pi/mic/{name}", payload)
    assert not any(mark in view_text(state) for mark in ("unavailable", "muted", "speaking"))


def test_the_problem_of_a_source_is_shown() -> None:
    """Until it is none; like all messages it cannot control the terminal."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/problem", b"gives digital silence\x1b[2J " + b"x" * 300)
    assert "gives digital silence?[2J" in view_text(state)
    assert view_text(state).count("x") < 200
    assert "\x1b[2J" not in view_text(state)
    state.apply("serd/pi/mic/problem", b"none")
    assert "silence" not in view_text(state)


def test_a_single_node_can_be_selected() -> None:
    """Other nodes are neither subscribed to nor shown."""
    state = WatchState(prefix="serd", node="hall/1")
    assert all(each.startswith("serd/hall_1/") for each in state.topic_filters)
    for node in ("hall_1", "pi"):
        state.apply(f"serd/{node}/status", b"online")
    assert list(state.nodes) == ["hall_1"]


def test_other_topics_are_ignored() -> None:
    """Topics of other programs, and those of later versions, change nothing."""
    state = WatchState(prefix="serd")
    for topic in ("other/pi/status", "serd", "serd/pi", "serd/a/b/c/d", "serd/pi/stats"):
        assert state.apply(topic, b"online") is None
    assert not state.nodes


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"[]",
        b"{}",
        b'"text"',
        make_event().to_json().replace("0.87", "NaN").encode(),
        make_event().to_json().replace("2025-03-01T12:30:15.250+00:00", "yesterday").encode(),
        json.dumps({**json.loads(make_event().to_json()), "scores": [1]}).encode(),
        json.dumps({**json.loads(make_event().to_json()), "end_s": None}).encode(),
        b"[" * 100_000,
    ],
)
def test_malformed_events_are_ignored(payload: bytes) -> None:
    """A malformed event changes nothing and raises no error."""
    state = WatchState(prefix="serd")
    assert state.apply("serd/pi/mic/event", payload) is None
    view_text(state)


@given(
    topic=st.sampled_from(["serd/pi/mic/event", "serd/pi/mic/state", "serd/pi/status"])
    | st.text().map(lambda text: f"serd/{text}"),
    payload=st.binary() | st.text().map(str.encode),
)
def test_no_message_breaks_the_view(topic: str, payload: bytes) -> None:
    """Any bytes on any topic can be applied and drawn."""
    state = WatchState(prefix="serd")
    state.apply(topic, payload)
    view_text(state, width=40)


def test_no_message_controls_the_terminal() -> None:
    """Escape sequences and markup in names and payloads have no effect."""
    state = WatchState(prefix="serd")
    state.apply("serd/\x1b[2J/mic/state", b"\x1b]0;title\x07[bold]x[/bold]")
    event = replace(make_event(emotion="\x1b[31m"), source="mic")
    view = state.apply("serd/pi/mic/event", event.to_json().encode())
    assert view is not None
    assert "\x1b" not in view_text(state) + plain_line(view)
    assert "[bold]x[/bold]" in view_text(state)


@contextmanager
def watching(*args: str, stdout: int = subprocess.PIPE) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``serd watch`` in a process of its own, which is killed at the end of the block."""
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    with subprocess.Popen(
        [sys.executable, "-m", "serd", "watch", *args],
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=environment,
        cwd=Path(__file__).parents[2],
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_lines_from_a_real_broker_that_starts_late() -> None:
    """Without a terminal it retries the connection, prints events, and ends with 0 on Ctrl-C."""
    with mosquitto() as broker:
        broker.stop()
        with watching("--host", broker.host, "--port", str(broker.port)) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            line = process.stderr.readline().decode()
            assert f"broker 127.0.0.1:{broker.port} cannot be reached: connection refused" in line
            broker.start()
            assert b"connected" in process.stderr.readline()
            publisher = create(
                Settings(host=broker.host, port=broker.port),
                Context(node="pi", sources=("mic",), threads=Supervisor()),
            )
            assert publisher is not None
            publisher.start()
            wait_until(lambda: " serd/+/+/mute" in broker.log, "the subscriptions")
            publisher.publish(make_event())
            publisher.close(DEADLINE_S)
            assert process.stdout.readline().split()[1:4] == [b"pi/mic", b"utterance", b"happy"]
            process.send_signal(signal.SIGINT)
            assert process.wait(DEADLINE_S) == 0


def test_a_signal_just_before_a_wait_is_handled_soon() -> None:
    """Every wait has a time limit, since Python handles signals only between two waits."""
    feed_without_messages = Feed(Settings(host="localhost"), ["serd/+/status"])
    waits_s: list[float] = []

    class Silence(SimpleQueue[tuple[str, bytes] | None]):
        def get(self, block: bool = True, timeout: float | None = None) -> NoReturn:  # noqa: FBT001, FBT002
            waits_s.append(math.inf if timeout is None or not block else timeout)
            raise Empty if len(waits_s) < 3 else KeyboardInterrupt

    feed_without_messages.items = Silence()
    with pytest.raises(KeyboardInterrupt):
        next(feed_without_messages.batches())
    assert max(waits_s) <= 1.0


def test_the_live_view_on_a_terminal() -> None:
    """On a terminal it shows the retained state, and SIGTERM ends it with 0."""
    leader, follower = pty.openpty()
    with mosquitto() as broker:
        broker.publish("serd/pi/status", "online", retain=True)
        broker.publish("serd/pi/mic/state", "surprised", retain=True)
        with watching("--host", broker.host, "--port", str(broker.port), stdout=follower) as process:
            os.close(follower)
            os.set_blocking(leader, False)
            drawn = bytearray()

            def shows(text: bytes) -> bool:
                with suppress(BlockingIOError):
                    drawn.extend(os.read(leader, 65536))
                return text in drawn

            wait_until(lambda: shows(b"surprised"), "the state on the screen")
            process.terminate()
            assert process.wait(DEADLINE_S) == 0
    os.close(leader)


def test_the_broker_inside_serd_is_watched(tmp_path: Path) -> None:
    """Without --host, if the usual port has no broker."""
    broker = EmbeddedBroker(0, Supervisor())
    extra = {"SERD_MQTT_PORT": str(free_port()), "SERD_MQTT_INNER_PORT": str(broker.port)}
    try:
        with serd("watch", home=tmp_path, extra=extra) as watcher:
            watcher.wait_for_log(f"connected to broker localhost:{broker.port}")
            assert watcher.stop() == 0
    finally:
        broker.stop(2.0)
