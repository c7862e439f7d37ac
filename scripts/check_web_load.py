"""What the page costs the daemon, and what its clients can do to it.

cost    CPU time and memory with the page off, on and open, on speech and in quiet
load    50 open pages, and one that never reads, during an hour of sound at full speed
flood   as many requests as the server takes from one address, and slow clients, during live speech

The exit code is 1 if a figure is beyond its bound.

    python scripts/check_web_load.py              all, about six minutes
    python scripts/check_web_load.py flood
"""

import argparse
import contextlib
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import soundfile

from bench.system import counters, usage_since
from serd.audio.format import SAMPLE_RATE_HZ
from serd.daemon.supervisor import Supervisor
from serd.events.reports import LevelReport, SpeechReport
from serd.publishers import Context
from serd.publishers.web import Settings, Web
from testkit.brokers import free_port, wait_until
from testkit.daemons import Daemon, serd
from testkit.made_events import make_event
from testkit.voices import quiet_room, synthetic_voice

N_PAGES: Final = 50
HOUR_S: Final = 3600.0
SPAN_S: Final = 40.0
"""Length of each measurement at live pace, in seconds."""
MOST_CPU_PERCENT: Final = 1.5
"""Most CPU time of the daemon on speech while a page is open, in percent of a core."""
MOST_IDLE_PERCENT: Final = 0.2
"""Most CPU time of the page while none is open, in percent of a core."""
MOST_RSS_MB: Final = 100.0
MOST_GROWTH_MB: Final = 5.0
MOST_DELAY_MS: Final = 100.0
"""Most that an event may be later during a flood, in ms."""
N_SLOW: Final = 100
_SETTINGS: Final = """
[source]
input = "{sound}"
loop = true

[web]
enabled = {enabled}
port = {port}

[mqtt]
enabled = false
"""


