"""Fixtures of several test modules."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from serd.model.file import default_model_path, read_model
from serd.model.runtime import TfliteModel
from testkit.brokers import logged_lines
from testkit.models import Model

settings.register_profile("steady", deadline=None, derandomize=True, max_examples=60)
settings.load_profile("steady")

pytest.register_assert_rewrite("testkit.segmenter_pictures")  # or a failure would show no picture


@pytest.fixture
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Sets the local time zone to UTC until the end of the test."""
    with monkeypatch.context() as changed:
        changed.setenv("TZ", "UTC")
        time.tzset()
        yield
    time.tzset()


@pytest.fixture
def lines() -> Iterator[list[str]]:
    """The lines that serd logs during the test."""
    with logged_lines() as logged:
        yield logged


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recordings beside the checkout."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not (folder / "ravdess").is_dir():
        pytest.skip(f"RAVDESS is missing ({folder / 'ravdess'}); other tests use a synthetic voice")
    return folder


@pytest.fixture(scope="session")
def ravdess_clips(shared_data: Path) -> list[Path]:
    """Forty speech clips: two of each of twenty actors, all emotions."""
    clips = sorted((shared_data / "ravdess" / "Audio_Speech_Actors_01-24").rglob("03-01-*"))
    return [clips[30 * number + 7 * number % 30] for number in range(40)]


@pytest.fixture(scope="session")
def real_model() -> TfliteModel:
    """The model that comes with serd."""
    return TfliteModel(default_model_path())


@pytest.fixture(scope="session")
def served() -> Model:
    """The network that comes with serd, and its card."""
    return read_model(default_model_path())
