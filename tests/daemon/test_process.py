"""Memory that is freed and needed again costs no new pages."""

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
begun = faults()
for _ in range(20):
    use()
print(faults() - begun)
"""


def _new_pages(before: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _COUNT.format(before=before)], capture_output=True, text=True, check=True
    )
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library is left as it is")
def test_blocks_that_come_and_go_together_stay_with_the_process() -> None:
    """2.4 MB of arrays, twenty times: some 600 pages each time without it."""
    kept = _new_pages("from serd.daemon.process import keep_freed_memory; keep_freed_memory()")
    assert kept < 200
    assert _new_pages("") > 20 * kept
