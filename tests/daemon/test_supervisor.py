"""The supervisor restarts parts that fail, gives them up in the end, and finds those that are stuck."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serd.daemon.supervisor import RestartSettings, Supervisor
from serd.mqtt.threads import Thread
from testkit.brokers import DEADLINE_S, logged_lines, wait_until

if TYPE_CHECKING:
    from serd.errors import OperationError

ROOT = Path(__file__).resolve().parents[2]
FAST = RestartSettings(first_pause_s=0.001, max_pause_s=0.01, max_failures=4)
NAMES = st.sampled_from(["mic", "door", "hall"])
TIMES_S = st.floats(0.0, 1e6)


class Clock:
    """A monotonic clock that only the test advances."""

    now_s = 0.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still until the test sets it."""
    return Clock()


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """Ends the threads of a test."""
    event = threading.Event()
    yield event
    event.set()


class TestThreadsThatFail:
    """Exceptions that end a thread."""

    @pytest.mark.parametrize("error", [ZeroDivisionError("defect"), SystemExit(3)])
    def test_it_starts_anew(self, error: BaseException, released: threading.Event) -> None:
        """Whatever it raised; the log has the failure, and the restart is counted."""
        errors = [error]
        is_back = threading.Event()

        def run(_thread: Thread) -> None:
            if errors:
                raise errors.pop()
            is_back.set()
            released.wait(DEADLINE_S)

        supervisor = Supervisor(restarts=FAST)
        with logged_lines() as lines:
            thread = supervisor.start("metrics", run)
            assert is_back.wait(DEADLINE_S)
            released.set()
            assert thread.end(DEADLINE_S)
        assert lines == ["metrics failed and restarts"]
        assert supervisor.n_restarts() == {"metrics": 1}

    def test_its_traceback_is_logged_once(self, caplog: pytest.LogCaptureFixture) -> None:
        """The further failures in a row are one line each."""
        given_up: list[OperationError] = []
        supervisor = Supervisor(given_up.append, restarts=FAST)
        supervisor.start("mqtt", _fail)
        wait_until(lambda: given_up, "the end of the part")
        assert [bool(record.exc_info) for record in caplog.records] == [True, False, False]

    def test_one_that_fails_again_and_again_is_given_up(self) -> None:
        """Its error says how often it failed, and with what; it is not watched any more."""
        given_up: list[OperationError] = []
        supervisor = Supervisor(given_up.append, restarts=FAST)
        with logged_lines():
            thread = supervisor.start("mqtt", _fail)
            wait_until(lambda: not thread.is_alive, "the end of the thread")
        assert [str(each) for each in given_up] == [
            "mqtt failed 4 times, the last time with ZeroDivisionError: defect"
        ]
        assert not supervisor.states()

    def test_failures_of_a_part_that_works_between_them_do_not_add_up(self) -> None:
        """A part that fails now and then is not given up."""
        n_runs = 0
        is_enough = threading.Event()

        def run(_thread: Thread) -> None:
            nonlocal n_runs
            n_runs += 1
            if n_runs == 10:
                is_enough.set()
                return
            raise ZeroDivisionError

        steady = RestartSettings(first_pause_s=0.001, steady_s=0.0, max_failures=2)
        with logged_lines():
            Supervisor(restarts=steady).start("mqtt", run)
            assert is_enough.wait(DEADLINE_S)

    def test_one_that_ends_on_request_does_not_start_anew(self) -> None:
        """Not even if it fails meanwhile, and although its pause would be long."""
        long_pause = RestartSettings(first_pause_s=600.0, max_pause_s=600.0)
        supervisor = Supervisor(restarts=long_pause)
        with logged_lines() as lines:
            thread = supervisor.start("mqtt", _fail)
            wait_until(lambda: lines, "the failure")
            assert thread.end(DEADLINE_S)


def _fail(_thread: Thread) -> None:
    raise ZeroDivisionError("defect")


