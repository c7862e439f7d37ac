"""Part ``start``: from the start of the process to READY, and which imports take the time."""

import contextlib
import re
import subprocess
import sys
import time
from collections import defaultdict
from typing import Any, Final

from bench.context import Context, Figures
from bench.daemon import daemon, environment
from bench.spread import paired_ratios, spread
from testkit.brokers import mosquitto
from testkit.notify_sockets import notify_socket

_IMPORT_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \|\s*(\S+)")
_N_PACKAGES: Final = 12
_READY_S: Final = 60.0

_PEER_PROGRAM: Final = """
import numpy as np
try:
    from bench.peers import make
    deal = make("librosa-keras").deal
except ImportError as exc:
    print(exc)
else:
    deal(np.ones(48000, np.int16))
    print("ready")
"""


def start(context: Context) -> Figures:
    """The daemon with a broker and a pipe, and the article's way up to its first prediction."""
    serd_s: list[float] = []
    peer_s: list[float] = []
    reason = ""
    for number in range(context.sizes.n_starts):
        context.say(f"start: {number + 1} of {context.sizes.n_starts}")
        serd_s.append(_serd_start_s(context))
        took_s, reason = _peer_start_s(context)
        peer_s.append(took_s)
    figures: dict[str, Any] = {
        "ready_s": spread(serd_s).to_json(),
        "imports_ms": _imports_ms(context),
        "left_out": {"librosa-keras": reason} if reason else {},
    }
    if not reason:
        figures["peer_ready_s"] = spread(peer_s).to_json()
        figures["ratio"] = paired_ratios(peer_s, serd_s).to_json()
    return figures


def import_times_ms(report: str) -> dict[str, float]:
    """Time that the modules of each package took, in milliseconds, from ``python -X importtime``.

    Args:
        report: what Python wrote to its standard error.
    """
    times_ms: dict[str, float] = defaultdict(float)
    for line in report.splitlines():
        if match := _IMPORT_LINE.match(line):
            times_ms[package_of(match[3])] += int(match[1]) / 1e3
    return times_ms


def package_of(module: str) -> str:
    """The package that a module belongs to; "standard library" for those that come with Python."""
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
    """How long it took, and why it cannot start; empty if it can."""
    command = ["taskset", "-c", str(context.core), sys.executable, "-c", _PEER_PROGRAM]
    started_s = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    last = (done.stdout.strip() or done.stderr.strip()).splitlines()[-1]
    return time.monotonic() - started_s, "" if last == "ready" else last


def _imports_ms(context: Context) -> dict[str, float]:
    """The packages that take longest in a daemon up to READY, in milliseconds."""
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
            with contextlib.suppress(TimeoutError):
                manager.read_until("READY", _READY_S)
            process.kill()
            process.communicate()
    times_ms = import_times_ms((home / "report").read_text(errors="replace"))
    largest = sorted(times_ms.items(), key=lambda item: -item[1])
    return {"all": sum(times_ms.values()), **dict(largest[:_N_PACKAGES])}
