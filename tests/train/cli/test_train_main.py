"""``python -m train`` as a process that somebody starts and ends."""

import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE, Popen, run
from threading import Timer

import pytest
from made_corpora import write_release

_START_S, _END_S = 300.0, 60.0


@pytest.mark.tensorflow
def test_a_training_that_is_ended_takes_its_processes_along(corpus_root: Path, tmp_path: Path) -> None:
    """By ``kill``, as by Ctrl-C; each process holds the output open, which ends with the last one."""
    words = ["fit", corpus_root, "--quick", "--epochs", 100_000, "--members", 2, "--jobs", 2]
    words += ["--work", tmp_path, "--out", tmp_path / "none.tflite"]
    command = [sys.executable, "-m", "train", *map(str, words)]
    with Popen(command, stdout=PIPE, stderr=PIPE, text=True, start_new_session=True) as process:
        late = Timer(_START_S, os.killpg, (process.pid, signal.SIGKILL))
        late.start()
        try:
            assert process.stdout is not None
            assert any("epoch 1/100000" in line for line in process.stdout), "no epoch, or too late"
            process.terminate()
            _, said = process.communicate(timeout=_END_S)
        finally:
            late.cancel()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert "train: interrupted; what is finished is kept" in said
    assert "Traceback" not in said


def test_tables_are_written_in_every_encoding(tmp_path: Path) -> None:
    """An inventory, which draws a dot for no clip, works in ASCII."""
    write_release(tmp_path)
    done = run(
        [sys.executable, "-m", "train", "data", str(tmp_path)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
        text=True,
    )
    assert "Traceback" not in done.stderr
    assert "RAVDESS song" in done.stdout
