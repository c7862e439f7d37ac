"""The page as a publisher, and what its API says about the present and the past."""

import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from serd.errors import LibraryError, PublishError, SettingsError
from serd.events.controls import Controls
from serd.events.reports import (
    AlertReport,
    AvailabilityReport,
    ControlReport,
    LevelReport,
    RefusalReport,
    SpeechReport,
)
from serd.publishers import Context
from serd.publishers.group import PublisherGroup
from serd.publishers.history import HISTORY_FILE
from serd.publishers.web import Settings, Web, create
from serd.settings.loader import load_settings
from testkit.brokers import free_port, wait_until
from testkit.made_events import make_event
from testkit.made_history import make_history, timed_event
from testkit.web_client import Command, Start, WebClient


def test_it_is_off_by_default(context: Context) -> None:
    """No port is opened."""
    assert create(Settings(), context) is None


def test_a_missing_library_is_named(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(LibraryError, match=r"pip install 'serd\[web\]'"):
        create(Settings(enabled=True), context)


def test_a_port_in_use_is_refused(page: Web, context: Context) -> None:
    """The error names the address."""
    second = create(Settings(enabled=True, port=page.port), context)
    assert second is not None
    with pytest.raises(PublishError, match=rf"cannot listen on 127\.0\.0\.1:{page.port}"):
        second.start()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "pi.local"])
def test_another_address_needs_a_password(host: str) -> None:
    """Settings that would show the household to the network are refused."""
    with pytest.raises(SettingsError, match=r"WEB_HOST.*expected.*password_hash"):
        load_settings(environment={"SERD_WEB_HOST": host})


def test_the_state_follows_the_reports(page: Web, client: WebClient) -> None:
    """Each source has its availability, voice, level, controls, alerts and latest event."""
    event = make_event(emotion="angry")
    for report in (
        AvailabilityReport(source="mic", is_alive=True),
        SpeechReport(source="mic", is_speaking=True),
        LevelReport(source="mic", level_dbfs=-31.5, guesses={}),
        ControlReport(source="mic", controls=Controls(threshold=0.4)),
        AlertReport(source="mic", name="angry", is_on=True),
        event,
    ):
        page.publish(report)
    state = client.ask("/api/v1/state").json
    (mic,) = state["sources"]
    assert (state["node"], state["broker"], state["parts"]["web"]) == ("pi", None, "works")
    assert (mic["online"], mic["speaking"], mic["level_dbfs"]) == (True, True, -31.5)
    assert mic["controls"] == {"mute": False, "threshold": 0.4, "cooldown_s": 0.0}
    assert mic["alerts"] == {"angry": True}
    assert mic["event"]["id"] == event.id
    assert [each["on"] for each in client.ask("/api/v1/alerts").json["changes"]] == [True]


class TestEvents:
    """The stream."""

    def test_begins_with_the_state_and_follows_with_changes(self, page: Web, client: WebClient) -> None:
        """An event has the JSON that MQTT has, and arrives at once."""
        page.publish(SpeechReport(source="mic", is_speaking=True))
        with client.stream() as events:
            first = next(events)
            assert first.kind == "state"
            assert first.body["sources"][0]["speaking"] is True
            event = make_event()
            page.publish(event)
            second = next(events)
            assert (second.kind, second.body["id"]) == ("event", event.id)

    def test_goes_on_after_the_last_one(self, page: Web, client: WebClient) -> None:
        """A page that comes back gets what it has missed, and no state."""
        with client.stream() as events:
            next(events)
            page.publish(make_event(1))
            last = next(events)
        for number in (2, 3):
            page.publish(make_event(number))
        with client.stream(last.id) as events:
            assert [each.body["id"] for each in islice(events, 2)] == ["2", "3"]

    @pytest.mark.parametrize("last_id", ["00000000-1", "nonsense", "-1", "x-99999999999999999999"])
    def test_of_another_run_begins_with_the_state(self, client: WebClient, last_id: str) -> None:
        """After a restart of the daemon the numbers mean nothing."""
        with client.stream(last_id) as events:
            assert next(events).kind == "state"

    def test_after_too_many_changes_begins_with_the_state(self, page: Web, client: WebClient) -> None:
        """Memory is bounded, so what a page has missed can be forgotten."""
        with client.stream() as events:
            next(events)
            page.publish(make_event(1))
            last = next(events)
        for number in range(600):
            page.publish(SpeechReport(source="mic", is_speaking=number % 2 == 0))
        with client.stream(last.id) as events:
            assert next(events).kind == "state"

    def test_has_the_latest_level_alone(self, page: Web, client: WebClient) -> None:
        """A level has no id, so that it is not repeated."""
        with client.stream() as events:
            next(events)
            page.publish(LevelReport(source="mic", level_dbfs=-20.0, guesses={}))
            level = next(events)
            assert (level.kind, level.id, level.body["level_dbfs"]) == ("level", "", -20.0)

    def test_has_no_level_of_a_source_that_is_offline(self, page: Web, client: WebClient) -> None:
        """A page that is opened then shows no sound."""
        page.publish(LevelReport(source="mic", level_dbfs=-20.0, guesses={}))
        page.publish(AvailabilityReport(source="mic", is_alive=False, reason="unplugged"))
        with client.stream() as events:
            assert next(events).body["sources"][0]["level_dbfs"] is None
            page.publish(make_event())
            assert next(events).kind == "event"

    def test_tells_a_reload_and_a_refusal(self, page: Web, client: WebClient, context: Context) -> None:
        """A page then knows what to show again, and why a control has not moved."""
        with client.stream() as events:
            next(events)
            assert page.adapt(replace(context, sources=("door",)))
            page.publish(RefusalReport(source="door", control="mute", reason="got 'x'"))
            assert [each.kind for each in islice(events, 2)] == ["reload", "refusal"]
        names = [each["name"] for each in client.ask("/api/v1/state").json["sources"]]
        assert names == ["door"]

    def test_ends_with_the_page(self, page: Web, client: WebClient) -> None:
        """A stop of the daemon waits for no browser."""
        with client.stream() as events:
            next(events)
            page.close(5.0)
            assert list(events) == []