class Reader:
    """A page that is open: it reads the stream of events, or nothing at all."""

    def __init__(self, port: int, *, reads: bool = True) -> None:
        self._socket = connected(port)
        self._socket.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        self.n_bytes = 0
        self.has_ended = False
        if reads:
            threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65_536):
                self.n_bytes += len(data)
        self.has_ended = True

    @property
    def is_dropped(self) -> bool:
        """Whether the daemon has ended the connection."""
        self._socket.setblocking(False)
        try:
            while self._socket.recv(1_000_000):
                pass
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def close(self) -> None:
        """End the connection."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def write_speech(path: Path) -> None:
    """Write 35 s of voices with pauses between them."""
    parts = []
    for number in range(4):
        voice = synthetic_voice(7.0, seed=number, f0_hz=100.0 + 20.0 * number)
        parts += [voice, quiet_room(1.5, seed=number)]
    soundfile.write(path, np.concatenate(parts), SAMPLE_RATE_HZ)


@contextmanager
def running(
    folder: Path, sound: Path, *arguments: str, enabled: bool = True
) -> Iterator[tuple[Daemon, int]]:
    """A daemon with the page on a port."""
    port = free_port()
    settings = folder / "serd.toml"
    text = _SETTINGS.format(sound=sound, enabled=str(enabled).lower(), port=port)
    settings.write_text(text)
    with serd("run", "--config", settings, "--json", *arguments, home=folder) as daemon:
        daemon.wait_for_log("page on" if enabled else "listening to")
        yield daemon, port
        daemon.stop()


def cpu_percent(daemon: Daemon) -> float:
    """CPU time of the daemon over a span, in percent of a core."""
    before = counters(daemon.process.pid)
    time.sleep(SPAN_S)
    return usage_since(before, daemon.process.pid).cpu_percent


def page_percent(n_pages: int) -> float:
    """CPU time of the page alone, in percent of a core, with the reports of speech.

    It runs in this process, which does nothing else, and those who read it in another one.
    """
    context = Context(node="pi", sources=("mic",), threads=Supervisor())
    page = Web(Settings(enabled=True, port=0), context)
    page.start()
    code = f"import time, sys; sys.path[:0] = {sys.path!r}; from check_web_load import Reader\n"
    code += f"all = [Reader({page.port}) for _ in range({n_pages})]; time.sleep(1000)"
    with subprocess.Popen([sys.executable, "-c", code]) as reader:
        try:
            time.sleep(3.0)
            before_s, start_s = time.process_time(), time.monotonic()
            for number in range(round(SPAN_S)):
                page.publish(LevelReport(source="mic", level_dbfs=-40.0 + number % 9, guesses={}))
                time.sleep(0.5)
                page.publish(make_event(number, kind="window"))
                if number % 5 == 0:
                    page.publish(SpeechReport(source="mic", is_speaking=number % 2 == 0))
                    page.publish(make_event(1000 + number))
                time.sleep(0.5)
            return 100.0 * (time.process_time() - before_s) / (time.monotonic() - start_s)
        finally:
            reader.kill()
            page.close(5.0)


def connected(port: int, address: str = "127.0.0.1") -> socket.socket:
    """A connection to the page from an address of this machine."""
    return socket.create_connection(("127.0.0.1", port), source_address=(address, 0))


def latencies_ms(lines: list[str]) -> list[float]:
    """The latency of each event in lines of output."""
    return [json.loads(line)["latency_ms"] for line in lines]


def latencies_during(daemon: Daemon) -> tuple[float, float]:
    """The median and the greatest latency of the events of a span, in ms."""
    n_before = len(daemon.output)
    time.sleep(SPAN_S)
    found = latencies_ms(daemon.output[n_before:])
    return statistics.median(found), max(found)


def compared(before: tuple[float, float], during: tuple[float, float]) -> str:
    """Two medians and greatest values as text."""
    median, most = (f"{a:.1f} and {b:.1f} ms" for a, b in zip(before, during, strict=True))
    return f"median {median}, most {most}"


def told(what: str, figure: str, *, is_fine: bool) -> bool:
    """Print a figure; returns whether it is within its bound."""
    print(f"{'ok  ' if is_fine else 'FAIL'}  {what:<52} {figure}", flush=True)
    return is_fine


def check_cost(folder: Path, speech: Path) -> bool:
    """CPU time and memory with the page off, on and open."""
    quiet = folder / "quiet.wav"
    soundfile.write(quiet, quiet_room(30.0), SAMPLE_RATE_HZ)
    is_fine = True
    for name, sound in (("quiet", quiet), ("speech", speech)):
        figures = []
        for enabled, n_pages in ((False, 0), (True, 0), (True, 1)):
            with running(folder, sound, enabled=enabled) as (daemon, port), ExitStack() as pages:
                for _ in range(n_pages):
                    pages.callback(Reader(port).close)
                time.sleep(5.0)
                figures.append(cpu_percent(daemon))
                rss_mb = daemon.footprint().rss_mb
        off, on, opened = figures
        text = f"off {off:.2f} %, on {on:.2f} %, open {opened:.2f} % of a core, {rss_mb:.0f} MB"
        fits = rss_mb <= MOST_RSS_MB and opened <= MOST_CPU_PERCENT
        is_fine &= told(f"the daemon, {name}", text, is_fine=fits)
    idle, one, many = (page_percent(n_pages) for n_pages in (0, 1, N_PAGES))
    text = f"closed {idle:.3f} %, open {one:.2f} %, {N_PAGES} open {many:.1f} % of a core"
    fits = idle <= MOST_IDLE_PERCENT and one <= MOST_CPU_PERCENT
    is_fine &= told("the page alone, speech", text, is_fine=fits)
    return is_fine


def check_load(folder: Path, speech: Path) -> bool:
    """Many pages during an hour of sound at full speed."""
    times_s = {}
    is_fine = True
    for n_pages in (0, N_PAGES):
        with running(folder, speech, "--fast") as (daemon, port), ExitStack() as ends:
            pages = [Reader(port) for _ in range(n_pages)]
            deaf = Reader(port, reads=False) if n_pages else None
            for page in pages:
                ends.callback(page.close)
            n_events = round(HOUR_S / 35.0 * 28)
            wait_until(lambda: len(daemon.output) > n_events // 10, "the first events", 300.0)  # noqa: B023
            rss_mb, start_s = daemon.footprint().rss_mb, time.monotonic()
            wait_until(lambda: len(daemon.output) > n_events, "an hour", 600.0)  # noqa: B023
            times_s[n_pages] = (time.monotonic() - start_s) / 0.9
            growth_mb = daemon.footprint().rss_mb - rss_mb
            if deaf is not None:
                n_read = [page.n_bytes for page in pages]
                text = f"{min(n_read) / 1e6:.1f} to {max(n_read) / 1e6:.1f} MB each"
                is_fine &= told("pages are told", text, is_fine=not any(p.has_ended for p in pages))
                dropped = deaf.is_dropped
                is_fine &= told("a page that never reads", f"dropped: {dropped}", is_fine=dropped)
        text = f"{times_s[n_pages]:.1f} s, memory {growth_mb:+.1f} MB"
        is_fine &= told(f"an hour, {n_pages} pages", text, is_fine=growth_mb <= MOST_GROWTH_MB)
    with running(folder, speech) as (daemon, port), ExitStack() as ends:
        alone = latencies_during(daemon)
        for _ in range(N_PAGES):
            ends.callback(Reader(port).close)
        together = latencies_during(daemon)
    text, fits = compared(alone, together), together[0] - alone[0] < MOST_DELAY_MS
    return told(f"live events, 0 and {N_PAGES} pages", text, is_fine=fits) and is_fine


def check_flood(folder: Path, speech: Path) -> bool:
    """Requests without end, and slow clients."""
    with running(folder, speech) as (daemon, port), ExitStack() as ends:
        alone = latencies_during(daemon)
        rss_mb = daemon.footprint().rss_mb
        ended = threading.Event()
        ends.callback(ended.set)
        counts = [0, 0]

        def ask() -> None:
            while not ended.is_set():
                with (
                    contextlib.suppress(OSError),
                    socket.create_connection(("127.0.0.1", port)) as client,
                ):
                    while not ended.is_set():
                        client.sendall(b"GET /api/v1/state HTTP/1.1\r\nHost: localhost\r\n\r\n")
                        if not (answer := client.recv(65_536)):
                            break
                        counts[answer.startswith(b"HTTP/1.1 200")] += 1
                counts[0] += 1

        def hold() -> None:
            for _ in range(N_SLOW):
                with contextlib.suppress(OSError):
                    slow = connected(port, "127.0.0.2")
                    ends.callback(slow.close)
                    slow.sendall(b"GET / HTTP/1.1\r\nHost: ")

        start_s = time.monotonic()
        for _ in range(4):
            threading.Thread(target=ask, daemon=True).start()
        hold()
        during = latencies_during(daemon)
        ended.set()
        minutes = (time.monotonic() - start_s) / 60.0
        growth_mb = daemon.footprint().rss_mb - rss_mb
    refused, answered = counts
    text = (
        f"{(refused + answered) / minutes:,.0f} in a minute, {answered / minutes:,.0f} of them answered"
    )
    is_fine = told("requests and connections", text, is_fine=min(refused, answered) > 0)
    text = compared(alone, during)
    is_fine &= told("events before and during it", text, is_fine=during[1] - alone[1] < MOST_DELAY_MS)
    return told("memory", f"{growth_mb:+.1f} MB", is_fine=growth_mb <= MOST_GROWTH_MB) and is_fine


def main() -> int:
    """Run the checks; the exit code is 0 if every figure is within its bound."""
    checks = {"cost": check_cost, "load": check_load, "flood": check_flood}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("checks", nargs="*", metavar="CHECK", help=f"{', '.join(checks)}; default: all")
    args = parser.parse_args()
    if unknown := set(args.checks) - checks.keys():
        parser.error(f"no check {unknown.pop()!r}, expected one of: {', '.join(checks)}")
    with tempfile.TemporaryDirectory(prefix="serd-web-") as name:
        folder = Path(name)
        speech = folder / "speech.wav"
        write_speech(speech)
        results = [checks[each](folder, speech) for each in args.checks or checks]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
