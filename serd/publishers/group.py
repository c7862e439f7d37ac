"""The group of all enabled publishers, which acts as one."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from serd.errors import PublishError, SerdError
from serd.events.reports import Report
from serd.publishers import Adapting, Context, Publisher, Starting, publisher_modules
from serd.publishers.health import BrokerState, KnowsBroker

_log = logging.getLogger("serd.publishers")


class PublisherGroup:
    """Passes every report to every publisher; one that fails leaves the others alone."""

    def __init__(self, settings: Mapping[str, Any], context: Context) -> None:
        """Create and start the publishers.

        Args:
            settings: settings of each publisher, by its section.
            context: the daemon.

        Raises:
            SerdError: a publisher cannot work with its settings; the others are closed again.
        """
        context = replace(context, broker=self.broker_state, sections=settings)
        self._publishers: dict[str, Publisher] = {}
        self._in_force: dict[str, tuple[Any, Context] | None] = {}
        """Settings and context of each running publisher; None if neither the new nor the earlier
        settings work."""
        self._failing: dict[str, set[type[Report]]] = {}
        """Kinds of reports that each failing publisher could not take, by its section."""
        try:
            for section in publisher_modules():
                self._start(section, _create(section, settings[section], context))
                self._in_force[section] = settings[section], context
        except Exception:
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
        """Apply new settings, section by section.

        A publisher with the same settings goes on undisturbed if it can follow the daemon. Else its
        successor is created, it is closed, and the successor starts. Settings that cannot be applied
        are logged and leave the earlier publisher in force; the next call tries them again.

        Args:
            settings: settings of each publisher, by its section.
            context: the daemon.
            timeout_s: longest time for each publisher to close, in seconds.
        """
        context = replace(context, broker=self.broker_state, sections=settings)
        for section in publisher_modules():
            if not self._goes_on(section, settings[section], context):
                self._replace(section, settings[section], context, timeout_s)

    def _goes_on(self, section: str, settings: Any, context: Context) -> bool:  # noqa: ANN401
        """Whether a section needs no other publisher; the one that it has follows the daemon."""
        in_force = self._in_force[section]
        if in_force is None or in_force[0] != settings:
            return False
        publisher = self._publishers.get(section)
        if isinstance(publisher, Adapting):
            goes_on = publisher.adapt(context)
        else:
            goes_on = publisher is None or context == in_force[1]
        if goes_on:
            self._in_force[section] = settings, context
        return goes_on

    def _replace(self, section: str, settings: Any, context: Context, timeout_s: float) -> None:  # noqa: ANN401
        """Replace the publisher of a section, unless its successor cannot be created or started."""
        try:
            successor = _create(section, settings, context)
        except Exception as exc:  # noqa: BLE001 - the earlier publisher must go on
            _log_refusal(section, exc)
            return
        if (publisher := self._publishers.pop(section, None)) is not None:
            self._failing.pop(section, None)
            if (error := _close(section, publisher, timeout_s)) is not None:
                _log.warning("%s", error)
        try:
            self._start(section, successor)
            self._in_force[section] = settings, context
        except Exception as exc:  # noqa: BLE001 - the earlier publisher must come back
            _log_refusal(section, exc)
            self._restore(section)

    def _restore(self, section: str) -> None:
        """Bring back the publisher that a section had, after its successor could not start."""
        in_force = self._in_force[section]
        try:
            if in_force is not None:
                self._start(section, _create(section, *in_force))
        except Exception as exc:  # noqa: BLE001 - the other publishers go on
            _log.error("the earlier publisher %s does not start again", section, exc_info=exc)
            self._in_force[section] = None

    def _start(self, section: str, publisher: Publisher | None) -> None:
        """Start a publisher, and give it its place among the others."""
        if publisher is None:
            return
        try:
            if isinstance(publisher, Starting):
                publisher.start()
        except Exception:
            _close(section, publisher, 0.0)
            raise
        self._publishers[section] = publisher
        # After a reload, too, events are in safe keeping before anything shows them.
        in_order = [name for name in publisher_modules() if name in self._publishers]
        self._publishers = {name: self._publishers[name] for name in in_order}


def _create(section: str, settings: Any, context: Context) -> Publisher | None:  # noqa: ANN401
    return publisher_modules()[section].create(settings, context)


def _log_refusal(section: str, error: Exception) -> None:
    """Log why the settings of a section are not applied; a defect with its traceback."""
    if isinstance(error, SerdError):
        _log.error("[%s] stays as it was: %s", section, error)
    else:
        _log.error("[%s] stays as it was", section, exc_info=error)


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
