"""A real RTSP server that plays a recording again and again, and that can be killed."""

import shutil
import socket
import subprocess
from pathlib import Path
from typing import Final

from testkit.brokers import free_port, wait_until

PACKAGES: Final = ("ffmpeg", "gir1.2-gst-rtsp-server-1.0", "gstreamer1.0-plugins-good", "python3-gi")
"""Debian packages of the server and of ffmpeg, which serd reads it with."""
_PYTHON: Final = "/usr/bin/python3"
_SCRIPT: Final = Path(__file__).with_name("rtsp_server.py")
_PROBE: Final = "import gi; gi.require_version('GstRtspServer', '1.0')"


def missing_packages() -> str:
    """What to install if the server or ffmpeg is missing; empty if both are there."""
    if shutil.which("ffmpeg") and Path(_PYTHON).exists():
        probe = subprocess.run([_PYTHON, "-c", _PROBE], capture_output=True, check=False)
        if probe.returncode == 0:
            return ""
    return f"apt-get install {' '.join(PACKAGES)}"


class RtspServer:
    """The server; ``kill`` and ``start`` keep its address."""

    def __init__(self, recording: Path) -> None:
        """Set up; ``start`` starts the server. ``recording`` holds raw 16 kHz mono S16_LE."""
        self._port = free_port()
        self._recording = recording
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address of the stream."""
        return f"rtsp://127.0.0.1:{self._port}/live"

    def __enter__(self) -> "RtspServer":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start, and return once it listens."""
        command = [_PYTHON, str(_SCRIPT), str(self._port), str(self._recording)]
        self._process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        wait_until(self._listens, f"the RTSP server on {self._port}", 30.0)

    def kill(self) -> None:
        """Kill the server without notice to its clients."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port), 0.2).close()
        except OSError:
            return False
        return True