class TestHistory:
    """The past, from the file and from memory."""

    @pytest.fixture
    def now(self) -> datetime:
        """A time of the events."""
        return datetime.now(UTC).replace(microsecond=0)

    @pytest.fixture
    def _file(self, context: Context, now: datetime) -> None:
        """A file with events 1 and 2."""
        assert context.state_folder is not None
        context.state_folder.mkdir(exist_ok=True)
        now_s = now.timestamp()
        events = [timed_event(n, emotion="sad", time_s=now_s - 60.0 * (3 - n)) for n in (1, 2)]
        make_history(context.state_folder / HISTORY_FILE, events, now_s=now_s)

    @pytest.mark.usefixtures("_file")
    def test_joins_the_file_and_memory(self, page: Web, client: WebClient, now: datetime) -> None:
        """An event that is in both is there once."""
        for number in (2, 3):
            page.publish(make_event(number, emotion="happy", time=_before(now, 3 - number)))
        events = client.ask("/api/v1/history").json["events"]
        assert [each["id"] for each in events] == ["1", "2", "3"]
        newest = client.ask("/api/v1/history?limit=1").json["events"]
        assert [each["id"] for each in newest] == ["3"]
        sad = client.ask("/api/v1/history?emotion=sad&source=mic").json["events"]
        assert [each["id"] for each in sad] == ["1", "2"]

    @pytest.mark.usefixtures("_file")
    def test_has_a_timeline(self, page: Web, client: WebClient, now: datetime) -> None:
        """Each part has the seconds of sound of each emotion."""
        page.publish(make_event(3, emotion="happy", time=_before(now, 0)))
        since, until = (_before(now, minutes).replace("+00:00", "Z") for minutes in (5, -1))
        got = client.ask(f"/api/v1/timeline?since={since}&until={until}&part_s=60").json
        assert got["parts"] == [{}, {}, {}, {"sad": 3.0}, {"sad": 3.0}, {"happy": 3.0}]
        assert got["absences"] == []

    def test_needs_no_file(self, page: Web, client: WebClient, now: datetime) -> None:
        """Without a history, there are the utterances since the start."""
        page.publish(make_event(7, time=_before(now, 0)))
        assert [each["id"] for each in client.ask("/api/v1/history").json["events"]] == ["7"]

    def test_a_broken_file_is_an_answer(self, client: WebClient, context: Context) -> None:
        """Not an error in the log, and the rest of the page works."""
        assert context.state_folder is not None
        (context.state_folder / HISTORY_FILE).write_bytes(b"nonsense" * 1000)
        answer = client.ask("/api/v1/history")
        assert (answer.status, "damaged" in answer.json["error"]) == (503, True)

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            ("limit=0", "expected 1 to 1000"),
            ("limit=%F0%9F%98%80", "expected 1 to 1000"),
            ("since=yesterday", "expected a time such as"),
            ("since=2026-01-01", "expected a time such as"),
            (f"source={'x' * 201}", "1 to 200"),
            ("colour=red", "unknown parameter 'colour'"),
            ("until=", "1 to 200"),
            ("windows=1", "expected true or false"),
            ("limit=1&limit=2", "each parameter once"),
        ],
    )
    def test_refuses_wrong_questions(self, client: WebClient, query: str, reason: str) -> None:
        """The answer says what is accepted."""
        answer = client.ask(f"/api/v1/history?{query}")
        assert answer.status == 400
        assert reason in answer.json["error"]

    @pytest.mark.parametrize("query", ["", "since=2026-01-01T00:00:00Z&part_s=10", "part_s=5"])
    def test_refuses_too_long_timelines(self, client: WebClient, query: str) -> None:
        """The number of parts is bounded."""
        assert client.ask(f"/api/v1/timeline?{query}").status == 400


