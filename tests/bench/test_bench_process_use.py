"""The kernel's counters of a process are read as they are."""

import os
import subprocess
import sys
import time

import pytest

from bench.process_use import counters, peak_rss_mb, use_since, with_children


def test_cpu_time_of_this_process_agrees_with_pythons_own() -> None:
    """Within 50 ms over 200 ms of work."""
    before, cpu_s = counters(os.getpid()), time.process_time()
    while time.process_time() - cpu_s < 0.2:
        pass
    used_s = counters(os.getpid()).cpu_s - before.cpu_s
    assert used_s == pytest.approx(time.process_time() - cpu_s, abs=0.05)


def test_waits_are_counted_as_wake_ups() -> None:
    """Each of 20 waits is a wake-up; memory and threads are read beside it."""
    before = counters(os.getpid())
    for _ in range(20):
        time.sleep(0.005)
    use = use_since(before, os.getpid())
    assert 20 <= use.wakeups_per_s * (time.monotonic() - before.at_s) < 2000
    assert use.rss_mb > 10.0
    assert use.n_threads >= 1


def test_children_belong_to_their_parent() -> None:
    """A child is found while it runs; the memory of one that has ended is 0."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in with_children(os.getpid())
        child.communicate(b"\n")
    assert peak_rss_mb(child.pid) == 0.0
    assert peak_rss_mb(os.getpid()) > 10.0
