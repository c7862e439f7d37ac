"""The page plays the sound of windows, and keeps what people have heard in it."""

import io
import zipfile
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
import soundfile

from serd.events.event import local_rfc3339
from serd.publishers import Context, clips, history
from serd.publishers.history import HISTORY_FILE
from serd.publishers.history.marks import Marks
from serd.publishers.web import Web
from testkit.made_clips import clip_time_s, make_clips
from testkit.web_client import Answer, Start, WebClient
from train.data.corpora.table import read_table

SETTINGS = {"clips": clips.Settings(enabled=True), "history": history.Settings(enabled=True)}
HASH = "$argon2id$x"


@pytest.fixture
def context(context: Context) -> Context:
    """A daemon that keeps events, and the sound of four windows."""
    assert context.state_folder is not None
    make_clips(context.state_folder, 1, 2, 3, 4)
    return replace(context, sections=SETTINGS)


@pytest.fixture
def state(context: Context) -> Path:
    """Its state folder."""
    assert context.state_folder is not None
    return context.state_folder


def clips_of(client: WebClient, first: int, last: int, source: str = "mic") -> Answer:
    """The clips from one number to another."""
    since, until = (quote(local_rfc3339(clip_time_s(each))) for each in (first, last))
    return client.ask(f"/api/v1/clips?source={source}&since={since}&until={until}")


def test_the_clips_of_an_utterance_are_listed(client: WebClient) -> None:
    """Those of its time and source, each with its event; the state says that there are any."""
    found = clips_of(client, 2, 3).json["clips"]
    assert [(each["event"]["id"], each["mark"]) for each in found] == [("2", None), ("3", None)]
    assert clips_of(client, 2, 3, source="door").json == {"clips": []}
    state = client.ask("/api/v1/state").json
    assert (state["keeps_sound"], state["keeps_events"]) == (True, True)


@pytest.mark.parametrize("query", ["", "?source=mic", "?source=mic&since=2026-11-28T00:00:00Z", "?x=1"])
def test_questions_are_bounded(client: WebClient, query: str) -> None:
    """A source and a time of at most an hour are needed."""
    assert client.ask(f"/api/v1/clips{query}").status == 400


class TestSound:
    """The sound of a window."""

    def test_is_the_file(self, client: WebClient) -> None:
        """It has its type, and no cache keeps it."""
        answer = client.ask("/api/v1/clips/2/sound")
        assert (answer.status, answer.headers["content-type"]) == (200, "audio/wav")
        assert (answer.headers["cache-control"], answer.headers["accept-ranges"]) == (
            "no-store",
            "bytes",
        )
        samples, rate_hz = soundfile.read(io.BytesIO(answer.content))
        assert (len(samples), rate_hz) == (16_000, 16_000)

    @pytest.mark.parametrize(
        ("asked", "first", "end"),
        [
            ("bytes=0-", 0, 32_044),
            ("bytes=44-143", 44, 144),
            ("bytes=32000-99999999", 32_000, 32_044),
            ("bytes=-44", 32_000, 32_044),
            ("bytes=-999999", 0, 32_044),
        ],
    )
    def test_in_ranges(self, client: WebClient, asked: str, first: int, end: int) -> None:
        """Browsers ask for a part, or for all from its start."""
        whole = client.ask("/api/v1/clips/2/sound").content
        answer = client.ask("/api/v1/clips/2/sound", headers={"Range": asked})
        assert answer.status == 206
        assert answer.headers["content-range"] == f"bytes {first}-{end - 1}/{len(whole)}"
        assert answer.content == whole[first:end]

    @pytest.mark.parametrize("asked", ["bytes=32044-", "bytes=9-3"])
    def test_outside_of_it_is_refused(self, client: WebClient, asked: str) -> None:
        """The answer says how long it is."""
        answer = client.ask("/api/v1/clips/2/sound", headers={"Range": asked})
        assert (answer.status, answer.headers["content-range"]) == (416, "bytes */32044")

    @pytest.mark.parametrize("asked", ["bytes=-", "bytes=0-1,4-5", "lines=1-2", "bytes=x"])
    def test_other_ranges_give_all(self, client: WebClient, asked: str) -> None:
        """As the standard allows."""
        answer = client.ask("/api/v1/clips/2/sound", headers={"Range": asked})
        assert (answer.status, len(answer.content)) == (200, 32_044)

    @pytest.mark.parametrize(
        "event_id", ["9", "..%2f..%2fetc%2fpasswd", "*", "%00", "1" * 3000, "%2e%2e"]
    )
    def test_of_another_name_is_not_there(self, client: WebClient, event_id: str) -> None:
        """Nothing but the sound of an event is served."""
        assert client.ask(f"/api/v1/clips/{event_id}/sound").status == 404

    def test_needs_the_password(self, start: Start) -> None:
        """As everything else."""
        client = WebClient(start(password_hash=HASH).port)
        for path in ("clips", "clips/2/sound", "marks.csv", "marks.zip"):
            assert client.ask(f"/api/v1/{path}").status == 401

    def test_is_not_served_once_clips_are_off(
        self, page: Web, client: WebClient, context: Context
    ) -> None:
        """A reload is enough, and what is marked stays."""
        client.change("/api/v1/marks", {"id": "2", "emotion": "sad"})
        assert page.adapt(replace(context, sections=SETTINGS | {"clips": clips.Settings()}))
        assert client.ask("/api/v1/clips/3/sound").status == 404
        assert client.ask("/api/v1/clips/2/sound").status == 200
        assert client.ask("/api/v1/state").json["keeps_sound"] is False