class TestSignsOfLife:
    """Parts without a sign of life for longer than the limit."""

    def test_one_stuck_part_of_two_is_found(self, clock: Clock) -> None:
        """Progress of one part does not hide another that is stuck."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        mic = supervisor.watch("mic")
        supervisor.watch("door")
        for clock.now_s in range(30):
            mic.progress()
            assert bool(supervisor.silent()) == (clock.now_s > 10)
        assert supervisor.silent() == ("door",)
        assert supervisor.states() == {"mic": "works", "door": "no sign of life for 29 s"}

    def test_progress_frees_a_stuck_part(self, clock: Clock) -> None:
        """The limit counts from the latest progress."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        signs = supervisor.watch("mic")
        clock.now_s = 10.1
        assert supervisor.silent()
        clock.now_s = 11.0
        signs.progress()
        clock.now_s = 21.0
        assert not supervisor.silent()

    def test_a_part_that_ended_is_not_stuck(self, clock: Clock) -> None:
        """A file ends; to forget it twice is no error."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        signs = supervisor.watch("file")
        supervisor.forget(signs)
        supervisor.forget(signs)
        clock.now_s = 1e9
        assert not supervisor.silent()

    def test_a_part_that_waits_is_not_stuck(self, clock: Clock) -> None:
        """It says what for; after the end of the wait the limit counts from zero."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        signs = supervisor.watch("mqtt")
        with signs.waiting("events"):
            clock.now_s = 1e6
            assert supervisor.states() == {"mqtt": "waits for events"}
        assert supervisor.states() == {"mqtt": "works"}
        clock.now_s += 11.0
        assert supervisor.silent() == ("mqtt",)

    def test_a_wait_that_should_have_ended_is_stuck(self, clock: Clock) -> None:
        """The limit counts from the time at which it should have ended."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        signs = supervisor.watch("mqtt-link")
        with signs.waiting("the broker", 60.0):
            clock.now_s = 69.0
            assert not supervisor.silent()
            clock.now_s = 71.0
            assert supervisor.silent() == ("mqtt-link",)

    def test_a_thread_is_watched_until_it_ends(self, clock: Clock, released: threading.Event) -> None:
        """A thread that hangs is stuck, until its end is requested."""
        supervisor = Supervisor(silence_s=10.0, monotonic=clock)
        thread = supervisor.start("metrics", lambda _thread: _wait(released))
        clock.now_s = 11.0
        assert supervisor.silent() == ("metrics",)
        assert not thread.end(0.0)
        assert not supervisor.silent()

    @pytest.mark.parametrize("silence_s", [0.0, -1.0, float("nan")])
    def test_a_limit_must_be_above_zero(self, silence_s: float) -> None:
        """A limit of zero, a negative one and NaN are refused."""
        with pytest.raises(ValueError, match="silence_s"):
            Supervisor(silence_s=silence_s)

    @given(st.lists(st.tuples(NAMES, TIMES_S)), TIMES_S, st.floats(0.001, 1e4))
    def test_only_the_latest_progress_of_each_part_counts(
        self, progress: list[tuple[str, float]], at_s: float, silence_s: float
    ) -> None:
        """A clock that goes back makes no part younger."""
        clock = Clock()
        supervisor = Supervisor(silence_s=silence_s, monotonic=clock)
        signs = {name: supervisor.watch(name) for name in ("mic", "door", "hall")}
        latest_s = dict.fromkeys(signs, 0.0)
        for name, progress_s in progress:
            clock.now_s = progress_s
            signs[name].progress()
            latest_s[name] = max(progress_s, latest_s[name])
        clock.now_s = at_s
        expected = {name for name, last_s in latest_s.items() if at_s - last_s > silence_s}
        assert set(supervisor.silent()) == expected


def _wait(released: threading.Event) -> None:
    released.wait(DEADLINE_S)


def test_no_other_module_starts_a_thread() -> None:
    """The end of a hung PortAudio stream alone has a thread that may never end, so nobody watches it."""
    allowed = {"serd/daemon/supervisor.py", "serd/audio/portaudio.py"}
    pattern = re.compile(
        r"threading\.Thread\(|_thread\.start_new|ThreadPoolExecutor|to_thread|\.Timer\("
    )
    starting = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "serd").rglob("*.py")
        if pattern.search(path.read_text("utf-8"))
    }
    assert starting == allowed
