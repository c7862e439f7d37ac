"""What the tests of ``serd doctor`` share."""

import sys
from collections.abc import Callable
from typing import Any

import pytest

from testkit.doctor import FakePortAudio


@pytest.fixture
def microphone(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakePortAudio]:
    """Plugs in a microphone of the given kind."""

    def plug_in(**options: Any) -> FakePortAudio:  # noqa: ANN401
        library = FakePortAudio(**options)
        monkeypatch.setitem(sys.modules, "sounddevice", library)  # type: ignore[arg-type]
        return library

    return plug_in
