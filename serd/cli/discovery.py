"""``serd discovery``: shows or removes the discovery message of this machine for Home Assistant."""

import argparse
import json
import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from serd import __version__
from serd.cli.options import (
    add_broker_options,
    add_config_option,
    add_model_option,
    add_setting_option,
    settings_from,
)
from serd.daemon.models import model_settings
from serd.daemon.supervisor import Supervisor
from serd.errors import PublishError
from serd.events.alert import alert_keys
from serd.model.runtime import read_card
from serd.mqtt.homeassistant.description import discovery_payload, discovery_topic, max_parts, part_topic
from serd.mqtt.link import Link
from serd.mqtt.settings import Settings as MqttSettings
from serd.mqtt.topics import NodeTopics
from serd.publishers.mqtt import SECTION
from serd.settings.loader import Settings

_log = logging.getLogger("serd.discovery")

_ANSWER_TIMEOUT_S: Final = 10.0
"""Time for the broker to accept the connection and acknowledge, in seconds."""
_DISCONNECT_TIMEOUT_S: Final = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "discovery",
        help="show or remove this machine's entities in Home Assistant",
        description="One retained message makes Home Assistant create the entities of this machine.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print the discovery message")
    add_model_option(show)
    show.set_defaults(command=show_command)
    remove = actions.add_parser("remove", help="remove the message and the entities")
    remove.set_defaults(command=remove_command)
    for action in (show, remove):
        add_config_option(action)
        add_setting_option(
            action, "--node", ("node", "name"), metavar="NAME", help_text="name of the machine"
        )
        add_broker_options(action)


def show_command(args: argparse.Namespace) -> int:
    """Print the discovery message on standard output, and log its topic."""
    settings = settings_from(args)
    node = settings.node.resolved_name
    sources = [source.name for source in settings.sources]
    cards = [read_card(each) for each in dict.fromkeys(model_settings(settings).values())]
    payload = discovery_payload(
        topics=NodeTopics(prefix=settings.publishers[SECTION].prefix, node=node),
        node=node,
        sources=sources,
        alerts=alert_keys(settings.alerts, sources),
        labels=list(dict.fromkeys(label for card in cards for label in card.labels)),
        version=__version__,
    )
    _log.info("retained on %s", discovery_topic(settings.homeassistant, node))
    if not _is_enabled(settings):
        _log.warning(
            "serd run does not publish it: [homeassistant] enabled is %r, and [mqtt] host is %r",
            settings.homeassistant.enabled,
            settings.publishers[SECTION].host,
        )
    print(json.dumps(json.loads(payload), ensure_ascii=False, indent=2))
    return 0


def remove_command(args: argparse.Namespace) -> int:
    """Remove the discovery message, and with it the entities in Home Assistant."""
    settings = settings_from(args)
    mqtt: MqttSettings = settings.publishers[SECTION]
    mqtt = replace(mqtt, host=mqtt.host or "localhost")
    node = settings.node.resolved_name
    # Whether a daemon had to divide its description is not known here.
    sources = [source.name for source in settings.sources]
    numbers = range(1, max_parts(sources, alert_keys(settings.alerts, sources)) + 1)
    clear(mqtt, [part_topic(settings.homeassistant, node, number) for number in numbers])
    topic = discovery_topic(settings.homeassistant, node)
    print(f"Removed the retained message on {topic} from {mqtt.host}:{mqtt.port}.")
    if _is_enabled(settings):
        _log.info(
            'a running daemon publishes it again unless [homeassistant] enabled = "off"; stop the'
            " daemon first"
        )
    return 0


def clear(settings: MqttSettings, topics: Sequence[str]) -> None:
    """Remove the retained messages on topics, as far as there are any.

    Args:
        settings: settings of the broker; the host must not be empty.
        topics: the topics.

    Raises:
        PublishError: the broker cannot be reached, refuses, or does not acknowledge in time.
        SettingsError: a certificate or key cannot be read.
    """
    cleaner = _Cleaner(settings, topics)
    cleaner.link.start(Supervisor())
    try:
        is_answered = cleaner.answered.wait(_ANSWER_TIMEOUT_S)
    finally:
        cleaner.link.stop(_DISCONNECT_TIMEOUT_S)
    if not is_answered:
        raise PublishError(f"broker {cleaner.link.address}: no answer within {_ANSWER_TIMEOUT_S:g} s")
    if cleaner.failure:
        raise PublishError(cleaner.failure)


class _Cleaner:
    """Publishes empty retained messages one after the other, and records the broker's answers."""

    def __init__(self, settings: MqttSettings, topics: Sequence[str]) -> None:
        self.link = Link(settings, self, name="discovery")
        self.answered = threading.Event()
        self.failure = ""
        self._topics = deque(topics)
        self._message_id: int | None = None

    def connected(self) -> None:
        """Publish the first message."""
        self._publish()

    def disconnected(self) -> None:
        """Do nothing: ``status_changed`` follows."""

    def acknowledged(self, message_id: int, *, refusal: str = "", is_final: bool = True) -> None:  # noqa: ARG002
        """Record the answer to the message."""
        if message_id != self._message_id:
            return
        topic = self._topics.popleft()
        if refusal:
            self._finish(f"broker {self.link.address} refuses {topic}: {refusal}")
        elif self._topics:
            self._publish()
        else:
            self._finish("")

    def received(self, topic: str, payload: bytes) -> None:
        """Do nothing: there is no subscription."""

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """End at the first failure: the user can repeat the command."""
        if not is_up:
            self._finish(line.removesuffix("; trying again"))

    def _publish(self) -> None:
        self._message_id = self.link.publish(self._topics[0], "", is_retained=True)

    def _finish(self, failure: str) -> None:
        if not self.answered.is_set():
            self.failure = failure
            self.answered.set()


def _is_enabled(settings: Settings) -> bool:
    mqtt = settings.publishers[SECTION]
    return mqtt.enabled and settings.homeassistant.is_on(has_broker=bool(mqtt.host))
