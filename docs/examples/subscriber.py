"""Prints the utterances that serd publishes on a broker.

python subscriber.py [HOST [PORT]]
"""

import sys

from paho.mqtt import subscribe
from paho.mqtt.client import Client, MQTTMessage

import serd

host = sys.argv[1] if len(sys.argv) > 1 else "localhost"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 1883


def show(_client: Client, _data: object, message: MQTTMessage) -> None:
    """Print one event; a message that is none is ignored."""
    try:
        event = serd.Event.from_json(message.payload)
    except serd.EventError:
        return
    if event.kind == "utterance":
        print(f"{event.node}/{event.source}: {event.emotion} ({event.confidence:.0%})", flush=True)


subscribe.callback(show, "serd/+/+/event", hostname=host, port=port)
