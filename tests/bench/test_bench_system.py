"""The machine, the versions and the resources of a process are those of the system."""

import os
import subprocess
import sys
import time
from importlib.metadata import distribution

import pytest

from bench.system import counters, peak_rss_mb, processor, usage_since, versions, with_children


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
    usage = usage_since(before, os.getpid())
    assert 20 <= usage.wakeups_per_s * (time.monotonic() - before.at_s) < 2000
    assert usage.rss_mb > 10.0
    assert usage.n_threads >= 1


def test_children_belong_to_their_parent() -> None:
    """A child is found while it runs; the memory of one that has ended is 0."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert child.pid in with_children(os.getpid())
        child.communicate(b"\n")
    assert peak_rss_mb(child.pid) == 0.0
    assert peak_rss_mb(os.getpid()) > 10.0


def test_the_processor_has_the_kernels_name() -> None:
    """On a PC and on a Raspberry Pi; empty where the kernel has none."""
    assert processor("processor\t: 0\nmodel name\t: AMD EPYC\n") == "AMD EPYC"
    assert processor("processor : 0\n\nModel\t\t: Raspberry Pi 4 Model B\n") == "Raspberry Pi 4 Model B"
    assert processor("") == ""


def test_versions_are_those_installed() -> None:
    """A Python package has the version of its metadata, and Mosquitto's begins with a digit."""
    found = versions()
    assert found["numpy"] == distribution("numpy").version
    assert found["mosquitto"][0].isdigit()
