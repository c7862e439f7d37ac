"""serd analyze --dask: files on the workers of a cluster."""

import csv
import os
import shutil
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from distributed import CancelledError, Client, KilledWorker, LocalCluster

from serd.cli import main
from serd.cli.analyze import cluster as module
from serd.cli.analyze.cluster import Answer, Cluster, Request
from serd.errors import LibraryError, OperationError
from serd.model.file import default_model_path
from serd.settings.loader import Settings
from testkit.voices import silence, synthetic_voice

_REQUEST = Request(settings=Settings(), network_sha256="", paths=[], file_events_only=True)


@pytest.fixture(scope="module")
def workers() -> Iterator[LocalCluster]:
    """A scheduler with two worker processes of two threads each."""
    with LocalCluster(
        n_workers=2, threads_per_worker=2, dashboard_address=":0", processes=True
    ) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of forty short recordings; one cannot be read."""
    folder = tmp_path_factory.mktemp("calls")
    sound = np.concatenate((silence(0.3), synthetic_voice(1.0), silence(0.5)))
    for number in range(40):
        soundfile.write(folder / f"{number:02d}.wav", sound[: len(sound) - 160 * number], 16_000)
    (folder / "07.wav").write_text("no sound")
    return folder


def _rows(out: Path) -> list[list[str]]:
    with out.open(newline="") as file:
        return list(csv.reader(file))


def test_workers_give_what_this_process_gives(
    workers: LocalCluster, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rows are equal and in the same order, also for relative paths and two threads a worker."""
    here, there = tmp_path / "here.csv", tmp_path / "there.csv"
    monkeypatch.chdir(calls.parent)
    assert main(["analyze", "--jobs", "1", "--out", str(here), calls.name]) == 2
    assert main(["analyze", "--dask", workers.scheduler_address, "--out", str(there), calls.name]) == 2
    assert _rows(there) == _rows(here)
    assert len(_rows(here)) == 40


