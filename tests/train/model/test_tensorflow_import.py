"""TensorFlow is imported in silence; a failure shows what was said, and a missing library what to do."""

import importlib
import os
import subprocess
import sys

import pytest

from serd.errors import LibraryError
from train.model.tensorflow_import import tensorflow_for


def test_what_is_said_while_it_loads_is_not_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """Standard error is silent only until it is loaded; what is said afterwards is shown."""
    with tensorflow_for("fit"):
        os.write(2, b"custom operations are on\n")
    print("afterwards", file=sys.stderr)
    assert capfd.readouterr().err == "afterwards\n"


def test_what_was_said_is_shown_if_loading_fails(capfd: pytest.CaptureFixture[str]) -> None:
    """The exception comes through, and standard error is as before."""
    with pytest.raises(ValueError, match="no memory"):
        _fail(b"cannot allocate\n")
    print("afterwards", file=sys.stderr)
    assert capfd.readouterr().err == "cannot allocate\nafterwards\n"


def _fail(said: bytes) -> None:
    with tensorflow_for("fit"):
        os.write(2, said)
        raise ValueError("no memory")


def test_where_it_is_missing_one_is_told_what_to_install() -> None:
    """The error says what needs TensorFlow, why it failed and which pip command helps."""
    missing = pytest.raises(LibraryError, match=r"fit needs TensorFlow \(No .*\): pip install")
    with missing, tensorflow_for("fit"):
        importlib.import_module("no_such_tensorflow")


@pytest.mark.tensorflow
@pytest.mark.parametrize("stderr", [subprocess.PIPE, None])
def test_tensorflow_itself_says_nothing(stderr: int | None) -> None:
    """With a standard error, and with one that whoever started the program has closed."""
    importing = "from train.model.tensorflow_import import tensorflow_for"
    code = f"{importing}\nwith tensorflow_for('x'): import keras"
    command = [sys.executable, "-c", code]
    if stderr is None:
        command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *command]
    done = subprocess.run(command, stderr=stderr, check=True)
    assert not done.stderr
