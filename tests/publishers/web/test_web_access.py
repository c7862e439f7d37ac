"""Who may use the page, and what a hostile client can do: nothing but be refused."""

import contextlib
import socket
import threading
import time
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from serd.errors import PublishError
from serd.events.reports import RefusalReport
from serd.publishers.web import Web
from serd.publishers.web.access import SESSION_S, Access, hash_password, read_key
from serd.publishers.web.app import API
from serd.publishers.web.limits import RateLimiter
from testkit.brokers import DEADLINE_S, logged_lines, wait_until
from testkit.web_client import Command, Start, WebClient

PASSWORD = "open sesame"  # noqa: S105
HASH = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
UNFINISHED = (
    b"POST /api/v1/login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n"
    b"Content-Type: application/json\r\n\r\n{"
)
PAGES = ("/api/v1/state", "/api/v1/events", "/api/v1/history", "/static/app.js", "/api/v1/none")


@pytest.fixture
def locked(start: Start) -> WebClient:
    """A client of a page with a password."""
    return WebClient(start(password_hash=HASH, names="serd.example").port)


def log_in(client: WebClient, password: str = PASSWORD) -> int:
    """Log in, keep the cookie, and return the status."""
    answer = client.ask("/api/v1/login", method="POST", body={"password": password})
    if "set-cookie" in answer.headers:
        client.headers["Cookie"] = answer.headers["set-cookie"].partition(";")[0]
    return answer.status


