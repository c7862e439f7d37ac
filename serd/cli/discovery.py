"""``serd discovery``: shows or removes the description of this machine in Home Assistant."""

import argparse
import json
import logging
import threading
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
from serd.errors import PublishError
from serd.model.runtime import read_card
from serd.mqtt.homeassistant import discovery_payload, discovery_topic
from serd.mqtt.link import Link
from serd.mqtt.settings import Settings as MqttSettings
from serd.mqtt.topics import NodeTopics
from serd.publishers.mqtt import SECTION
from serd.settings.loader import Settings

_log = logging.getLogger("serd.discovery")

_ANSWER_S: Final = 10.0
"""Time for the broker to accept the connection and acknowledge, in seconds."""
_GOODBYE_S: Final = 1.0


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    parser = commands.add_parser(
        "discovery",
        help="show or remove this machine's entities in Home Assistant",
        description="Home Assistant learns of this machine from one retained message.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    show = actions.add_parser("show", help="print the message for the settings in force")
    add_model_option(show)
    show.set_defaults(command=show_command)
    remove = actions.add_parser("remove", help="take it off the broker, and the entities with it")
    remove.set_defaults(command=remove_command)
    for action in (show, remove):
        add_config_option(action)
        add_setting_option(
            action, "--node", ("node", "name"), metavar="NAME", help_text="name of the machine"
        )
        add_broker_options(action)


def show_command(args: argparse.Namespace) -> int:
    """Print the message on standard output, and log its topic."""
    settings = settings_from(args)
    node = settings.node.resolved_name
    payload = discovery_payload(
        topics=NodeTopics(prefix=settings.publishers[SECTION].prefix, node=node),
        node=node,
        sources=[source.name for source in settings.sources],
        labels=read_card(settings.model).labels,
        version=__version__,
    )
    _log.info("retained on %s", discovery_topic(settings.homeassistant, node))
    if not _is_on(settings):
        _log.warning(
            "serd run does not publish it: [homeassistant] enabled is %r, and [mqtt] host is %r",
            settings.homeassistant.enabled,
            settings.publishers[SECTION].host,
        )
    print(json.dumps(json.loads(payload), ensure_ascii=False, indent=2))
    return 0


def remove_command(args: argparse.Namespace) -> int:
    """Remove this machine from Home Assistant."""
    settings = settings_from(args)
    mqtt: MqttSettings = settings.publishers[SECTION]
    mqtt = replace(mqtt, host=mqtt.host or "localhost")
    topic = discovery_topic(settings.homeassistant, settings.node.resolved_name)
    clear(mqtt, topic)
    print(f"Removed what {mqtt.host}:{mqtt.port} retained on {topic}.")
    if _is_on(settings):
        _log.info(
            'a daemon that runs publishes it again, unless [homeassistant] enabled = "off"; stop it'
            " first"
        )
    return 0


def clear(settings: MqttSettings, topic: str) -> None:
    """Remove the message that a broker retains on a topic, if there is one.

    Args:
        settings: the broker; its host must not be empty.
        topic: topic of the message.

    Raises:
        PublishError: the broker cannot be reached, refuses, or does not acknowledge in time.
        SettingsError: a certificate or key cannot be read.
    """
    cleaner = _Cleaner(settings, topic)
    cleaner.link.start()
    try:
        is_answered = cleaner.answered.wait(_ANSWER_S)
    finally:
        cleaner.link.stop(_GOODBYE_S)
    if not is_answered:
        raise PublishError(f"broker {cleaner.link.address}: no answer within {_ANSWER_S:g} s")
    if cleaner.failure:
        raise PublishError(cleaner.failure)


class _Cleaner:
    """Publishes one empty retained message, and notes the broker's answer."""

    def __init__(self, settings: MqttSettings, topic: str) -> None:
        self.link = Link(settings, self, name="discovery")
        self.answered = threading.Event()
        self.failure = ""
        self._topic = topic
        self._message_id: int | None = None

    def connected(self) -> None:
        """Publish the message."""
        self._message_id = self.link.publish(self._topic, "", is_retained=True)

    def disconnected(self) -> None:
        """Do nothing: ``status_changed`` follows."""

    def acknowledged(self, message_id: int, *, refusal: str = "") -> None:
        """Note the answer to the message."""
        if message_id == self._message_id:
            self._end(f"broker {self.link.address} refuses {self._topic}: {refusal}" if refusal else "")

    def received(self, topic: str, payload: bytes) -> None:
        """Do nothing: there is no subscription."""

    def status_changed(self, line: str, *, is_up: bool) -> None:
        """End at the first failure: a person who waits for a command can repeat it."""
        if not is_up:
            self._end(line.removesuffix("; trying again"))

    def _end(self, failure: str) -> None:
        if not self.answered.is_set():
            self.failure = failure
            self.answered.set()


def _is_on(settings: Settings) -> bool:
    mqtt = settings.publishers[SECTION]
    return mqtt.enabled and settings.homeassistant.is_on(has_broker=bool(mqtt.host))
