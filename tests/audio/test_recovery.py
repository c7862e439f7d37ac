"""A microphone recovers in the same process if its server dies or its library hangs.

scripts/check_recovery.py repeats this twenty times and measures it.
"""

import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import check_recovery
import pytest
from check_recovery import Recovery

from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import Footprint, serd
from testkit.pulse import PROGRAMS, missing_program

HANGING = textwrap.dedent(
    """
    import pathlib, threading, time

    marker = pathlib.Path(__file__).with_name("has hung")

    class PortAudioError(Exception): ...

    class default:
        device = [0, 0]

    def query_hostapis():
        return [{"name": "ALSA"}]

    def query_devices():
        return [{"index": 0, "name": "USB", "max_input_channels": 1, "hostapi": 0,
                 "default_samplerate": 16000.0}]

    def _initialize(): ...
    def _terminate(): ...

    class Status:
        input_overflow = False

    class RawInputStream:
        def __init__(self, blocksize, callback, **_):
            self._block, self._callback = bytes(2 * blocksize), callback
            self._n_blocks = 10**9 if marker.exists() else 10

        def start(self):
            threading.Thread(target=self._run, daemon=True).start()

        def _run(self):
            for _ in range(self._n_blocks):
                self._callback(self._block, len(self._block) // 2, None, Status)
                time.sleep(len(self._block) / 32000)

        def abort(self, **_):
            if not marker.exists():
                marker.touch()
                threading.Event().wait()

        def close(self, **_): ...
    """
)
"""A fake of the module sounddevice: its first stream falls silent, and hangs when it is closed."""


def test_portaudio_that_hangs_is_replaced_in_the_same_process(tmp_path: Path) -> None:
    """The source is offline, serd restarts with the same process id, and the source is online again."""
    library = tmp_path / "library"
    library.mkdir()
    (library / "sounddevice.py").write_text(HANGING)
    with (
        mosquitto() as broker,
        Listener(broker) as listener,
        serd("run", "--source", "USB", "--node", "n", "--host", broker.host, "--port", broker.port,
             home=tmp_path, extra={"PYTHONPATH": str(library)}) as daemon,
    ):  # fmt: skip
        daemon.wait_for_log("PortAudio hangs")
        daemon.wait_for_log("restarting serd")
        topic = "serd/n/mic/availability"
        wait_until(lambda: listener.of(topic)[-1:] == ["online"], "the recovery")
        states = list(dict.fromkeys(listener.of(topic)[:-1]))
        assert states == ["online", "offline"]
        assert listener.of("serd/n/status") == ["online", "offline", "online"]
        assert daemon.process.poll() is None
        assert daemon.stop() == 0
    starts = [line for line in daemon.log if "version" in line]
    assert len(starts) == 2


def test_a_microphone_recovers_from_two_deaths_of_pulseaudio() -> None:
    """Offline within 5 s, online within 10 s of the server's return, and then with events again."""
    if missing := missing_program():
        pytest.skip(f"{missing} is not installed (needed: {', '.join(PROGRAMS)})")
    # The promise is 5 s and 10 s on an idle machine; the slack is for a busy one.
    assert check_recovery.main(["--rounds", "2", "--play-each", "2", "--slack", "1.5"]) == 0


STEADY = Recovery(
    offline_s=2.0,
    online_s=3.0,
    n_events=2,
    has_restarted=False,
    footprint=Footprint(rss_mb=70.0, n_threads=6, n_files=12),
)


@pytest.mark.parametrize(
    ("changes", "is_passed"),
    [
        ({}, True),
        ({"offline_s": 5.1}, False),
        ({"online_s": 10.1}, False),
        ({"n_events": 0}, False),
        ({"n_events": None}, True),
        ({"footprint": replace(STEADY.footprint, rss_mb=73.1)}, False),
        ({"footprint": replace(STEADY.footprint, n_threads=7)}, False),
        ({"footprint": replace(STEADY.footprint, n_files=13)}, False),
    ],
)
def test_a_recovery_that_is_late_or_grows_fails_the_check(
    changes: dict[str, Any],
    is_passed: bool,  # noqa: FBT001
) -> None:
    """The limits of scripts/check_recovery.py: time, events, memory, threads and files."""
    assert check_recovery.is_passed([STEADY, replace(STEADY, **changes)], 1.0) is is_passed
