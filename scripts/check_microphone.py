"""Plays recordings into a virtual microphone and compares what serd hears with the files.

PulseAudio runs with a null sink whose monitor is the microphone, a real Mosquitto takes the events, and
``serd run`` listens as it would to hardware. Each recording must bring one utterance event, at the right
time, with the emotion that ``serd analyze`` finds in the file.

    python scripts/check_microphone.py ../shared/data/ravdess --clips 40
"""

import argparse
import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

SERD = [sys.executable, "-m", "serd"]
_READY_S = 30.0
_HEARD_S = 15.0
_GAP_S = 1.2


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One recording, as the file says and as the microphone heard it."""

    path: Path
    n_utterances: int
    emotion_in_file: str
    emotion_heard: str
    start_error_s: float
    end_error_s: float


@contextlib.contextmanager
def virtual_microphone(resampler: str = "") -> Iterator[dict[str, str]]:
    """Run PulseAudio with a null sink; yields the environment in which its monitor is the microphone.

    Args:
        resampler: PulseAudio's resample method; empty for its own choice, speex-float-1.
    """
    with tempfile.TemporaryDirectory(prefix="serd-pulse-") as folder:
        environment = os.environ | {"XDG_RUNTIME_DIR": folder, "HOME": folder}
        for name in ("PULSE_SERVER", "PULSE_RUNTIME_PATH"):
            environment.pop(name, None)
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += [f"--resample-method={resampler}"] if resampler else []
        command += ["-L", "module-native-protocol-unix"]
        command += ["-L", "module-null-sink sink_name=virt rate=48000 channels=1"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(
                    lambda: _runs(["pactl", "list", "short", "sinks"], environment, "virt"),
                    "PulseAudio to offer its sink",
                )
                yield environment
            finally:
                server.terminate()


@contextlib.contextmanager
def broker() -> Iterator[int]:
    """Run Mosquitto on a free port of the loopback address; yields the port."""
    with tempfile.TemporaryDirectory(prefix="serd-broker-") as folder:
        port = free_port()
        settings = Path(folder) / "mosquitto.conf"
        settings.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\n")
        command = ["mosquitto", "-c", str(settings)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as server:
            try:
                wait_for(lambda: _answers(port), "Mosquitto to answer")
                yield port
            finally:
                server.terminate()


@contextlib.contextmanager
def serd_listening(environment: dict[str, str], port: int, model: str) -> Iterator[None]:
    """Run ``serd run`` on the virtual microphone until the block is left, then end it with SIGTERM."""
    command = [*SERD, "run", "--source", "pulse", "--name", "virtual", "--node", "check"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--model", model] if model else []
    with (
        tempfile.TemporaryFile("w+") as log,
        subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=log) as daemon,
    ):
        try:
            wait_for(lambda: "listening to microphone" in _text(log), "serd to listen")
            yield
        finally:
            daemon.terminate()
            if daemon.wait(timeout=10) != 0:
                raise RuntimeError(f"serd ended with code {daemon.returncode}: {_text(log)}")


class Subscriber:
    """The utterance events at a broker, as mosquitto_sub gives them."""

    def __init__(self, port: int) -> None:
        command = ["mosquitto_sub", "-p", str(port), "-t", "serd/#", "-F", "%t %p"]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE)
        if self._process.stdout is None:
            raise RuntimeError("mosquitto_sub has no output")
        self._output = self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._partial = b""
        self.utterances: list[dict[str, Any]] = []

    def read(self) -> list[dict[str, Any]]:
        """All utterance events so far."""
        self._partial += self._output.read() or b""
        *lines, self._partial = self._partial.split(b"\n")
        for line in lines:
            topic, _, payload = line.decode().partition(" ")
            if topic.endswith("/event"):
                event = json.loads(payload)
                if event["kind"] == "utterance":
                    self.utterances.append(event)
        return self.utterances

    def close(self) -> None:
        """End mosquitto_sub."""
        self._process.terminate()
        self._process.wait()
        self._output.close()


def hear_all(paths: list[Path], *, model: str = "", resampler: str = "") -> list[Heard]:
    """Play each recording and compare what is heard with what ``serd analyze`` finds in the file."""
    in_files = _analyse(paths, model)
    with (
        virtual_microphone(resampler) as environment,
        broker() as port,
        contextlib.closing(Subscriber(port)) as subscriber,
        serd_listening(environment, port, model),
    ):
        return [_hear(path, in_files[path], subscriber, environment) for path in paths]


def _hear(
    path: Path, in_file: dict[str, Any], subscriber: Subscriber, environment: dict[str, str]
) -> Heard:
    n_before = len(subscriber.read())
    played_at = _play(path, environment)
    with contextlib.suppress(TimeoutError):
        wait_for(lambda: len(subscriber.read()) > n_before, "an utterance", _HEARD_S)
    # What else the recording might bring would come within the hangover.
    time.sleep(_GAP_S)
    new = subscriber.read()[n_before:]
    if not new:
        nan = float("nan")
        return _heard(path, new, in_file, nan, nan)
    first, last = new[0], new[-1]
    epoch_s = datetime.fromisoformat(last["time"]).timestamp() - last["end_s"]
    start_error_s = epoch_s + first["start_s"] - (played_at + in_file["start_s"])
    end_error_s = epoch_s + last["end_s"] - (played_at + in_file["end_s"])
    return _heard(path, new, in_file, start_error_s, end_error_s)


def _play(path: Path, environment: dict[str, str]) -> float:
    """Play a recording to its end; the Unix time at which its first sample was played."""
    command = ["paplay", "--verbose", "--latency-msec=30", str(path)]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) as player:
        if player.stderr is None:
            raise RuntimeError("paplay has no error output")
        said = b""
        while b"Stream started." not in said:
            chunk = os.read(player.stderr.fileno(), 4096)
            if not chunk:
                raise RuntimeError(f"paplay played nothing: {said.decode()}")
            said += chunk
        started_at = time.time()
        while os.read(player.stderr.fileno(), 65536):
            pass
    return started_at


def _heard(
    path: Path,
    events: list[dict[str, Any]],
    in_file: dict[str, Any],
    start_error_s: float,
    end_error_s: float,
) -> Heard:
    return Heard(
        path=path,
        n_utterances=len(events),
        emotion_in_file=in_file["emotion"],
        emotion_heard=events[-1]["emotion"] if events else "none",
        start_error_s=start_error_s,
        end_error_s=end_error_s,
    )


def _analyse(paths: list[Path], model: str) -> dict[Path, dict[str, Any]]:
    """The last utterance event of each file."""
    command = [*SERD, "analyze", "--json", *(["--model", model] if model else []), *map(str, paths)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    events = [json.loads(line) for line in output.splitlines()]
    found = {Path(event["file"]): event for event in events if event["kind"] == "utterance"}
    for path in set(paths) - set(found):
        raise RuntimeError(f"{path}: serd analyze hears no utterance in it; choose other recordings")
    return found


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = _READY_S) -> None:
    """Wait until ``condition()`` is true; TimeoutError if it is not within ``timeout_s`` seconds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {timeout_s:.0f} s for {what}")
        time.sleep(0.05)


