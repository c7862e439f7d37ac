"""Files on the workers of a Dask cluster (``serd analyze --dask``).

Files go to the workers in batches of about a second of work, a few batches ahead of the next result, so
that neither this process nor the scheduler ever holds a million tasks. Results come back in the order of
the files. Dask repeats the batches of a worker that dies on another one.
"""

import logging
import pickle
import socket
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from serd import __version__
from serd.audio.paths import printable
from serd.cli.analyze.work import FileResult, analyze_one, loaded_model
from serd.errors import InputError, LibraryError, OperationError, SerdError
from serd.settings.loader import Settings

if TYPE_CHECKING:
    from distributed import Client, Future

_SCHEMES: Final = ("tcp", "tls", "ws", "wss", "ucx")
"""Protocols of Dask that reach another process; the first is that of an address without a scheme."""
_BATCH_S: Final = 1.0
"""Work in a batch, in seconds; less and Dask itself would take much of the time."""
_MAX_BATCH: Final = 64
"""Files in a batch."""
_BATCHES_PER_THREAD: Final = 4
"""Batches that are submitted ahead of the next result, for each thread of the workers."""
_CONNECT_S: Final = 10.0
"""Time in which the scheduler must be reached, in seconds."""
_POLL_S: Final = 2.0
"""Time between two looks at the cluster, in seconds."""
_PATIENCE_S: Final = 60.0
"""Time that a cluster may have no worker, in seconds, as while all of them restart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What a worker needs for a batch; it travels as bytes, which only the same version reads."""

    settings: Settings
    """All settings, with the name of the node."""
    network_sha256: str
    """Checksum of the network that the results are to come from."""
    paths: list[Path]
    """Absolute paths of the files."""
    file_events_only: bool
    """Whether to drop the events of windows and utterances."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What a worker gives back."""

    host: str
    """Name of the worker's machine."""
    problem: str = ""
    """Why the worker cannot do the work; empty if it can."""
    results: list[FileResult] = field(default_factory=list)
    """The result of each file, in their order."""
    unseen: list[Path] = field(default_factory=list)
    """The files that are not there on the worker."""
    elapsed_s: float = 0.0
    """Time that the files took, in seconds."""


def answer(version: str, request: bytes) -> Answer:
    """Analyze a batch on a worker.

    Args:
        version: of serd in the command.
        request: a pickled ``Request``.
    """
    host = socket.gethostname()
    if version != __version__:
        return Answer(host=host, problem=f"has serd {__version__}, and this command is serd {version}")
    wanted: Request = pickle.loads(request)  # noqa: S301 - a cluster runs the code of its clients
    try:
        card = loaded_model(wanted.settings.model).card
    except SerdError as exc:
        return Answer(host=host, problem=str(exc))
    if card.network_sha256 != wanted.network_sha256:
        return Answer(
            host=host,
            problem=f"has the model {card.name} {card.version} ({card.network_sha256[:8]}), and this"
            f" command has another one ({wanted.network_sha256[:8]}) under the same name",
        )
    start_s = time.monotonic()
    results = [
        analyze_one(wanted.settings, path, file_events_only=wanted.file_events_only)
        for path in wanted.paths
    ]
    return Answer(
        host=host,
        results=results,
        unseen=[each.path for each in results if each.error and not each.path.exists()],
        elapsed_s=time.monotonic() - start_s,
    )


