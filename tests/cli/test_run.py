"""serd run in a process of its own: its events, its log and its end."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile

from serd import __version__
from serd.cli import main
from serd.daemon.state import ControlStore
from serd.events.controls import MUTE, Controls
from serd.events.schema import json_schema
from testkit.brokers import Listener, free_port, mosquitto, wait_until
from testkit.daemons import SERD, Daemon, environment, events, finding, serd
from testkit.voices import silence, synthetic_voice

RETAINED = ("availability", "problem", "state", "mood", "speech", "mute", "threshold", "cooldown")


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound file with utterances of 4.8 s and 2 s."""
    path = tmp_path_factory.mktemp("sound") / "spoken.wav"
    parts = (
        silence(0.5),
        synthetic_voice(4.8, seed=1),
        silence(1.5),
        synthetic_voice(2.0, seed=2, f0_hz=210.0),
        silence(0.3),
    )
    soundfile.write(path, np.concatenate(parts), 16_000)
    return path


def test_events_reach_the_broker_and_the_output(spoken: Path, tmp_path: Path) -> None:
    """All events of a file are acknowledged before serd ends with 0 and the status offline."""
    with (
        mosquitto() as broker,
        Listener(broker) as listener,
        serd("run", "--source", spoken, "--fast", "--json", "--node", "n", "--host", broker.host,
             "--port", broker.port, home=tmp_path) as daemon,
    ):  # fmt: skip
        assert daemon.wait() == 0, daemon.log
        printed = events(daemon.output)
        wait_until(lambda: len(listener.of("serd/n/mic/event")) >= len(printed), "the events")
        assert events(listener.of("serd/n/mic/event")) == printed
        retained = broker.retained("serd/#")
    kinds = ["estimate" if event.get("provisional") else event["kind"] for event in printed]
    first, second = ["estimate", "window", "window", "window"], ["estimate", "window"]
    assert kinds == [*first, "utterance", *second, "utterance"]
    for event in printed:
        jsonschema.validate(event, json_schema())
    assert retained.keys() == {"serd/n/status", *(f"serd/n/mic/{name}" for name in RETAINED)}
    assert retained["serd/n/status"] == "offline"


def test_the_start_is_logged(spoken: Path, tmp_path: Path) -> None:
    """Version, model, TFLite runtime and source, and no line of other libraries."""
    with serd(
        "run", "--source", spoken, "--fast", home=tmp_path, extra={"SERD_MQTT_ENABLED": "0"}
    ) as daemon:
        assert daemon.wait() == 0
    assert daemon.log[0].startswith(f"serd: version {__version__}, model serd-ravdess8")
    assert "ai_edge_litert" in daemon.log[0]
    assert "spoken.wav (9.1 s)" in daemon.log[1]
    assert len(daemon.log) == 2


def test_a_run_without_events_is_explained(tmp_path: Path) -> None:
    """Rejected noise leaves a line with the setting that accepts it; silence leaves another."""
    noise = np.random.default_rng(0).normal(0.0, 2000.0, 5 * 16_000).astype(np.int16)
    for name, sound in (("noise", noise), ("silent", silence(2.0))):
        soundfile.write(tmp_path / f"{name}.wav", sound, 16_000)
    quiet = {"SERD_MQTT_ENABLED": "0"}

    def run_on(name: str, **extra: str) -> tuple[list[str], str]:
        source = tmp_path / f"{name}.wav"
        with serd("run", "--source", source, "--fast", home=tmp_path, extra=quiet | extra) as daemon:
            assert daemon.wait() == 0, daemon.log
        return daemon.output, daemon.log[-1]

    output, last = run_on("noise")
    assert not output
    assert "the model rejected everything as no speech" in last
    assert "raise [model] no_speech_threshold (now 0.1)" in last
    output, _ = run_on("noise", SERD_MODEL_NO_SPEECH_THRESHOLD="1")
    assert output
    assert run_on("silent") == ([], "serd: no speech was detected")


