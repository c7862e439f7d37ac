"""Fixtures of the tests of ``serd doctor``."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from testkit.doctor import FakePortAudio


@pytest.fixture
def microphone(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakePortAudio]:
    """Replaces PortAudio by a fake with one microphone."""

    def plug_in(**options: Any) -> FakePortAudio:  # noqa: ANN401
        library = FakePortAudio(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
        return library

    return plug_in
