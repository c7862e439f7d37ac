"""Worker processes give the results of one process, and a killed worker ends the work with one error."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from serd.daemon.worker_pool import MIN_ITEMS, map_in_order
from serd.errors import OperationError
from testkit.brokers import wait_until


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two processors, so that workers are used on every machine."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)


def square(number: int) -> int:
    """The work of a worker."""
    return number * number


def die(number: int) -> int:
    """The work of a worker that the kernel kills."""
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def process_id(_item: object) -> int:
    """The id of the process that does the work."""
    return os.getpid()


@pytest.mark.parametrize("n_items", [0, 3, MIN_ITEMS + 1])
def test_results_come_in_the_order_of_the_items(n_items: int) -> None:
    """The order is the same with and without worker processes."""
    assert list(map_in_order(square, range(n_items))) == [n * n for n in range(n_items)]


def test_few_items_need_no_workers_unless_their_number_is_given() -> None:
    """Fewer than MIN_ITEMS items are done in this process, and so is all work of one worker."""
    assert set(map_in_order(process_id, range(3))) == {os.getpid()}
    assert set(map_in_order(process_id, range(MIN_ITEMS), n_workers=1)) == {os.getpid()}
    assert os.getpid() not in set(map_in_order(process_id, range(3), n_workers=2))


@pytest.mark.parametrize("n_workers", [None, 2])
def test_a_killed_worker_ends_the_work_with_one_error(n_workers: int | None) -> None:
    """Nothing hangs, and the one-line message gives the next step."""
    with pytest.raises(OperationError, match=r"^a worker process was killed, .* run the same command"):
        list(map_in_order(die, range(100), n_workers=n_workers))


def test_workers_end_with_a_process_that_is_killed(tmp_path: Path) -> None:
    """SIGKILL leaves nothing behind that waits for work."""
    script = tmp_path / "pool.py"
    script.write_text(
        "import os, time\n"
        "from serd.daemon.worker_pool import map_in_order\n"
        "def work(_item):\n"
        "    return os.getpid()\n"
        "if __name__ == '__main__':\n"
        "    print(next(map_in_order(work, range(1000), n_workers=2)), flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = int(process.stdout.readline())
        process.kill()
    wait_until(lambda: not _is_running(worker), "the end of the worker", 60.0)


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
