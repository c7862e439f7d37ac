"""Fixtures of the tests of the daemon's loop."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from serd.daemon.service import Service
from serd.daemon.systemd import ServiceManager
from serd.settings.loader import Settings
from testkit.services import ReportRecorder, RunningService, ScriptedOpener, Start


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts services; those that still run are stopped after the test."""
    running: list[RunningService] = []
    managers: list[ServiceManager] = []

    def start_service(
        opener: ScriptedOpener,
        settings: Settings | None = None,
        *,
        load: Callable[[], Settings] | None = None,
        wait_for_sources: bool = False,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> RunningService:
        settings = settings or Settings()
        recorder = ReportRecorder()
        managers.append(ServiceManager(environment))
        service = Service(
            settings,
            load=load or (lambda: settings),
            state_folder=tmp_path,
            opener=opener,
            manager=managers[-1],
            wait_for_sources=wait_for_sources,
            publishers=recorder,
        )
        running.append(RunningService(service, recorder))
        return running[-1]

    yield start_service
    for each in running:
        if each.thread.is_alive():
            each.end()
    for manager in managers:
        manager.close()
