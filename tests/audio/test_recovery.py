"""A microphone recovers in the same process if its server dies or its library hangs.

scripts/check_recovery.py repeats this twenty times and measures it.
"""

import textwrap
from pathlib import Path

import pytest
from check_recovery import recoveries

from testkit.brokers import Listener, mosquitto, wait_until
from testkit.daemons import serd
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
    first, second = recoveries(2, play_each=2)
    for recovery in (first, second):
        # The promise is 5 s and 10 s on an idle machine; the margin is for a busy one.
        assert recovery.offline_s < 8.0
        assert recovery.online_s < 15.0
    assert second.n_events
    assert (first.footprint.n_threads, first.footprint.n_files) == (
        second.footprint.n_threads,
        second.footprint.n_files,
    )
