"""The group of all enabled publishers, which acts as one."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serd.errors import PublishError, SerdError
from serd.events.reports import Report
from serd.publishers import Context, Publisher, publisher_modules
from serd.publishers.health import BrokerState, KnowsBroker

_log = logging.getLogger("serd.publishers")


class PublisherGroup:
    """Passes every report to every publisher; one that fails leaves the others alone."""

    def __init__(self, settings: Mapping[str, Any], context: Context) -> None:
        """Create the publishers.

        Args:
            settings: settings of each publisher, by its section.
            context: the daemon.

        Raises:
            SerdError: a publisher cannot work with its settings; the others are closed again.
        """
        self._settings = settings
        self._context = replace(context, broker=self.broker_state)
        self._publishers: dict[str, Publisher] = {}
        self._failing: dict[str, set[type[Report]]] = {}
        """Kinds of reports that each failing publisher could not take, by its section."""
        try:
            for section in publisher_modules():
                self._create(section)
        except SerdError:
            self.close(0.0, raises_errors=False)
            raise

    def publish(self, report: Report) -> None:
        """Pass a report to all publishers.

        A publisher that fails is logged once and gets the next report as well. It works again once it
        has taken a report of each kind that failed, since it may ignore the other kinds.

        Raises:
            BrokenPipeError: the reader of standard output has ended, and the command ends with it.
        """
        for section, publisher in self._publishers.items():
            try:
                publisher.publish(report)
            except BrokenPipeError:
                raise
            except Exception as exc:  # noqa: BLE001 - the other publishers go on
                self._note_failure(section, report, exc)
            else:
                self._note_success(section, report)

    def broker_state(self) -> BrokerState | None:
        """The connection to the broker; None if no publisher has one. Any thread may call it."""
        known = (each for each in tuple(self._publishers.values()) if isinstance(each, KnowsBroker))
        return next((each.broker_state() for each in known), None)

    def _note_failure(self, section: str, report: Report, exc: Exception) -> None:
        if section not in self._failing:
            _log.error("publisher %s fails and is tried again", section, exc_info=exc)
        self._failing.setdefault(section, set()).add(type(report))

    def _note_success(self, section: str, report: Report) -> None:
        failing = self._failing.get(section)
        if failing is None:
            return
        failing.discard(type(report))
        if not failing:
            del self._failing[section]
            _log.info("publisher %s works again", section)

    def close(self, timeout_s: float, *, raises_errors: bool) -> None:
        """Close all publishers, even if some fail.

        Args:
            timeout_s: longest time for each publisher, in seconds.
            raises_errors: whether undelivered reports are an error; else they are only logged.

        Raises:
            PublishError: the first error of a publisher that could not deliver all reports.
        """
        first: PublishError | None = None
        while self._publishers:
            section, publisher = self._publishers.popitem()
            error = _close(section, publisher, timeout_s)
            if section in self._failing and error is None:
                error = PublishError(f"publisher {section} could not deliver all reports")
            if raises_errors and first is None:
                first = error
            elif error is not None:
                _log.warning("%s", error)
        if first is not None:
            raise first

    def change(self, settings: Mapping[str, Any], context: Context, timeout_s: float) -> None:
        """Apply new settings; publishers whose settings are the same go on undisturbed.

        Raises:
            SerdError: a publisher cannot work with its settings; the ones before it have changed.
        """
        context = replace(context, broker=self.broker_state)
        is_same_context = context == self._context
        changed = [
            section
            for section in publisher_modules()
            if not is_same_context or settings[section] != self._settings[section]
        ]
        self._settings, self._context = settings, context
        for section in changed:
            publisher = self._publishers.pop(section, None)
            self._failing.pop(section, None)
            error = _close(section, publisher, timeout_s) if publisher is not None else None
            if error is not None:
                _log.warning("%s", error)
            self._create(section)

    def _create(self, section: str) -> None:
        module = publisher_modules()[section]
        publisher: Publisher | None = module.create(self._settings[section], self._context)
        if publisher is not None:
            self._publishers[section] = publisher
        # After a reload, too, events are in safe keeping before anything shows them.
        in_order = [name for name in publisher_modules() if name in self._publishers]
        self._publishers = {name: self._publishers[name] for name in in_order}


def _close(section: str, publisher: Publisher, timeout_s: float) -> PublishError | None:
    """Close a publisher; return the error if it could not deliver all reports."""
    try:
        publisher.close(timeout_s)
    except PublishError as exc:
        return exc
    except Exception as exc:  # noqa: BLE001 - the other publishers are closed as well
        _log.error("publisher %s fails", section, exc_info=exc)
        return PublishError(f"publisher {section} may not have delivered all reports")
    return None