class TestControls:
    """Changes of controls."""

    def test_are_passed_to_the_daemon(self, client: WebClient, commands: list[Command]) -> None:
        """The answer has the value as serd reads it."""
        body = {"source": "mic", "control": "threshold", "value": "0.50"}
        answer = client.change("/api/v1/controls", body)
        assert (answer.status, answer.json["value"]) == (202, "0.5")
        client.change("/api/v1/controls", {"source": "mic", "control": "forget", "value": ""})
        assert commands == [("mic", "threshold", b"0.50"), ("mic", "forget", b"")]

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            ({"source": "mic", "control": "threshold", "value": "2"}, 400),
            ({"source": "mic", "control": "volume", "value": "2"}, 400),
            ({"source": "cellar", "control": "mute", "value": "ON"}, 404),
            ({"source": "mic", "control": "mute"}, 400),
            ({"source": "mic", "control": "mute", "value": 1}, 400),
            ({"source": "mic", "control": "mute", "value": "\ud800"}, 400),
            (["mic"], 400),
            ({"source": "mic", "control": "mute", "value": "x" * 20_000}, 400),
        ],
    )
    def test_are_refused_if_wrong(
        self, client: WebClient, commands: list[Command], body: object, status: int
    ) -> None:
        """The daemon hears nothing of it."""
        answer = client.change("/api/v1/controls", body)
        assert (answer.status, commands) == (status, [])
        assert answer.json["error"]


def test_the_log_is_on_the_page(client: WebClient) -> None:
    """Its latest lines, from the start of the page on."""
    import logging  # noqa: PLC0415

    logging.getLogger("serd.mqtt").error("the broker is away")
    logging.getLogger("elsewhere").error("not of serd")
    lines = client.ask("/api/v1/log").json["lines"]
    assert [each["text"] for each in lines if each["level"] == "error"] == ["the broker is away"]


def test_a_failed_page_starts_anew(start: Start, context: Context) -> None:
    """On the same port; the daemon goes on."""
    page = start()
    server = page._server  # noqa: SLF001
    assert server is not None
    client = WebClient(page.port)
    assert client.ask("/api/v1/state").status == 200
    loop = server._loop  # noqa: SLF001
    assert loop is not None
    loop.call_soon_threadsafe(__import__("sys").exit, 3)
    wait_until(context.threads.n_restarts, "the restart")
    assert client.ask("/api/v1/state").status == 200


def test_a_reload_changes_the_password_on_the_same_port(context: Context) -> None:
    """The earlier page leaves the port to its successor; a wrong hash would be refused before."""
    everything = load_settings(environment={"SERD_MQTT_ENABLED": "no", "SERD_SCREEN_ENABLED": "no"})
    port = free_port()
    group = PublisherGroup({**everything.publishers, "web": Settings(enabled=True, port=port)}, context)
    try:
        assert WebClient(port).ask("/api/v1/state").status == 200
        locked = Settings(enabled=True, port=port, password_hash="$argon2id$x")  # noqa: S106
        group.change({**everything.publishers, "web": locked}, context, 5.0)
        assert WebClient(port).ask("/api/v1/state").status == 401
    finally:
        group.close(5.0, raises_errors=False)


def test_close_frees_the_port(page: Web) -> None:
    """Another server can have it."""
    port = page.port
    page.close(5.0)
    with socket.create_server(("127.0.0.1", port)):
        pass


def _before(now: datetime, minutes: float) -> str:
    return (now - timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


def test_the_key_of_the_sessions_is_private(page: Web, context: Context) -> None:
    """Nobody else can read it."""
    del page
    assert context.state_folder is not None
    key = context.state_folder / "web.key"
    assert key.stat().st_mode & 0o777 == 0o600