class TestMarks:
    """What people have heard."""

    def test_are_kept_and_shown(self, client: WebClient, state: Path) -> None:
        """Right, wrong, or what it really was; the last one counts, and none removes it."""
        for event_id, emotion in (("1", "angry"), ("2", "wrong"), ("3", "sad"), ("4", "sad"), ("4", "")):
            answer = client.change("/api/v1/marks", {"id": event_id, "emotion": emotion})
            assert (answer.status, answer.json["mark"]) == (200, emotion or None)
        found = clips_of(client, 1, 4).json["clips"]
        assert [each["mark"] for each in found] == ["angry", "wrong", "sad", None]
        assert [each.emotion for each in Marks(state / HISTORY_FILE).all()] == ["angry", "", "sad"]

    def test_need_the_token(self, client: WebClient) -> None:
        """As every change."""
        answer = client.ask("/api/v1/marks", method="POST", body={"id": "1", "emotion": "sad"})
        assert answer.status == 403

    def test_need_a_history(self, page: Web, client: WebClient, context: Context) -> None:
        """The answer says so, and how to turn it on."""
        assert page.adapt(replace(context, sections={"clips": clips.Settings(enabled=True)}))
        for answer in (
            client.change("/api/v1/marks", {"id": "1", "emotion": "sad"}),
            client.ask("/api/v1/marks.csv"),
            client.ask("/api/v1/marks.zip"),
        ):
            assert answer.status == 503
            assert "[history] enabled = true" in answer.json["error"]
        assert client.ask("/api/v1/clips/1/sound").status == 200

    @pytest.mark.parametrize(
        ("body", "status", "reason"),
        [
            (
                {"id": "1", "emotion": "hungry"},
                400,
                "got 'hungry', expected wrong, nothing or an emotion",
            ),
            ({"id": "9", "emotion": "sad"}, 404, "not kept"),
            ({"id": "1"}, 400, "expected an object with the keys id, emotion"),
        ],
    )
    def test_that_make_no_sense_are_refused(
        self, client: WebClient, body: object, status: int, reason: str
    ) -> None:
        """With the reason."""
        answer = client.change("/api/v1/marks", body)
        assert answer.status == status
        assert reason in answer.json["error"]

    def test_are_exported_with_their_sound(self, client: WebClient, tmp_path: Path) -> None:
        """Training reads what comes out of the archive; a bare "wrong" is not in the table."""
        for event_id, emotion in (("1", "angry"), ("2", "wrong"), ("3", "sad")):
            client.change("/api/v1/marks", {"id": event_id, "emotion": emotion})
        answer = client.ask("/api/v1/marks.zip")
        assert 'filename="serd-marks.zip"' in answer.headers["content-disposition"]
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            assert archive.testzip() is None
            archive.extractall(tmp_path / "own")
        listing = read_table(tmp_path / "own" / "marks.csv", tmp_path)
        assert listing.left_out == []
        assert [each.emotion for each in listing.clips.values()] == ["angry", "sad"]
        alone = client.ask("/api/v1/marks.csv")
        assert alone.content == (tmp_path / "own" / "marks.csv").read_bytes()

    def test_without_any_the_table_is_empty(self, client: WebClient) -> None:
        """It has the names of its columns."""
        assert client.ask("/api/v1/marks.csv").content == b"file,emotion,speaker\n"
