"""A virtual microphone: PulseAudio with a null sink, from whose monitor programs record."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from testkit.brokers import wait_until

PROGRAMS = ("pulseaudio", "pactl", "paplay")
_READY_S = 30.0


def missing_program() -> str:
    """The first program of ``PROGRAMS`` that is not installed; empty if all are."""
    return next((name for name in PROGRAMS if shutil.which(name) is None), "")


class PulseAudio:
    """A PulseAudio server; ``kill`` and ``start`` keep its address, so that clients find it again."""

    def __init__(self, folder: Path, resampler: str = "") -> None:
        """Set up; ``start`` starts the server.

        Args:
            folder: for all files of the server and its clients.
            resampler: resample method of the server; empty for its default, speex-float-1.
        """
        self._resampler = resampler
        self._own = {"XDG_RUNTIME_DIR": str(folder), "HOME": str(folder)}
        client_settings = folder / "client.conf"
        # Otherwise a client that finds no server would start one for the user.
        client_settings.write_text("autospawn = no\n")
        self.variables = self._own | {
            "PULSE_SERVER": f"unix:{folder}/pulse/native",
            "PULSE_COOKIE": str(folder / "cookie"),
            "PULSE_CLIENTCONFIG": str(client_settings),
        }
        """Environment variables with which the device "pulse" is the virtual microphone."""
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and return once the microphone exists.

        Raises:
            AssertionError: it does not exist in time.
        """
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += [f"--resample-method={self._resampler}"] if self._resampler else []
        command += ["-L", "module-native-protocol-unix"]
        command += ["-L", "module-null-sink sink_name=virt rate=48000 channels=1"]
        elsewhere = {"PULSE_SERVER", "PULSE_RUNTIME_PATH", "PULSE_COOKIE", "PULSE_CLIENTCONFIG"}
        environment = {name: text for name, text in os.environ.items() if name not in elsewhere}
        self._process = subprocess.Popen(command, env=environment | self._own, stderr=subprocess.DEVNULL)
        wait_until(self._has_sink, "PulseAudio to offer its sink", _READY_S)

    def kill(self) -> None:
        """Kill the server without notice to its clients."""
        self._end(kill=True)

    def stop(self) -> None:
        """End the server."""
        self._end(kill=False)

    def play(self, path: Path) -> float:
        """Play a sound file to its end; returns the Unix time of its first sample, in seconds."""
        command = ["paplay", "--verbose", "--latency-msec=30", str(path)]
        environment = os.environ | self.variables
        with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as player:
            assert player.stderr is not None
            output = b""
            while b"Stream started." not in output:
                chunk = os.read(player.stderr.fileno(), 4096)
                assert chunk, f"paplay played nothing: {output.decode()}"
                output += chunk
            started_s = time.time()
            while os.read(player.stderr.fileno(), 65536):
                pass
        return started_s

    def _has_sink(self) -> bool:
        command = ["pactl", "list", "short", "sinks"]
        environment = os.environ | self.variables
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        return "virt" in done.stdout

    def _end(self, *, kill: bool) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill() if kill else process.terminate()
            process.wait()


@contextlib.contextmanager
def virtual_microphone(resampler: str = "") -> Iterator[PulseAudio]:
    """Run PulseAudio with a virtual microphone until the block is left."""
    with tempfile.TemporaryDirectory(prefix="serd-pulse-") as folder:
        server = PulseAudio(Path(folder), resampler)
        try:
            server.start()
            yield server
        finally:
            server.stop()