class TestPassword:
    """A page with a password."""

    @pytest.mark.parametrize("path", PAGES)
    def test_shows_nothing_without_it(self, locked: WebClient, path: str) -> None:
        """Whether a page exists is not told either."""
        answer = locked.ask(path)
        assert (answer.status, answer.json) == (401, {"error": "log in first"})

    def test_is_asked_for(self, locked: WebClient) -> None:
        """The first page is a form, and the files that it needs are open."""
        answer = locked.ask("/")
        assert (answer.status, b"password" in answer.content) == (401, True)
        assert locked.ask("/static/login.js").status == 200

    def test_opens_all(self, locked: WebClient) -> None:
        """With a cookie that scripts and other sites do not get."""
        answer = locked.ask("/api/v1/login", method="POST", body={"password": PASSWORD})
        cookie = answer.headers["set-cookie"]
        for attribute in ("HttpOnly", "SameSite=strict", "Path=/", "Max-Age=2592000"):
            assert attribute in cookie
        assert "Secure" not in cookie
        assert log_in(locked) == 204
        assert locked.ask("/api/v1/state").status == 200
        assert b"log-in" not in locked.ask("/").content

    def test_a_wrong_one_opens_nothing(self, locked: WebClient) -> None:
        """The log says from which address it came."""
        with logged_lines() as lines:
            assert log_in(locked, "open barley") == 403
        assert lines == ["a wrong password for the page from 127.0.0.1"]
        assert locked.ask("/api/v1/state").status == 401

    def test_attempts_are_few(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        """After six at once the right one does not help either."""
        monkeypatch.setattr("serd.publishers.web.app.LOGIN_S", 1e9)
        locked = WebClient(start(password_hash=HASH).port)
        assert [log_in(locked, "wrong") for _ in range(7)] == [403] * 6 + [429]
        assert log_in(locked) == 429

    def test_a_change_needs_a_token(self, locked: WebClient, commands: list[Command]) -> None:
        """The cookie alone is not enough, so that no other page can use it."""
        body = {"source": "mic", "control": "mute", "value": "ON"}
        assert log_in(locked) == 204
        for token in ("", "0" * 64, "\xe9"):
            answer = locked.ask(
                "/api/v1/controls", method="POST", body=body, headers={"X-CSRF-Token": token}
            )
            assert answer.status == 403
        assert commands == []
        assert locked.change("/api/v1/controls", body).status == 202

    def test_behind_a_proxy_the_cookie_is_for_its_path(self, locked: WebClient) -> None:
        """And for HTTPS alone, if the proxy has that."""
        headers = {"X-Forwarded-Prefix": "/serd", "X-Forwarded-Proto": "https"}
        answer = locked.ask("/api/v1/login", method="POST", body={"password": PASSWORD}, headers=headers)
        assert "Path=/serd/;" in answer.headers["set-cookie"]
        assert "Secure" in answer.headers["set-cookie"]


class TestSession:
    """The cookie."""

    def test_ends_after_a_month(self) -> None:
        """Then one logs in again."""
        times = [1000.0]
        access = Access(HASH, b"key", wall=lambda: times[0])
        cookie = access.new_session()
        assert access.is_session(cookie)
        times[0] += SESSION_S
        assert not access.is_session(cookie)

    def test_of_another_key_or_password_is_none(self) -> None:
        """A changed password ends all sessions."""
        cookie = Access(HASH, b"key").new_session()
        assert Access(HASH, b"key").is_session(cookie)
        assert not Access(HASH, b"other").is_session(cookie)
        assert not Access(hash_password(PASSWORD), b"key").is_session(cookie)

    @pytest.mark.parametrize("cookie", ["", ".", "9999999999.aa.", "9999999999.aa.\xe9", "x" * 5000])
    def test_cannot_be_made_up(self, cookie: str) -> None:
        """Nor does any text break the check."""
        assert not Access(HASH, b"key").is_session(cookie)

    def test_key_survives_a_restart(self, tmp_path: Path) -> None:
        """It is made once; a broken file is replaced."""
        folder = tmp_path / "state"
        assert read_key(folder) == read_key(folder)
        (folder / "web.key").write_bytes(b"short")
        assert len(read_key(folder)) == 32
        assert read_key(folder) == read_key(folder)
        assert read_key(None) != read_key(None)

    def test_key_that_cannot_be_kept_is_an_error(self, tmp_path: Path) -> None:
        """It names the file."""
        (tmp_path / "web.key").mkdir()
        with pytest.raises(PublishError, match=r"web\.key"):
            read_key(tmp_path)


class TestOtherSites:
    """What a page of another site can ask for through the browser."""

    @pytest.mark.parametrize(
        "host",
        ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:8765", "", "a b", "[::1"],
    )
    def test_a_foreign_name_is_refused(self, client: WebClient, host: str) -> None:
        """Else a name that suddenly means 127.0.0.1 would have access (DNS rebinding)."""
        assert client.ask("/api/v1/state", headers={"Host": host}).status == 421

    @pytest.mark.parametrize(
        "host", ["localhost", "127.0.0.1:80", "[::1]:8765", "192.168.1.5", "LOCALHOST:1", "localhost."]
    )
    def test_own_names_are_accepted(self, client: WebClient, host: str) -> None:
        """And addresses in numbers, which nobody can redirect."""
        assert client.ask("/api/v1/state", headers={"Host": host}).status == 200

    def test_names_of_a_proxy_are_accepted(self, start: Start) -> None:
        """Those in the settings."""
        client = WebClient(start(names="serd.example, Home.example").port)
        for name in ("serd.example", "home.example:443"):
            assert client.ask("/api/v1/state", headers={"Host": name}).status == 200
        headers = {"Host": "127.0.0.1", "Origin": "https://serd.example"}
        assert client.ask("/api/v1/state", headers=headers).status == 200

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", "file://", "http://pi"],
    )
    def test_a_foreign_origin_is_refused(
        self, client: WebClient, commands: list[Command], origin: str
    ) -> None:
        """For questions and for changes, even with a token."""
        assert client.ask("/api/v1/state", headers={"Origin": origin}).status == 403
        body = {"source": "mic", "control": "mute", "value": "ON"}
        assert client.change("/api/v1/controls", body, Origin=origin).status == 403
        assert commands == []

    def test_an_unknown_proxy_is_told_what_to_set(self, client: WebClient) -> None:
        """Its page loads if it asks for 127.0.0.1, so that it can show the reason."""
        headers = {"Origin": "https://serd.example", "Sec-Fetch-Site": "same-origin"}
        reason = client.ask("/api/v1/state", headers=headers).json["error"]
        assert "'https://serd.example'; behind a proxy, add its name to [web] names" in reason
        assert client.ask("/static/app.js", headers=headers).status == 200
        headers["Sec-Fetch-Site"] = "cross-site"
        assert client.ask("/static/app.js", headers=headers).status == 403

    def test_the_own_origin_is_accepted(self, client: WebClient) -> None:
        """That of the page itself."""
        host = f"127.0.0.1:{client.port}"
        answer = client.ask("/api/v1/state", headers={"Host": host, "Origin": f"http://{host}"})
        assert answer.status == 200

    def test_foreign_pages_can_link_but_not_embed(self, client: WebClient) -> None:
        """Browsers say where a request comes from."""
        foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
        assert client.ask("/static/app.js", headers=foreign).status == 403
        assert client.ask("/", headers={**foreign, "Sec-Fetch-Mode": "navigate"}).status == 200

    @pytest.mark.parametrize("path", ["/", "/static/app.js", "/api/v1/state", "/nothing"])
    def test_every_answer_has_a_strict_policy(self, client: WebClient, path: str) -> None:
        """No script but serd's own files, and no other host."""
        headers = client.ask(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "//" not in policy
        assert headers["x-content-type-options"] == "nosniff"


class TestStrangeRequests:
    """Requests of programs that are no browser."""

    @pytest.mark.parametrize(
        "path",
        [
            "/static/../app.py",
            "/static/..%2f..%2faccess.py",
            "/static/%2e%2e/access.py",
            "/static//etc/passwd",
            "/static/app.js/",
            "/static/index.html",
            "/static/%00",
            "/..",
            "//evil.example/",
            "/api/v1",
            "/api/v1/state/",
        ],
    )
    def test_tricks_with_paths_find_nothing(self, client: WebClient, path: str) -> None:
        """Only names of files that were read at the start are found, and nothing redirects."""
        assert client.ask(path).status == 404

    @pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"])
    def test_other_methods_are_refused(self, client: WebClient, method: str) -> None:
        """They are no part of the API."""
        assert client.ask("/api/v1/state", method=method).status in {403, 405}

    def test_a_refused_method_is_told_of_all_that_a_path_has(self, client: WebClient) -> None:
        """Allow names them, also where reading and changing are endpoints of their own."""
        token = {"X-CSRF-Token": client.ask("/api/v1/session").json["token"]}
        answer = client.ask("/api/v1/settings", method="PUT", headers=token)
        assert answer.status == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}

    @pytest.mark.parametrize(
        "request_bytes",
        [b"GET /" + b"x" * 60_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 5000, b"\xff\x00\r\n\r\n"],
        ids=["line", "headers", "rubbish"],
    )
    def test_rubbish_is_refused(self, client: WebClient, request_bytes: bytes) -> None:
        """Within bounds, and without a word in the log."""
        with logged_lines() as lines, _connected(client) as raw, contextlib.suppress(OSError):
            raw.sendall(request_bytes)
            assert raw.recv(100).startswith(b"HTTP/1.1 400")
        assert client.ask("/api/v1/state").status == 200
        assert lines == []

    def test_too_many_are_refused(self, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of one address; others are answered."""
        monkeypatch.setattr("serd.publishers.web.server.REQUESTS_HZ", 1e-6)
        monkeypatch.setattr("serd.publishers.web.server.REQUESTS_AT_ONCE", 3.5)
        client = WebClient(start().port)
        other = WebClient(client.port, address="127.0.0.2")
        with _connected(client) as early:
            statuses = [client.ask("/api/v1/session").status for _ in range(3)]
            assert statuses == [200, 200, 200]
            early.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert early.recv(100).startswith(b"HTTP/1.1 429")
        with _connected(client) as late, contextlib.suppress(ConnectionResetError):
            assert late.recv(100) == b""
        assert other.ask("/api/v1/session").status == 200


class TestSlowClients:
    """Clients that hold connections."""

    @pytest.mark.parametrize("n_slow", [200])
    def test_do_not_keep_others_out(self, client: WebClient, n_slow: int) -> None:
        """And they take no threads."""
        client.ask("/api/v1/state")
        n_threads = threading.active_count()
        with contextlib.ExitStack() as slow:
            for _ in range(n_slow):
                raw = slow.enter_context(_connected(client))
                raw.sendall(b"GET / HTTP/1.1\r\nHost: ")
            assert client.ask("/api/v1/state").status == 200
            assert threading.active_count() == n_threads

    @pytest.mark.parametrize(
        "part",
        [
            b"",
            b"GET / HT",
            UNFINISHED,
        ],
        ids=["nothing", "head", "body"],
    )
    def test_are_disconnected(self, start: Start, monkeypatch: pytest.MonkeyPatch, part: bytes) -> None:
        """A request must be complete in time, and single bytes do not prolong that."""
        monkeypatch.setattr("serd.publishers.web.connection.REQUEST_S", 0.2)
        with _connected(WebClient(start().port)) as raw:
            if part:
                # Of the second request on a connection, since the first has another limit.
                raw.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: localhost\r\n\r\n")
                raw.recv(10_000)
                raw.sendall(part)
            raw.settimeout(0.1)
            deadline_s = time.monotonic() + DEADLINE_S
            with contextlib.suppress(ConnectionResetError, BrokenPipeError):
                while not _has_ended(raw):
                    assert time.monotonic() < deadline_s
                    if part:
                        raw.sendall(b"x")

    def test_that_never_read_are_disconnected(
        self, start: Start, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing piles up for them."""
        monkeypatch.setattr("serd.publishers.web.connection.STALLED_S", 0.2)
        page = start()
        with _connected(WebClient(page.port)) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            raw.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            wait_until(lambda: _n_streams(page) == 1, "the stream")
            deadline_s = time.monotonic() + DEADLINE_S
            while _n_streams(page):
                assert time.monotonic() < deadline_s
                page.publish(RefusalReport(source="mic", control="mute", reason="x" * 50_000))
                threading.Event().wait(0.005)


def test_a_bucket_fills_with_time() -> None:
    """Two requests a second, and four at once."""
    times = [0.0]
    limiter = RateLimiter(2.0, 4.0, monotonic=lambda: times[0])
    assert [limiter.takes("a") for _ in range(5)] == [True] * 4 + [False]
    assert limiter.is_exhausted("a")
    assert not limiter.is_exhausted("b")
    times[0] += 1.0
    assert [limiter.takes("a") for _ in range(3)] == [True, True, False]


def test_addresses_are_bounded() -> None:
    """Only the latest thousand are remembered."""
    limiter = RateLimiter(1.0, 1.0, monotonic=lambda: 0.0)
    for number in range(1001):
        assert limiter.takes(str(number))
    assert limiter.takes("0")
    assert not limiter.takes("1000")


def test_the_password_of_the_page_is_never_shown() -> None:
    """The settings mask its hash."""
    from serd.publishers.web import Settings  # noqa: PLC0415
    from serd.settings.values import secret_keys  # noqa: PLC0415

    assert secret_keys(Settings) == {"password_hash"}
    assert API == "/api/v1"


def _connected(client: WebClient) -> socket.socket:
    return socket.create_connection(("127.0.0.1", client.port), DEADLINE_S)


def _n_streams(page: Web) -> int:
    server = page._server  # noqa: SLF001
    assert server is not None
    return len(server._streams)  # noqa: SLF001


def _has_ended(connection: socket.socket) -> bool:
    """Whether the server has ended a connection, after its timeout at the latest."""
    try:
        return not connection.recv(10_000)
    except TimeoutError:
        return False
