"""``serd watch``: its view without a broker, and the command with a real one."""

import io
import json
import math
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from queue import Empty, Queue
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from serd.cli.watch import Feed, _print_lines
from serd.cli.watch_drawing import plain_line, render
from serd.cli.watch_view import STALE_S, WatchState
from serd.daemon.supervisor import Supervisor
from serd.events.alert import MAX_ALERTS
from serd.events.mood import HeardSpeech, MoodSettings, MoodTracker, mood_json
from serd.mqtt.broker import EmbeddedBroker
from serd.publishers import Context
from serd.publishers.mqtt import Settings, create
from testkit.brokers import DEADLINE_S, free_port, mosquitto, wait_until
from testkit.daemons import serd
from testkit.made_events import make_event
from testkit.made_moods import heard


def view_text(state: WatchState, *, width: int = 100) -> str:
    """The view for a terminal of this width, as text."""
    drawn = io.StringIO()
    console = Console(file=drawn, width=width, height=30)
    console.print(render(state, "connected to broker b:1883", is_up=True, n_columns=width))
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
    assert "12:30:15  utterance 3.0 s positive" in shown
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
    """The marks follow the retained topics of the source; nobody speaks where nothing is heard."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/speech", b"ON")
    assert "speaking" in view_text(state)
    for name, payload in (("availability", b"offline"), ("mute", b"ON")):
        state.apply(f"serd/pi/mic/{name}", payload)
    assert "unavailable, muted" in view_text(state)
    assert "speaking" not in view_text(state)
    for name, payload in (("availability", b"online"), ("mute", b"OFF")):
        state.apply(f"serd/pi/mic/{name}", payload)
    assert not any(mark in view_text(state) for mark in ("unavailable", "muted", "speaking"))


def mood_message(*heard_speech: HeardSpeech) -> bytes:
    """The message with a mood."""
    tracker = MoodTracker(MoodSettings())
    for each in heard_speech:
        tracker.add(each, 0.0)
    return mood_json(tracker.mood, "2026-11-29T02:00:00+01:00").encode()


def test_mood_and_alerts_of_a_source_are_shown() -> None:
    """The mood of five minutes, each alert with its state, and none that was removed."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/mood", mood_message(heard("angry", 30.0), heard("sad", 10.0)))
    state.apply("serd/pi/mic/alert/angry", b"ON")
    state.apply("serd/pi/mic/alert/sad", b"OFF")
    state.apply("serd/pi/mic/alert/old", b"ON")
    state.apply("serd/pi/mic/alert/old", b"")
    shown = view_text(state)
    assert "mood      angry 75 % of 40 s of speech in 5 min" in shown
    assert "alert     angry ON" in shown
    assert "alert     sad OFF" in shown
    assert "old" not in shown
    state.apply("serd/pi/mic/mood", mood_message())
    assert "mood" not in view_text(state)


def test_mood_and_alerts_of_a_node_that_is_offline_are_not_shown() -> None:
    """Nobody keeps them up to date."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/mood", mood_message(heard("angry", 30.0)))
    state.apply("serd/pi/mic/alert/angry", b"ON")
    state.apply("serd/pi/status", b"offline")
    assert not any(word in view_text(state) for word in ("mood", "alert"))


@pytest.mark.parametrize("payload", [b"", b"{", b"[1]", b'{"medium": {"emotion": 1}}', b"[" * 4000])
def test_a_mood_that_is_none_is_not_shown(payload: bytes) -> None:
    """Nor does it end the command; the names of alerts cannot control the terminal."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/mood", payload)
    assert "mood" not in view_text(state)
    for number in range(100):
        state.apply(f"serd/pi/mic/alert/\x1b[2J{number}", b"ON")
    assert "\x1b" not in view_text(state)
    assert len(state.nodes["pi"].sources["mic"].alerts) == MAX_ALERTS


def test_the_problem_of_a_source_is_shown() -> None:
    """Until it is none; like all messages it cannot control the terminal."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/problem", b"gives digital silence\x1b[2J " + b"x" * 300)
    assert "gives digital silence?[2J" in view_text(state)
    assert view_text(state).count("x") < 200
    assert "\x1b[2J" not in view_text(state)
    state.apply("serd/pi/mic/problem", b"none")
    assert "silence" not in view_text(state)


def test_the_headline_is_the_emotion_of_the_bars() -> None:
    """An event decides on both, also an uncertain one after a state that was certain."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/state", b"happy")
    assert "mic         happy" in view_text(state)
    feed(state, "uncertain")
    assert "mic         uncertain" in view_text(state)
    assert "87 %" in view_text(state)


FORGETTING = [
    ("serd/pi/mic/state", b"none"),
    ("serd/pi/mic/availability", b"offline"),
    ("serd/pi/mic/mute", b"ON"),
    ("serd/pi/status", b"offline"),
]


@pytest.mark.parametrize(("topic", "payload"), FORGETTING)
def test_bars_go_with_their_reason(topic: str, payload: bytes) -> None:
    """The end of a state, a loss, a mute and the end of the daemon leave no bars."""
    state = WatchState(prefix="serd")
    feed(state, "happy")
    state.apply(topic, payload)
    assert "87 %" not in view_text(state)


def test_bars_and_level_go_when_they_are_old() -> None:
    """After 30 s without a message of their kind; without a connection at once."""
    now_s = 100.0
    state = WatchState(prefix="serd", clock=lambda: now_s)

    def shows() -> tuple[bool, bool]:
        state.forget_stale(is_connected=is_connected)
        return "87 %" in view_text(state), "-31 dBFS" in view_text(state)

    def hear() -> None:
        feed(state, "uncertain")
        state.apply("serd/pi/mic/level", b'{"level_dbfs": -31.4, "guesses": {}}')

    is_connected = True
    hear()
    now_s += STALE_S
    assert shows() == (True, True)
    now_s += 1.0
    assert shows() == (False, False)
    hear()
    is_connected = False
    assert shows() == (False, False)


