"""The page on a free port, and clients of it."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from serd.daemon.supervisor import Supervisor
from serd.events.alert import AlertKey
from serd.model.labels import EMOTIONS
from serd.publishers import Context
from serd.publishers.web import Settings, Web, create
from testkit.brokers import DEADLINE_S
from testkit.web_client import Command, Start, WebClient


@pytest.fixture
def commands() -> list[Command]:
    """The commands that the page has passed to the daemon."""
    return []


@pytest.fixture
def context(tmp_path: Path, commands: list[Command]) -> Context:
    """A daemon with one source and one alert."""
    return Context(
        node="pi",
        sources=("mic",),
        threads=Supervisor(),
        alerts=(AlertKey("mic", "angry"),),
        labels=EMOTIONS,
        state_folder=tmp_path / "state",
        command=lambda *command: commands.append(command),
    )


@pytest.fixture
def start(context: Context) -> Iterator[Start]:
    """Starts pages on free ports."""
    with ExitStack() as ends:

        def start(**values: object) -> Web:
            page = create(Settings(enabled=True, port=0, **values), context)  # type: ignore[arg-type]
            assert page is not None
            page.start()
            ends.callback(page.close, DEADLINE_S)
            return page

        yield start


@pytest.fixture
def page(start: Start) -> Web:
    """A page without a password."""
    return start()


@pytest.fixture
def client(page: Web) -> WebClient:
    """A client of the page without a password."""
    return WebClient(page.port)
