"""Control commands to a running daemon do no harm, and valid values are saved."""

import random
from contextlib import closing
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from serd.errors import InputError
from serd.events.controls import CONTROLS, MAX_COOLDOWN_S, Controls, control_texts, with_control
from serd.mqtt.link import MAX_PAYLOAD_BYTES
from testkit.brokers import Listener, MosquittoBroker, mosquitto, wait_until
from testkit.piped_daemon import AVAILABILITY, running


class CommandSender:
    """Publishes bytes to the controls of the source, in order."""

    def __init__(self, broker: MosquittoBroker) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.connect(broker.host, broker.port)
        self._client.loop_start()

    def publish(self, control: str, payload: bytes) -> None:
        """Send one value."""
        self._client.publish(f"serd/n/mic/{control}/set", payload, qos=1)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()


def random_payload(dice: random.Random) -> bytes:
    """Random bytes, text or numbers, an empty payload, or a valid value."""
    text = "".join(
        chr(dice.choice((dice.randrange(1, 128), dice.randrange(160, 55296)))) for _ in range(9)
    )
    return dice.choice(
        (
            lambda: dice.randbytes(dice.randrange(1, 60)),
            lambda: dice.randbytes(dice.randrange(60, 3000)),
            text.encode,
            lambda: str(dice.uniform(-2.0, 2.0)).encode(),
            lambda: str(dice.uniform(-1e4, 1e4)).encode(),
            lambda: str(dice.randrange(-(10**12), 10**12)).encode(),
            lambda: dice.choice((b"nan", b"inf", b"-inf", b"1e999", b"1e-999", b"0x1", b"1_0", b"-0")),
            lambda: dice.choice((b"ON", b"OFF", b"on", b" off\n", b"TRUE", b"1", b"0", b"null", b"{}")),
            lambda: dice.choice(
                ("\u0660.\u0665", "\u00bd", "\u0967\u0966", "1\u200b", "\uff2f\uff2e", "OFF\0")
            ).encode(),
            lambda: b"",
        )
    )()


def test_ten_thousand_random_commands(tmp_path: Path) -> None:
    """The last invalid values are answered, the last valid ones are applied and survive a restart."""
    dice = random.Random(8)  # noqa: S311
    expected, n_refused = Controls(), dict.fromkeys(CONTROLS, 0)
    with mosquitto() as broker, Listener(broker) as listener:
        with (
            running(broker, tmp_path, "--source", "-") as daemon,
            closing(CommandSender(broker)) as sender,
        ):
            wait_until(lambda: listener.of(AVAILABILITY) == ["online"], "the source")
            for _ in range(40):
                refused: dict[str, str] = {}
                for _ in range(250):
                    control, payload = dice.choice(CONTROLS), random_payload(dice)
                    sender.publish(control, payload)
                    if len(payload) > MAX_PAYLOAD_BYTES:
                        continue  # it is dropped without an answer
                    try:
                        expected = with_control(expected, control, payload)
                    except InputError as exc:
                        refused[control] = str(exc)
                        n_refused[control] += 1
                texts = control_texts(expected)
                wait_until(
                    lambda: {name: values(listener, name)[-1] for name in CONTROLS} == texts,  # noqa: B023
                    "the last values",
                )
                wait_until(
                    lambda: {name: answers(listener, name)[-1] for name in refused} == refused,  # noqa: B023
                    "the last answers",
                )
            assert daemon.stop() == 0, daemon.log
        assert not [line for line in daemon.log if "Traceback" in line or "could not be handled" in line]
        assert set(values(listener, "mute")) == {"ON", "OFF"}
        assert all(0.0 <= float(text) <= 1.0 for text in values(listener, "threshold"))
        assert all(0.0 <= float(text) <= MAX_COOLDOWN_S for text in values(listener, "cooldown"))
        assert min(len(set(values(listener, name))) for name in ("threshold", "cooldown")) > 10
        assert min(n_refused.values()) > 1000
        n_before = len(listener.of(AVAILABILITY))
        with running(broker, tmp_path, "--source", "-") as daemon:
            wait_until(lambda: listener.of(AVAILABILITY)[n_before:] == ["online"], "the second start")
            assert {name: values(listener, name)[-1] for name in CONTROLS} == texts
            assert daemon.stop() == 0, daemon.log


def values(listener: Listener, control: str) -> list[str]:
    """All values published on the topic of a control, in order."""
    return listener.of(f"serd/n/mic/{control}")


def answers(listener: Listener, control: str) -> list[str]:
    """All reasons for refused values of a control, in order."""
    return listener.of(f"serd/n/mic/{control}/error") or [""]