def test_a_replayed_event_is_only_history() -> None:
    """It is marked in a plain line, and says nothing about now in the view."""
    state = WatchState(prefix="serd")
    event = replace(make_event(), replayed=True)
    view = state.apply("serd/pi/mic/event", event.to_json().encode())
    assert view is not None
    assert plain_line(view).endswith("replayed")
    assert "87 %" not in view_text(state)
    assert "newest ←  hap" in view_text(state)


@pytest.mark.parametrize(
    "payload", [b"", b"loud", b"{}", b'{"level_dbfs": null}', b'{"level_dbfs": NaN}']
)
def test_a_malformed_level_is_no_level(payload: bytes) -> None:
    """Nothing is shown, and nothing raised."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/level", payload)
    assert "dBFS" not in view_text(state)


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_view_fits_on_terminals(utc: None, width: int) -> None:
    """Level, details and all bars with their numbers are whole on 40 to 200 columns."""
    state = WatchState(prefix="serd")
    state.apply("serd/pi/mic/level", b'{"level_dbfs": -31.4, "guesses": {}}')
    feed(state, "happy")
    lines = view_text(state, width=width).splitlines()
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "-31 dBFS" in text
    assert "utterance 3.0 s positive" in text
    assert "87 %" in text
    assert "…" not in text


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
def watching(
    *args: str, stdout: int = subprocess.PIPE, term: str = "xterm", encoding: str = "utf-8"
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``serd watch`` in a process of its own, which is killed at the end of the block."""
    size = {"COLUMNS": "100", "LINES": "30"}
    environment = os.environ | size | {"TERM": term, "PYTHONIOENCODING": encoding}
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
    feed_without_messages = Feed(Settings(host="localhost"), ["serd/+/status"], prints_status=False)
    waits_s: list[float] = []

    class Silence(Queue[tuple[str, bytes] | None]):
        def get(self, block: bool = True, timeout: float | None = None) -> NoReturn:  # noqa: FBT001, FBT002
            waits_s.append(math.inf if timeout is None or not block else timeout)
            raise Empty if len(waits_s) < 3 else KeyboardInterrupt

    feed_without_messages.items = Silence()
    with pytest.raises(KeyboardInterrupt):
        assert not any(feed_without_messages.batches())
    assert max(waits_s) <= 1.0


def test_names_from_outside_are_bounded() -> None:
    """However many nodes and sources a broker names, the latest 200 of each remain."""
    state = WatchState(prefix="serd")
    for i in range(300):
        state.apply(f"serd/one/source{i}/speech", b"ON")
    assert list(state.nodes["one"].sources) == [f"source{i}" for i in range(100, 300)]
    for i in range(300):
        state.apply(f"serd/node{i}/status", b"online")
    assert list(state.nodes) == [f"node{i}" for i in range(100, 300)]


def test_messages_that_are_not_taken_are_bounded(capsys: pytest.CaptureFixture[str]) -> None:
    """If the output is read too slowly, the latest 1,000 messages remain; a line counts the others."""
    feed = Feed(Settings(host="localhost"), ["serd/+/status"], prints_status=False)
    for i in range(1_234):
        feed.received("serd/pi/status", str(i).encode())

    class State(WatchState):
        def apply(self, topic: str, payload: bytes) -> NoReturn:
            raise KeyboardInterrupt(topic, payload)

    with pytest.raises(KeyboardInterrupt) as first:
        _print_lines(feed, State(prefix="serd"))
    assert first.value.args == ("serd/pi/status", b"234")
    assert capsys.readouterr().err == "serd: left out 234 messages: the output is read too slowly\n"


@contextmanager
def terminal() -> Iterator[tuple[int, Callable[[bytes], bool]]]:
    """A pseudoterminal: its file descriptor for a program, and whether it has shown some bytes."""
    leader, follower = pty.openpty()
    os.set_blocking(leader, False)
    drawn = bytearray()

    def shows(text: bytes) -> bool:
        with suppress(BlockingIOError):
            drawn.extend(os.read(leader, 65536))
        return text in drawn

    try:
        yield follower, shows
    finally:
        os.close(follower)
        os.close(leader)


@pytest.mark.parametrize("encoding", ["utf-8", "iso8859-1", "ascii"])
def test_the_live_view_on_a_terminal(encoding: str) -> None:
    """In every encoding it shows the retained state, and SIGTERM ends it with 0."""
    with mosquitto() as broker, terminal() as (follower, shows):
        broker.publish("serd/pi/status", "online", retain=True)
        broker.publish("serd/pi/mic/state", "surprised", retain=True)
        address = ("--host", broker.host, "--port", str(broker.port))
        with watching(*address, stdout=follower, encoding=encoding) as process:
            wait_until(lambda: shows(b"surprised"), "the state on the screen")
            process.terminate()
            assert process.wait(DEADLINE_S) == 0


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


def test_a_dumb_terminal_gets_lines() -> None:
    """It has no live view, so it gets the events as a pipe does."""
    with mosquitto() as broker, terminal() as (follower, shows):
        address = ("--host", broker.host, "--port", str(broker.port))
        with watching(*address, stdout=follower, term="dumb") as process:
            wait_until(lambda: " serd/+/+/mute" in broker.log, "the subscription")
            broker.publish("serd/pi/mic/event", make_event().to_json())
            wait_until(lambda: shows(b"pi/mic"), "the event on the screen")
            process.terminate()
            assert process.wait(DEADLINE_S) == 0