def free_port() -> int:
    """A TCP port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.5):
        return True
    return False


def _runs(command: list[str], environment: dict[str, str], expected: str) -> bool:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return expected in done.stdout


def _text(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def main() -> int:
    """Play random speech clips of a RAVDESS folder; the exit code says whether all was right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--clips", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", default="")
    parser.add_argument("--resampler", default="", help="of PulseAudio, such as soxr-vhq")
    args = parser.parse_args()
    clips = sorted(args.folder.rglob("03-01-*.*"))
    chosen = random.Random(args.seed).sample(clips, args.clips)  # noqa: S311
    results = hear_all(chosen, model=args.model, resampler=args.resampler)
    for heard in results:
        mark = "" if heard.emotion_heard == heard.emotion_in_file else "  <- differs"
        print(
            f"{heard.path.name}  {heard.n_utterances} utterance  start {heard.start_error_s:+.2f} s"
            f"  end {heard.end_error_s:+.2f} s  {heard.emotion_in_file} / {heard.emotion_heard}{mark}"
        )
    n_one = sum(heard.n_utterances == 1 for heard in results)
    n_same = sum(heard.emotion_heard == heard.emotion_in_file for heard in results)
    errors = [abs(error) for h in results for error in (h.start_error_s, h.end_error_s)]
    worst_s = max(errors)
    print(f"{n_one} of {len(results)} gave one utterance; same emotion in {n_same};", end=" ")
    print(f"largest error of a time {worst_s:.2f} s")
    return 0 if n_one == len(results) and n_same >= 0.95 * len(results) and worst_s <= 0.2 else 1


if __name__ == "__main__":
    sys.exit(main())
