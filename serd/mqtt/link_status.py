"""The state of the connection to a broker, as the log has it: a line for each change, with its cause."""

from typing import Final, Protocol

from serd.mqtt.diagnosis import CONNECTION_LOST, CONNECTION_REFUSED, NO_ANSWER, NOT_MQTT


class StatusLog(Protocol):
    """Takes one line about the connection."""

    def __call__(self, line: str, *, is_up: bool) -> None:
        """Log the line; ``is_up`` says whether there is a connection."""
        ...


class LinkStatus:
    """The state of the connection to one broker; logs each change once, not once an attempt."""

    def __init__(self, address: str, log: StatusLog, *, is_version_5: bool) -> None:
        """Begin without a connection.

        Args:
            address: host and port of the broker.
            log: takes the lines.
            is_version_5: whether serd asks for MQTT 5, which not every broker speaks.
        """
        self.reason = ""
        """Why there is no connection; empty while there is one."""
        self._broker: Final = f"broker {address}"
        self._log = log
        self._is_version_5 = is_version_5
        self._logged_reasons: set[str] = set()
        self._logged_limits: set[str] = set()
        self._is_failure_logged = False

    def connected(self) -> None:
        """Log a new connection."""
        self.reason = ""
        self._logged_reasons.clear()
        self._log(f"connected to {self._broker}", is_up=True)

    def limited(self, warning: str) -> None:
        """Log once what the broker cannot do, if ``warning`` says so."""
        if warning and warning not in self._logged_limits:
            self._logged_limits.add(warning)
            self._log(f"{self._broker} {warning}", is_up=False)

    def attempt_failed(self, outcome: str, reason: str) -> None:
        """Log why an attempt fails; ``outcome`` as in "cannot be reached"."""
        self._is_failure_logged = True
        self._log_once(f"{self._broker} {outcome}", self._with_version_hint(reason))

    def ended(self, *, was_up: bool, reason: str = CONNECTION_LOST) -> None:
        """Log the end of a connection, or of an attempt whose failure was not logged yet."""
        is_failure_logged, self._is_failure_logged = self._is_failure_logged, False
        if was_up:
            self._log_once(f"lost {self._broker}", reason)
            # While a broker restarts, its port is closed or opens too early; both follow from the loss.
            self._logged_reasons.update((CONNECTION_REFUSED, self._with_version_hint(NOT_MQTT)))
        elif not is_failure_logged:
            self._log_once(f"{self._broker} cannot be used", self._with_version_hint(NOT_MQTT))

    def subscription_refused(self, topic_filter: str, reason: str) -> None:
        """Log that the broker refuses a subscription."""
        self._log(f"{self._broker} refuses the subscription to {topic_filter}: {reason}", is_up=False)

    def _with_version_hint(self, reason: str) -> str:
        if self._is_version_5 and reason in {NOT_MQTT, NO_ANSWER}:
            return f'{reason} Does it speak MQTT 5? Else set [mqtt] protocol = "3.1.1"'
        return reason

    def _log_once(self, event: str, reason: str) -> None:
        self.reason = reason
        if reason not in self._logged_reasons:
            self._logged_reasons.add(reason)
            self._log(f"{event}: {reason}; trying again", is_up=False)
