"""The event queue and its disk: what a slow disk means for the daemon."""

from pathlib import Path

import pytest
from test_queue import FakeLink, ProbedSpool, make_queue, put
from test_spool import make_spool

from serd.daemon.supervisor import Supervisor
from testkit.brokers import wait_until


@pytest.mark.parametrize(("work_s", "is_stuck"), [(590.0, False), (620.0, True)])
def test_a_disk_may_work_for_ten_minutes(tmp_path: Path, work_s: float, *, is_stuck: bool) -> None:
    """A salvage takes its time and is no reason to restart the daemon; a disk that hangs is one."""
    now_s = 0.0
    silent: dict[str, bool] = {}
    supervisor = Supervisor(monotonic=lambda: now_s)

    def work(use: str) -> None:
        nonlocal now_s
        if use == "close":
            return
        now_s += work_s
        silent[use] = silent.get(use, False) or bool(supervisor.silent())

    spool = make_spool(tmp_path / "spool.db")
    earlier, _ = make_queue(spool)
    put(earlier, 1)
    earlier.finish()
    slow = make_spool(spool.path, kind=ProbedSpool)
    slow.probe = lambda _use: None
    queue, _ = make_queue(slow, stores_every_event=True)
    slow.close()
    slow.probe = work
    queue.start(supervisor)
    link = FakeLink(queue)
    queue.attach(link)
    put(queue, 2)
    link.connect()
    wait_until(lambda: len(link.unanswered) == 2, "both events")
    link.acknowledge_all()
    queue.close(2.0)
    assert silent == {"open": is_stuck, "update": is_stuck, "read": is_stuck}
