"""Freed memory is reused without new pages from the kernel."""

import platform
import subprocess
import sys

import pytest

_COUNT = """
import resource
import numpy as np
{before}

def use() -> None:
    blocks = [np.ones(50_000) for _ in range(6)]
    del blocks

def faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

for _ in range(5):
    use()
n_before = faults()
for _ in range(20):
    use()
print(faults() - n_before)
"""


def _new_pages(before: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(before=before)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has these parameters")
def test_freed_blocks_stay_in_the_process() -> None:
    """2.4 MB of arrays, twenty times; without the setting each costs some 600 pages."""
    n_pages = _new_pages("from serd.daemon.process import keep_freed_memory; keep_freed_memory()")
    assert n_pages < 200
    assert _new_pages("") > 20 * n_pages