def test_a_killed_worker_costs_nothing(
    workers: LocalCluster, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its files go to another one; each has one result."""
    with Client(workers.scheduler_address, set_as_default=False) as client:
        pids = client.run(os.getpid)
        killed = False

        def files() -> Iterator[Path]:
            nonlocal killed
            for number in range(60):
                yield calls / f"{number % 5:02d}.wav"
                if number == 20:
                    os.kill(next(iter(pids.values())), signal.SIGKILL)
                    killed = True

        settings = Settings()
        sha = module.loaded_model(settings.model).card.network_sha256
        request = Request(settings=settings, network_sha256=sha, paths=[], file_events_only=True)
        results = list(Cluster(workers.scheduler_address, client, request).results(files()))
        assert killed
        assert [result.path.name for result in results] == [f"{n % 5:02d}.wav" for n in range(60)]
        assert not [result.error for result in results if result.error]
    assert "Traceback" not in capsys.readouterr().err


@dataclass
class _FakeFuture:
    paths: list[Path]
    error: Exception | None = None
    is_blind: bool = False

    def add_done_callback(self, callback: Callable[["_FakeFuture"], None]) -> None:
        if not isinstance(self.error, TimeoutError):
            callback(self)

    def result(self) -> Answer:
        if self.error:
            raise self.error
        error = "no such file" if self.is_blind else ""
        results = [module.FileResult(path=path, error=error) for path in self.paths]
        return Answer(host="nas", results=results, unseen=self.paths if self.is_blind else [])


@dataclass
class _FakeClient:
    """A cluster of three threads that remembers what it was given."""

    threads: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 2})
    bad: frozenset[str] = frozenset()
    error: Exception | None = None
    is_blind: bool = False
    submitted: list[list[Path]] = field(default_factory=list)

    def nthreads(self) -> dict[str, int]:
        return self.threads

    def submit(self, _work: object, _version: str, request: bytes, *, pure: bool) -> _FakeFuture:
        assert not pure
        paths = module.pickle.loads(request).paths
        self.submitted.append(paths)
        is_bad = any(path.name in self.bad for path in paths)
        return _FakeFuture(paths, self.error if is_bad else None, self.is_blind)


def _fake_cluster(client: Any) -> Cluster:  # noqa: ANN401
    return Cluster("tcp://nas:8786", client, _REQUEST)


def test_only_a_few_batches_are_submitted_ahead() -> None:
    """Of a million files no more are in flight than four batches of 64 for each thread."""
    client = _FakeClient()
    taken = 0

    def files() -> Iterator[Path]:
        nonlocal taken
        for taken in range(1_000_000):
            yield Path(f"/{taken}.wav")

    results = _fake_cluster(client).results(files())
    for number in range(5_000):
        assert next(results).path == Path(f"/{number}.wav")
        assert taken - number <= 4 * 64 * 3 + 64
    assert max(map(len, client.submitted)) == 64, "short files travel together"


def test_a_file_that_ends_every_worker_is_reported() -> None:
    """The files of its batch are tried one by one, so that it alone has no result."""
    error = KilledWorker("task", None, 3)  # type: ignore[arg-type]
    client = _FakeClient(bad=frozenset({"30.wav"}), error=error)
    files = [Path(f"/{number}.wav") for number in range(60)]
    results = list(_fake_cluster(client).results(files))
    assert [result.path for result in results] == files
    assert [result.path.name for result in results if result.error] == ["30.wav"]
    assert "ended every Dask worker that read it" in results[30].error


def test_a_cluster_that_loses_its_workers_is_not_waited_for_forever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The message says how to start a worker."""
    monkeypatch.setattr(module, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(module, "_POLL_S", 0.01)
    client = _FakeClient(bad=frozenset({"a.wav"}), error=TimeoutError())
    results = _fake_cluster(client).results([Path("/a.wav")])
    monkeypatch.setattr(client, "nthreads", iter([{"a": 1}, {}, {}]).__next__)
    with pytest.raises(OperationError, match="has no worker; start some with `dask worker"):
        next(results)


def test_another_version_on_a_worker_is_named(
    workers: LocalCluster, calls: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """One line says which version the worker has, and which one it needs."""
    monkeypatch.setattr(module, "__version__", "99.0")
    assert main(["analyze", "--dask", workers.scheduler_address, str(calls)]) == 1
    assert "and this command is serd 99.0" in lines[-1]
    assert "every worker needs serd 99.0" in lines[-1]


def test_a_model_that_a_worker_lacks_is_named(
    workers: LocalCluster, calls: Path, tmp_path: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A path that only this process sees is said with the worker's machine."""
    model = tmp_path / "mine.tflite"
    shutil.copy(default_model_path(), model)
    monkeypatch.chdir(tmp_path)
    flags = ["analyze", "--dask", workers.scheduler_address, str(calls)]
    assert main([*flags, "--model", "mine.tflite"]) == 1
    assert "mine.tflite" in lines[-1]
    assert "the same model" in lines[-1]


def test_another_model_under_the_same_name_is_named() -> None:
    """A worker whose file has another network says so, and analyzes nothing."""
    request = module.pickle.dumps(module.replace(_REQUEST, paths=[Path("/a.wav")]))
    got = module.answer(module.__version__, request)
    assert "and this command has another one" in got.problem
    assert not got.results


def test_files_that_a_worker_does_not_see_are_named(tmp_path: Path) -> None:
    """The line names a file that is here and not there; one that is nowhere is an ordinary error."""
    here = tmp_path / "a.wav"
    here.touch()

    (gone,) = _fake_cluster(_FakeClient(is_blind=True)).results([tmp_path / "gone.wav"])
    assert gone.error.endswith("no such file")
    with pytest.raises(OperationError, match=r"Dask worker on nas: does not see .*/a\.wav"):
        next(_fake_cluster(_FakeClient(is_blind=True)).results([here]))


_MISSING = ModuleNotFoundError("No module named 'serd'")


@pytest.mark.parametrize("is_scheduler", [False, True])
def test_a_cluster_without_serd_is_named(*, is_scheduler: bool) -> None:
    """A worker raises the error of the import, and a scheduler one with it as the cause."""
    error = RuntimeError("Error during deserialization") if is_scheduler else _MISSING
    error.__cause__ = _MISSING if is_scheduler else None
    client = _FakeClient(bad=frozenset({"a.wav"}), error=error)
    with pytest.raises(OperationError, match="at tcp://nas:8786 has no serd, or another version"):
        next(_fake_cluster(client).results([Path("/a.wav")]))


@pytest.mark.parametrize("error", [CancelledError("lost"), OSError("closed")])
def test_a_scheduler_that_goes_away_is_named(error: Exception) -> None:
    """The line says that the same command continues."""
    client = _FakeClient(bad=frozenset({"a.wav"}), error=error)
    with pytest.raises(OperationError, match=r"went away .* the same command continues"):
        next(_fake_cluster(client).results([Path("/a.wav")]))


def test_no_scheduler_is_one_line(
    calls: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 1; the address is named."""
    monkeypatch.setattr(module, "_CONNECT_S", 0.5)
    assert main(["analyze", "--dask", "tcp://127.0.0.1:9", str(calls)]) == 1
    assert "no Dask scheduler at tcp://127.0.0.1:9" in lines[-1]


@pytest.mark.parametrize(
    "address",
    ["scheduler.local", "tcp://:8786", "tcp://h:99999", "http://h:8786", "tcp://[::1:8786"],
)
def test_an_address_that_is_none_is_one_line(
    address: str, calls: Path, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2, before Dask gets it, which would hang for 20 s at the end of the process."""
    monkeypatch.setattr("distributed.Client", None)
    assert main(["analyze", "--dask", address, str(calls)]) == 2
    assert "expected the address of a Dask scheduler, such as tcp://host:8786" in lines[-1]


def test_a_missing_library_is_named(
    calls: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str]
) -> None:
    """The line says what to install."""
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert main(["analyze", "--dask", "tcp://127.0.0.1:9", str(calls)]) == LibraryError.exit_code
    assert "pip install 'serd[dask]'" in lines[-1]
