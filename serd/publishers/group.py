"""All publishers that the settings ask for, as one."""

import logging
from collections.abc import Mapping
from typing import Any

from serd.errors import PublishError, SerdError
from serd.events.reports import Report
from serd.publishers import Context, Publisher, publisher_modules

_log = logging.getLogger("serd.publishers")


class PublisherGroup:
    """Hands every report to every publisher."""

    def __init__(self, settings: Mapping[str, Any], context: Context) -> None:
        """Create the publishers.

        Args:
            settings: those of each publisher, by its section.
            context: what they need to know of the daemon.

        Raises:
            SerdError: one of them cannot work; the others are closed again.
        """
        self._settings = settings
        self._context = context
        self._publishers: dict[str, Publisher] = {}
        try:
            for section in publisher_modules():
                self._create(section)
        except SerdError:
            self.close(0.0, is_patient=False)
            raise

    def publish(self, report: Report) -> None:
        """Hand a report to all."""
        for publisher in self._publishers.values():
            publisher.publish(report)

    def close(self, timeout_s: float, *, is_patient: bool) -> None:
        """Close all, whatever becomes of the others.

        Args:
            timeout_s: how long each may take.
            is_patient: whether what nobody took is an error, and not only a line in the log.

        Raises:
            PublishError: something is left that nobody took; the first of them.
        """
        first: PublishError | None = None
        while self._publishers:
            _, publisher = self._publishers.popitem()
            left = _close(publisher, timeout_s)
            if is_patient and first is None:
                first = left
            elif left is not None:
                _log.warning("%s", left)
        if first is not None:
            raise first

    def change(self, settings: Mapping[str, Any], context: Context, timeout_s: float) -> None:
        """Take over other settings; publishers that they do not touch go on undisturbed.

        Raises:
            SerdError: a publisher cannot work with them; the others have changed.
        """
        same_context = context == self._context
        stale = [
            section
            for section in publisher_modules()
            if not same_context or settings[section] != self._settings[section]
        ]
        self._settings, self._context = settings, context
        for section in stale:
            publisher = self._publishers.pop(section, None)
            if publisher is not None and (left := _close(publisher, timeout_s)) is not None:
                _log.warning("%s", left)
            self._create(section)

    def _create(self, section: str) -> None:
        module = publisher_modules()[section]
        publisher: Publisher | None = module.create(self._settings[section], self._context)
        if publisher is not None:
            self._publishers[section] = publisher


def _close(publisher: Publisher, timeout_s: float) -> PublishError | None:
    """Close a publisher; an error where something is left that nobody took."""
    try:
        publisher.close(timeout_s)
    except PublishError as exc:
        return exc
    return None