def test_a_source_that_is_still_muted_is_named(spoken: Path, tmp_path: Path) -> None:
    """The log says so at the start, with the topic that ends it, and at the end."""
    ControlStore(tmp_path).save("mic", MUTE, Controls(mute=True))
    quiet = {"SERD_MQTT_ENABLED": "0", "STATE_DIRECTORY": str(tmp_path)}
    command = ("run", "--source", spoken, "--fast", "--node", "n")
    with serd(*command, home=tmp_path, extra=quiet) as daemon:
        assert daemon.wait() == 0, daemon.log
    assert "serd: mic is muted, as before this start; publish OFF to serd/n/mic/mute/set" in daemon.log
    assert daemon.log[-1] == "serd: the source was muted, so nothing was heard"
    assert not daemon.output


def test_a_pipe_gives_the_events_of_the_file(spoken: Path, tmp_path: Path) -> None:
    """Raw PCM and WAV on standard input, a file and serd analyze give equal events, to the last digit.

    Provisional events are the exception: the analysis of a file needs no early estimate.
    """
    no_broker = {"SERD_MQTT_ENABLED": "0"}
    with serd("run", "--source", spoken, "--fast", "--json", "--node", "n", home=tmp_path,
              extra=no_broker) as from_file:  # fmt: skip
        assert from_file.wait() == 0
    piped = []
    for sound in (soundfile.read(spoken, dtype="int16")[0].tobytes(), spoken.read_bytes()):
        with serd("run", "--source", "-", "--json", "--node", "n", home=tmp_path, extra=no_broker,
                  stdin=subprocess.PIPE) as from_pipe:  # fmt: skip
            pipe = from_pipe.process.stdin
            assert pipe is not None
            pipe.write(sound)
            pipe.close()
            assert from_pipe.wait() == 0
            piped.append([finding(event) for event in events(from_pipe.output)])
    with serd("analyze", "--json", spoken, home=tmp_path, extra={"SERD_NODE_NAME": "n"}) as analyzed:
        assert analyzed.wait() == 0
    expected = [finding(event) for event in events(from_file.output)]
    assert len(expected) == 8
    assert piped == [expected] * 2
    full = [event for event in expected if "provisional" not in event]
    assert len(full) == 6
    assert [finding(event) for event in events(analyzed.output)[:-1]] == full


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_finishes_the_current_utterance(number: signal.Signals, tmp_path: Path) -> None:
    """The utterance is published, then the status offline, and the exit code is 0."""
    with (
        mosquitto() as broker,
        Listener(broker) as listener,
        serd("run", "--source", "-", "--node", "n", "--host", broker.host, "--port", broker.port,
             home=tmp_path, stdin=subprocess.PIPE) as daemon,
    ):  # fmt: skip
        pipe = daemon.process.stdin
        assert pipe is not None
        pipe.write(synthetic_voice(3.5).tobytes())
        pipe.flush()
        wait_until(lambda: listener.of("serd/n/mic/event"), "the first window")
        assert daemon.stop(number) == 0, daemon.log
        wait_until(lambda: "offline" in listener.of("serd/n/status"), "offline")
        kinds = [event["kind"] for event in events(listener.of("serd/n/mic/event"))]
    assert kinds[0] == "window"
    assert kinds[-1] == "utterance"
    assert not any("Traceback" in line for line in daemon.log)


def test_events_have_the_wall_clock_time_of_their_sound(spoken: Path, tmp_path: Path) -> None:
    """The times of a file that plays in real time match its sound, with little latency."""
    before_s = time.time()
    with serd(
        "run", "--source", spoken, "--json", home=tmp_path, extra={"SERD_MQTT_ENABLED": "0"}
    ) as daemon:
        assert daemon.wait() == 0
    after_s = time.time()
    printed = events(daemon.output)
    stamps = np.array([np.datetime64(event["time"][:-6]) for event in printed])
    seconds = (stamps - stamps[0]) / np.timedelta64(1, "s")
    ends = np.array([event["end_s"] for event in printed])
    assert seconds == pytest.approx(ends - ends[0], abs=2e-3)
    assert after_s - before_s > 9.0
    assert max(event["latency_ms"] for event in printed) < 2000.0