class Cluster:
    """The workers of a Dask scheduler."""

    def __init__(self, address: str, client: "Client", request: Request) -> None:
        self._address = address
        self._client = client
        self._request = request
        self._batch_size = 1
        self._n_threads = 0
        self._looked_s = float("-inf")

    def results(self, files: Iterable[Path]) -> Iterator[FileResult]:
        """Yield the result of each file, in their order.

        Raises:
            OperationError: the cluster has no worker, or one that cannot do the work.
        """
        with _translated(self._address):
            yield from self._results(files)

    def _results(self, files: Iterable[Path]) -> Iterator[FileResult]:
        iterator = iter(files)
        pending: deque[tuple[list[Path], Future]] = deque()
        while True:
            while len(pending) < _BATCHES_PER_THREAD * self._threads():
                batch = list(islice(iterator, self._batch_size))
                if not batch:
                    break
                pending.append((batch, self._submit(batch)))
            if not pending:
                return
            yield from self._done(*pending.popleft())

    def _submit(self, paths: list[Path]) -> "Future":
        request = replace(self._request, paths=[path.absolute() for path in paths])
        return self._client.submit(answer, __version__, pickle.dumps(request), pure=False)

    def _done(self, paths: list[Path], future: "Future") -> Iterator[FileResult]:
        """Wait for a batch; one that ends every worker is tried again file by file."""
        from distributed import KilledWorker  # noqa: PLC0415

        try:
            got: Answer = self._wait(future)
        except KilledWorker:
            if len(paths) > 1:
                for path in paths:
                    yield from self._done([path], self._submit([path]))
            else:
                name = printable(paths[0])
                yield FileResult(
                    path=paths[0],
                    error=f"{name}: ended every Dask worker that read it, perhaps for lack of memory",
                )
            return
        if got.problem:
            raise OperationError(
                f"Dask worker on {got.host}: {got.problem}; every worker needs serd {__version__} and"
                " the same model"
            )
        if unseen := [path for path in got.unseen if path.exists()]:
            raise OperationError(
                f"Dask worker on {got.host}: does not see {printable(unseen[0])}, which is here; every"
                " worker needs the files at the same path"
            )
        self._adapt(len(paths), got.elapsed_s)
        for path, result in zip(paths, got.results, strict=True):
            yield _renamed(result, path)

    def _wait(self, future: "Future") -> Any:  # noqa: ANN401 - Dask has no types
        # Dask's own timeout loses a result that comes in the same moment, with an UnboundLocalError.
        is_done = threading.Event()
        future.add_done_callback(lambda _future: is_done.set())
        alone_since_s = None
        while not is_done.wait(_POLL_S):
            if self._client.nthreads():
                alone_since_s = None
                continue
            alone_since_s = alone_since_s or time.monotonic()
            if time.monotonic() - alone_since_s > _PATIENCE_S:
                raise self._no_worker()
        return future.result()

    def _adapt(self, n_files: int, elapsed_s: float) -> None:
        """Let a batch take about ``_BATCH_S``, and grow no faster than twofold."""
        fitting = round(_BATCH_S * n_files / max(elapsed_s, 1e-3))
        self._batch_size = min(max(1, fitting), 2 * self._batch_size, _MAX_BATCH)

    def _threads(self) -> int:
        """Number of threads of all workers, at least 1."""
        if time.monotonic() - self._looked_s > _POLL_S:
            is_first = self._n_threads == 0
            self._n_threads = sum(self._client.nthreads().values())
            self._looked_s = time.monotonic()
            if is_first and not self._n_threads:
                raise self._no_worker()
        return max(1, self._n_threads)

    def _no_worker(self) -> OperationError:
        return OperationError(
            f"the Dask scheduler at {self._address} has no worker; start some with"
            f" `dask worker {self._address}`"
        )


def analyze_on_cluster(
    files: Iterable[Path],
    settings: Settings,
    address: str,
    *,
    network_sha256: str,
    file_events_only: bool,
) -> Iterator[FileResult]:
    """Yield the result of each file, in their order, from the workers of a Dask cluster.

    Args:
        files: the files, which the workers see at the same paths.
        settings: all settings.
        address: of the scheduler, such as ``tcp://host:8786``.
        network_sha256: of the network that the results are to come from.
        file_events_only: whether to drop the events of windows and utterances.

    Raises:
        LibraryError: Dask is not installed.
        InputError: the address is none.
        OperationError: there is no scheduler, the cluster has no worker, or a worker has another serd,
            another model or other files.
    """
    node = replace(settings.node, name=settings.node.resolved_name)
    request = Request(
        settings=replace(settings, node=node),
        network_sha256=network_sha256,
        paths=[],
        file_events_only=file_events_only,
    )
    with _client(address) as client:
        yield from Cluster(address, client, request).results(files)


@contextmanager
def _client(address: str) -> Iterator["Client"]:
    try:
        from distributed import Client  # noqa: PLC0415
    except ImportError as exc:
        raise LibraryError(f"--dask needs Dask ({exc}): pip install 'serd[dask]'") from exc
    _check(address)
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # errors are raised as well
    try:
        client = Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as exc:
        raise OperationError(f"no Dask scheduler at {address}: {exc}") from exc
    with client:
        yield client


def _check(address: str) -> None:
    """Check the form of an address; with a wrong one, Dask's client would hang at its end.

    Raises:
        InputError: it has no host or port, or a scheme that is none of Dask's.
    """
    scheme, _, place = address.rpartition("://")
    try:
        parts = urlsplit(f"//{place}")
        is_complete = bool(parts.hostname and parts.port)
    except ValueError:
        is_complete = False
    if not is_complete or (scheme or _SCHEMES[0]) not in _SCHEMES:
        raise InputError(
            f"--dask {printable(address)}: expected the address of a Dask scheduler, such as"
            f" tcp://host:8786, with one of the schemes {', '.join(_SCHEMES)}"
        )


@contextmanager
def _translated(address: str) -> Iterator[None]:
    from distributed import CancelledError  # noqa: PLC0415

    try:
        yield
    except (ImportError, RuntimeError) as exc:
        missing = exc if isinstance(exc, ImportError) else exc.__cause__  # as the scheduler puts it
        if not isinstance(missing, ImportError):
            raise
        raise OperationError(
            f"the Dask cluster at {address} has no serd, or another version: {missing}; its scheduler"
            f" and every worker need serd {__version__}"
        ) from exc
    except (CancelledError, OSError) as exc:
        raise OperationError(
            f"the Dask scheduler at {address} went away ({exc}); the same command continues"
        ) from exc


def _renamed(result: FileResult, path: Path) -> FileResult:
    """The result of a file under the path by which it was found."""
    if result.path == path:
        return result
    name = printable(path)
    return replace(
        result,
        path=path,
        events=[replace(event, file=name) for event in result.events],
        error=result.error.replace(printable(result.path), name),
    )
