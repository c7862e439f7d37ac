"""What the tests of the daemon's loop share."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from serd.daemon.service import Service
from serd.daemon.systemd import ServiceManager
from serd.settings.loader import Settings
from testkit.services import Notebook, Openings, Running, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services, and ends those that still run."""
    running: list[Running] = []
    managers: list[ServiceManager] = []

    def begin(
        openings: Openings,
        settings: Settings | None = None,
        *,
        reload: Callable[[], Settings] | None = None,
        waits: bool = False,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> Running:
        settings = settings or Settings()
        notebook = Notebook()
        managers.append(ServiceManager(environment))
        service = Service(
            settings,
            reload=reload or (lambda: settings),
            folder=tmp_path,
            opener=openings,
            manager=managers[-1],
            waits=waits,
            publishers=notebook,
        )
        running.append(Running(service, notebook))
        return running[-1]

    yield begin
    for each in running:
        if each.thread.is_alive():
            each.end()
    for manager in managers:
        manager.close()