def test_a_missing_broker_is_an_error_at_the_end(spoken: Path, tmp_path: Path) -> None:
    """After the sound it logs the number of undelivered events; the exit code is 1."""
    port = free_port()
    with serd("run", "--source", spoken, "--fast", "--json", "--host", "127.0.0.1", "--port", port,
              home=tmp_path) as daemon:  # fmt: skip
        assert daemon.wait() == 1
    assert len(daemon.output) == 8
    errors = [line for line in daemon.log if line.startswith("serd: error:")]
    assert len(errors) == 1
    assert "8 events" in errors[0]
    assert f"127.0.0.1:{port}" in errors[0]
    assert not any("Traceback" in line for line in daemon.log)


def _refusal(daemon: Daemon) -> tuple[int, str]:
    code = daemon.wait()
    (line,) = daemon.log
    return code, line


@pytest.mark.parametrize(
    ("arguments", "extra", "parts"),
    [
        (["--source", "missing.wav"], {}, ["missing.wav", "no such file"]),
        (["--source", "no such microphone"], {}, ["microphone"]),
        (["--model", "missing.tflite", "--source", "demo"], {}, ["missing.tflite"]),
        ([], {"SERD_MQTT_PORT": "abc"}, ["SERD_MQTT_PORT", "'abc'", "a whole number"]),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(
    arguments: list[str], extra: dict[str, str], parts: list[str], tmp_path: Path
) -> None:
    """The line has the wrong and the expected value; there is no traceback."""
    with serd("run", *arguments, home=tmp_path, extra={"SERD_MQTT_ENABLED": "0"} | extra) as daemon:
        code = daemon.wait()
    line = daemon.log[-1]
    assert code == 2, daemon.log
    assert line.startswith("serd: error:")
    assert all(part in line for part in parts), line
    assert not any("Traceback" in text for text in daemon.log)


@pytest.mark.parametrize(
    ("arguments", "variables", "parts"),
    [
        (["--config", "missing.toml"], {}, ["missing.toml", "no such settings file"]),
        ([], {"SERD_MQTT_PROT": "1883"}, ["SERD_MQTT_PROT", "did you mean 'port'"]),
        (["--port", "70000"], {}, ["70000", "1 to 65535"]),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    arguments: list[str],
    variables: dict[str, str],
    parts: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The line has the wrong and the expected value, before anything starts; there is no traceback."""
    for name, text in {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), **variables}.items():
        monkeypatch.setenv(name, text)
    assert main(["run", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("serd: error:")
    assert all(part in line for part in parts), line


def test_a_port_that_is_no_number_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """The command line refuses it, with exit code 2."""
    with pytest.raises(SystemExit) as caught:
        main(["run", "--port", "abc"])
    assert caught.value.code == 2
    assert "invalid int value: 'abc'" in capsys.readouterr().err.splitlines()[-1]


def test_the_demo_runs_until_it_is_stopped(tmp_path: Path) -> None:
    """Without broker and microphone it shows events and publishes them to the embedded broker."""
    port = free_port()
    extra = {"SERD_MQTT_PORT": str(free_port()), "SERD_MQTT_INNER_PORT": str(port)}
    with serd("run", "--source", "demo", "--fast", home=tmp_path, extra=extra) as daemon:
        line = daemon.wait_for_log("mosquitto_sub")
        command = line[line.index("mosquitto_sub") :].split("'")[0].split()
        assert command[command.index("-p") + 1] == str(port)
        subscriber = subprocess.run(
            [*command, "serd/#", "-v", "-C", "20", "-W", "60"],
            capture_output=True,
            text=True,
            check=True,
        )
        wait_until(lambda: len(daemon.output) >= 3, "lines on the screen")
        assert daemon.stop() == 0, daemon.log
    topics = [line.partition(" ")[0] for line in subscriber.stdout.splitlines()]
    assert any(topic.endswith("/status") for topic in topics)
    assert any(topic.endswith("/mic/event") for topic in topics)


def test_a_closed_output_ends_quietly(spoken: Path, tmp_path: Path) -> None:
    """`serd run --json | head -1` ends without a traceback."""
    command = f"{sys.executable} -m serd run --source {spoken} --fast --json | head -n 1"
    done = subprocess.run(
        ["bash", "-c", command],
        env=environment(tmp_path, {"SERD_MQTT_ENABLED": "0"}),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert json.loads(done.stdout)["kind"] == "window"
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


def test_a_full_disk_leaves_the_other_publishers_alone(spoken: Path, tmp_path: Path) -> None:
    """`serd run --json > /dev/full` publishes every event over MQTT; the exit code is 1."""
    with mosquitto() as broker, Listener(broker) as listener:
        done = _run_on_full_disk("run", "--source", spoken, "--fast", "--json", "--node", "n", "--host",
                                 broker.host, "--port", broker.port, home=tmp_path)  # fmt: skip
        wait_until(lambda: len(listener.of("serd/n/mic/event")) == 8, "the events")
    assert done.returncode == 1, done.stderr
    failures = [line for line in done.stderr.splitlines() if "publisher json" in line]
    assert len(failures) == 2, done.stderr
    assert "No space left on device" in failures[0]
    assert failures[1] == done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_analyze_on_a_full_disk_is_one_line(
    flags: tuple[str, ...], spoken: Path, tmp_path: Path
) -> None:
    """The exit code is 1, and there is no traceback, at the end of the process either."""
    done = _run_on_full_disk("analyze", *flags, spoken, home=tmp_path)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("serd: error:")
    assert "No space left on device" in line


def test_sighup_during_the_start_is_a_reload(tmp_path: Path) -> None:
    """A daemon that still reads its settings remembers the signal; it used to die."""
    settings = tmp_path / "slow.toml"
    os.mkfifo(settings)
    with serd("run", "--source", "-", "--config", settings, home=tmp_path, stdin=subprocess.PIPE,
              extra={"SERD_MQTT_ENABLED": "0"}) as daemon:  # fmt: skip
        writer = settings.open("w")  # waits for the daemon to open its end
        daemon.process.send_signal(signal.SIGHUP)
        settings.unlink()
        settings.touch()
        writer.close()
        daemon.wait_for_log("settings reloaded")
        assert daemon.stop() == 0, daemon.log


HUP_WHILE_MODULES_LOAD = """
import os, signal, sys

class Finder:
    def find_spec(self, name, *_):
        if name == "serd.cli.run":
            os.kill(os.getpid(), signal.SIGHUP)

sys.meta_path.insert(0, Finder())
from serd.__main__ import main
sys.exit(main())
"""
HUP_DURING_A_RESTART = """
import os, signal, sys
if "HAS_RESTARTED" in os.environ:
    os.kill(os.getpid(), signal.SIGHUP)
from serd.__main__ import main
from serd.daemon.service import Service

def restart(service):
    os.environ["HAS_RESTARTED"] = "yes"
    service.must_restart = True

if "HAS_RESTARTED" not in os.environ:
    Service.run = restart
sys.exit(main())
"""


@pytest.mark.parametrize("program", [HUP_WHILE_MODULES_LOAD, HUP_DURING_A_RESTART])
def test_sighup_before_the_daemon_can_handle_it_is_a_reload(program: str, tmp_path: Path) -> None:
    """It waits until the daemon is up: while modules load, and while serd restarts itself."""
    done = subprocess.run(
        [sys.executable, "-c", program, "run", "--source", "-"],
        env=environment(tmp_path, {"SERD_MQTT_ENABLED": "0"}),
        input=bytes(32_000),
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, b"settings reloaded" in done.stderr) == (0, True), done.stderr


def _run_on_full_disk(*arguments: object, home: Path) -> "subprocess.CompletedProcess[str]":
    with Path("/dev/full").open("w") as full:
        return subprocess.run(
            [*SERD, *map(str, arguments)],
            env=environment(home),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
