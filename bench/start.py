"""Part ``start``: from the start of the process to READY, and which imports take the time."""

import re
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any, Final

from bench.context import Context, Measurements
from bench.daemon import daemon, environment
from bench.statistics import paired_ratios, summarize
from bench.tables import Section, Table, left_out, rounded, with_quartiles
from testkit.brokers import mosquitto
from testkit.notify_sockets import notify_socket

_IMPORT_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s*(\S+)")
_N_PACKAGES: Final = 12
_READY_S: Final = 60.0

_PEER_PROGRAM: Final = """
import numpy as np
try:
    from bench.peers import make
    process = make("librosa-keras").process
except ImportError as exc:
    print(exc)
else:
    process(np.ones(48000, np.int16))
    print("ready")
"""


def measure(context: Context) -> Measurements:
    """Measure the daemon up to READY, and the article's method up to its first prediction."""
    serd_s: list[float] = []
    peer_s: list[float] = []
    reason = ""
    for number in range(context.workload.n_starts):
        context.say(f"start: {number + 1} of {context.workload.n_starts}")
        serd_s.append(_serd_start_s(context))
        elapsed_s, reason = _peer_start_s(context)
        peer_s.append(elapsed_s)
    measured: dict[str, Any] = {
        "ready_s": summarize(serd_s).to_json(),
        "imports_ms": _imports_ms(context),
        "left_out": {"librosa-keras": reason} if reason else {},
    }
    if not reason:
        measured["peer_ready_s"] = summarize(peer_s).to_json()
        measured["ratio"] = paired_ratios(peer_s, serd_s).to_json()
    return measured


def import_times_ms(report: str) -> dict[str, float]:
    """Import time of the modules of each package, in milliseconds.

    Args:
        report: the standard error of ``python -X importtime``.
    """
    times_ms: dict[str, float] = defaultdict(float)
    for line in report.splitlines():
        if match := _IMPORT_LINE.match(line):
            times_ms[package_of(match[3])] += int(match[1]) / 1e3
    return times_ms


def package_of(module: str) -> str:
    """The package of a module; "standard library" for those that come with Python."""
    package = module.partition(".")[0]
    is_standard = package in sys.stdlib_module_names or package in {"encodings", "zipimport"}
    return "standard library" if is_standard else package


def _serd_start_s(context: Context) -> float:
    with mosquitto() as broker, notify_socket(context.folder) as manager:
        started_s = time.monotonic()
        with daemon(
            ("--source", "-", "--host", broker.host, "--port", broker.port),
            home=context.folder / "start",
            core=context.core,
            extra={"NOTIFY_SOCKET": manager.address},
        ):
            manager.read_until("READY", _READY_S)
            return time.monotonic() - started_s


def _peer_start_s(context: Context) -> tuple[float, str]:
    """The time that the peer took, in seconds, and the reason why it cannot run, empty if it can."""
    command = ["taskset", "-c", str(context.core), sys.executable, "-c", _PEER_PROGRAM]
    started_s = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
    return time.monotonic() - started_s, "" if last == "ready" else last


def _imports_ms(context: Context) -> dict[str, float]:
    """The packages with the longest imports in a daemon up to READY, in milliseconds."""
    home = context.folder / "imports"
    home.mkdir(exist_ok=True)
    with mosquitto() as broker, notify_socket(context.folder) as manager:
        # At level debug the daemon leaves standard error to Python, which writes the times there.
        extra = {"NOTIFY_SOCKET": manager.address, "SERD_LOG_LEVEL": "debug"}
        with (home / "report").open("wb") as report:
            process = subprocess.Popen(
                [sys.executable, "-X", "importtime", "-m", "serd", "run", "--source", "-", "--host",
                 broker.host, "--port", str(broker.port)],
                stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=report,
                env=environment(home, extra),
            )  # fmt: skip
            try:
                manager.read_until("READY", _READY_S)
            finally:
                process.kill()
                process.communicate()
    times_ms = import_times_ms((home / "report").read_text(errors="replace"))
    largest = sorted(times_ms.items(), key=lambda item: -item[1])
    return {"all": sum(times_ms.values()), **dict(largest[:_N_PACKAGES])}


def section(measured: Measurements) -> Section:
    """The section of the report."""
    rows = [("serd run, to READY", with_quartiles(measured["ready_s"]))]
    if "peer_ready_s" in measured:
        rows.append(("(b), to its first prediction", with_quartiles(measured["peer_ready_s"])))
    imports = tuple((name, rounded(ms)) for name, ms in measured["imports_ms"].items())
    return Section(
        title="Start",
        about="From the start of the process, with files in the system's cache. Imports are those of `-X"
        " importtime`, which takes time itself; each package counts its own modules alone.",
        tables=[
            Table(head=("", "seconds"), rows=tuple(rows)),
            Table(head=("imports", "ms"), rows=imports),
        ],
        notes=left_out(measured),
    )
